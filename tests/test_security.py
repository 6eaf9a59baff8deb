"""SECURITY.md says what the roles may do, and this is that."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from asset import PROJECT
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
NOTICES = StackSettings(notice_minutes=30, slack_workspace="T012", slack_channel="C012")
# Those that come with some settings.
MORE = {"NoticesSlackRole": "the Slack channel", "CentreReader": "reader", "CentreTellRole": "failures"}
Row = tuple[str, frozenset[str], bool, bool]  # role, actions, whether on all, whether a condition narrows it
Told = dict[str, set[Row]]  # by what they come with: "", a setting, or the kind of account


@pytest.fixture(scope="module")
def told() -> Told:
    """The rows of both tables."""
    found: Told = defaultdict(set)
    for line in (PROJECT / "SECURITY.md").read_text().splitlines():
        if re.match(r"\| [^`]+.*\| `\S+:\S+`", line):
            of, actions, on, only_if = (cell.strip() for cell in line.strip("|").split("|"))
            roles, _, by = of.partition(" with ")
            kind, _, plain = roles.rpartition(": ") if not by else ("", "", roles)
            for role in plain.split(", "):
                listed = frozenset(re.findall(r"`(\S+?)`", actions))
                found[by or kind].add((role, listed, on == "all", bool(only_if)))
    return found


def deployed(template: Template) -> set[Row]:
    rows = set()
    for name in template.of_type("AWS::IAM::Role"):
        for each in template.statements(name):
            assert each["Effect"] == "Allow"
            rows.add(((ROLES | MORE)[name], frozenset(each["Action"]), each["Resource"] == "*", "Condition" in each))
    return rows


def test_the_table_has_each_statement_of_each_role_and_what_narrows_it(template: Template, told: Told) -> None:
    assert template.of_type("AWS::IAM::Role").keys() == ROLES.keys()
    assert told[""] == deployed(template)
    assert told.keys() == {"", '`regions: ["*"]`', "`noticeMinutes`", "`slackChannel`", "centre", "member"}


@pytest.mark.parametrize(
    ("settings", "plain", "rows"),
    [
        (StackSettings(regions=EVERY_REGION), False, ['`regions: ["*"]`']),
        (NOTICES, False, ["`noticeMinutes`", "`slackChannel`"]),
        (StackSettings(organization=ORGANIZATION), False, ["centre"]),
        (StackSettings(organization=ORGANIZATION), True, ["member"]),
    ],
    ids=["regions", "notices", "centre", "member"],
)
def test_the_tables_have_each_statement_that_comes_with_a_setting(  # noqa: PLR0913  a row of the table
    template: Template, package: Path, told: Told, settings: StackSettings, *, plain: bool, rows: list[str]
) -> None:
    more = deployed(synthesize(settings, package, plain=plain)) - deployed(template)
    assert more == {row for each in rows for row in told[each]}


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
