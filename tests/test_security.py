"""SECURITY.md says what the roles may do, and this is that."""

import re
from pathlib import Path

import pytest

from asset import PROJECT
from permissions import look
from settings import EVERY_REGION, StackSettings
from synthesis import ORGANIZATION, Template, synthesize

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
NOTICES = StackSettings(notice_minutes=30, slack_workspace="T012", slack_channel="C012")
Row = tuple[str, frozenset[str], str, str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return rows_of(1)


def rows_of(number: int) -> list[Row]:
    """Role, actions, on what, only if what: of the first table, or the second."""
    text = (PROJECT / "SECURITY.md").read_text()
    table = text.split("| --- | --- | --- | --- |\n")[number].partition("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table]
    return [(role, frozenset(re.findall(r"`(\S+?)`", actions)), on, only_if) for role, actions, on, only_if in cells]


def test_the_table_has_each_statement_of_each_role_and_what_narrows_it(template: Template, rows: list[Row]) -> None:
    assert template.of_type("AWS::IAM::Role").keys() == ROLES.keys()
    assert {role for role, *_ in rows if " with " not in role} == {*ROLES.values()}
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


def test_the_second_table_has_each_statement_that_comes_with_an_organization(template: Template, package: Path) -> None:
    settings = StackSettings(organization=ORGANIZATION)
    deployed = set()
    for where in ("centre", "member"):
        found = synthesize(settings, package, plain=where == "member")
        names = {**ROLES, "CentreReader": "reader", "CentreTellRole": "failures"}
        for name in names.keys() & found.of_type("AWS::IAM::Role").keys():
            alone = template.statements(name) if name in ROLES else []
            for statement in found.statements(name):
                if statement not in alone:
                    actions = statement["Action"]
                    narrow = statement["Resource"] != "*"
                    listed = frozenset([actions] if isinstance(actions, str) else actions)
                    deployed.add((f"{where}: {names[name]}", listed, narrow))
    assert deployed == {
        (f"{where}: {role}", actions, on != "all")
        for of, actions, on, _ in rows_of(2)
        for where, _, roles in [of.partition(": ")]
        for role in roles.split(", ")
    }


def test_the_table_says_what_comes_with_notices_and_slack(template: Template, package: Path, rows: list[Row]) -> None:
    noted = synthesize(NOTICES, package)
    (more,) = [each for each in noted.statements("StopRole") if each not in template.statements("StopRole")]
    (may,) = noted.statements("NoticesSlackRole")
    told = {role: (actions, on) for role, actions, on, _ in rows if " with " in role and EVERYWHERE not in role}
    assert told == {
        "stop with `noticeMinutes`": (frozenset([more["Action"]]), "the topic of the notices"),
        "the Slack channel with `slackChannel`": (frozenset([may["Action"]]), "the start function"),
    }
    assert (more["Resource"], may["Resource"]) == ("<NoticesTopic>", "<Start.Arn>")
    (guardrail,) = noted.of_type("AWS::IAM::ManagedPolicy").values()
    assert guardrail["Properties"]["PolicyDocument"]["Statement"] == [may]
    assert noted.of_type("AWS::IAM::Role").keys() - template.of_type("AWS::IAM::Role").keys() == {"NoticesSlackRole"}


def test_nobody_can_invoke_a_function_but_by_a_permission_of_their_own(template: Template) -> None:
    assert not template.of_type("AWS::Lambda::Permission")
    assert not template.of_type("AWS::Lambda::Url")


def test_the_workflows_use_githubs_own_actions_each_pinned_to_a_commit_and_write_where_it_says() -> None:
    writing = {}
    for file in sorted((PROJECT / ".github" / "workflows").iterdir()):
        text = file.read_text()
        for action in re.findall(r"uses: (.+)", text):
            assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v[0-9.]+", action)
        writing[file.stem] = re.findall(r"^( *)([a-z-]+): write", text, re.MULTILINE)
    of_the_job, of_all = " " * 6, " " * 2
    assert writing == {
        "audit": [],
        "ci": [],
        "release": [(of_the_job, "contents")],
        "update": [(of_all, each) for each in ("actions", "contents", "pull-requests")],
    }
