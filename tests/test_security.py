"""SECURITY.md says what the roles may do, and this is that."""

import re

import pytest

from asset import PROJECT
from permissions import look
from settings import EVERY_REGION, StackSettings
from synthesis import Template

pytest_plugins = ["synthesis"]

# A role's name in the template, and there.
ROLES = {
    "StopRole": "stop",
    "StartRole": "start",
    "StatusRole": "status",
    "ReportRole": "report",
    "StopScheduleRole": "the schedule of stop",
    "StartScheduleRole": "the schedule of start",
    "ReportScheduleRole": "the schedule of report",
}
EVERYWHERE = ' with `regions: ["*"]`'
Row = tuple[str, frozenset[str], str, str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Role, actions, on what, only if what."""
    text = (PROJECT / "SECURITY.md").read_text()
    table = text.partition("| --- | --- | --- | --- |\n")[2].partition("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table]
    return [(role, frozenset(re.findall(r"`(\S+?)`", actions)), on, only_if) for role, actions, on, only_if in cells]


def test_the_table_has_each_statement_of_each_role_and_what_narrows_it(template: Template, rows: list[Row]) -> None:
    assert template.of_type("AWS::IAM::Role").keys() == ROLES.keys()
    assert {role for role, *_ in rows if EVERYWHERE not in role} == {*ROLES.values()}
    for name, role in ROLES.items():
        told = {actions: (on == "all", bool(only_if)) for of, actions, on, only_if in rows if of == role}
        deployed = {}
        for statement in template.statements(name):
            assert statement["Effect"] == "Allow"
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            deployed[frozenset(actions)] = (statement["Resource"] == "*", "Condition" in statement)
        assert told == deployed


def test_the_table_says_what_comes_with_every_region(rows: list[Row]) -> None:
    more = [
        each
        for each in look(StackSettings(regions=EVERY_REGION))
        if each.sid not in {e.sid for e in look(StackSettings())}
    ]
    ((role, actions, on, only_if),) = [row for row in rows if EVERYWHERE in row[0]]
    assert role.removesuffix(EVERYWHERE).split(", ") == ["stop", "start", "status", "report"]
    assert [frozenset(each.actions) for each in more] == [actions]
    assert (on, only_if) == ("all", "")


def test_nobody_can_invoke_a_function_but_by_a_permission_of_their_own(template: Template) -> None:
    assert not template.of_type("AWS::Lambda::Permission")
    assert not template.of_type("AWS::Lambda::Url")
