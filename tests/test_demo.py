"""What the demo promises: its week happens, its figures are right, and whatever a tag contains is only text."""

import contextlib
import io
import json
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

import pytest
from rich.console import Console

import demo.__main__
from demo import page, simulation, terminal
from demo.account import CLUSTERS, DAYS, START, YOURS, Cluster
from demo.simulation import Decision, Week
from demo.timeline import Timeline, timeline
from office_hours.reporting.hours import Period
from office_hours.settings import Settings

TAG = "morning enforced"
SCHEDULES = {"morning": "daily 09:00-12:00"}
ZONE = "Asia/Kolkata"


@dataclass(frozen=True)
class Demo:
    """One run of `make demo TAG=...`: what was simulated, printed and written."""

    week: Week
    printed: str
    html: str
    log: list[dict[str, Any]]

    @property
    def timeline(self) -> Timeline:
        clusters = [Cluster(YOURS, TAG, ""), *CLUSTERS]
        return timeline(clusters, self.week, Settings("office-hours", (), ZONE, SCHEDULES))

    def history(self, cluster: str, first: str, last: str) -> str:
        """The statuses that a cluster took on between two times of December 2026, as "25 07:00 starting"."""
        records = ((f"{at:%d %H:%M}", status) for at, status in self.week.statuses[cluster])
        return ", ".join(f"{at} {status}" for at, status in records if first <= at < last)

    def lines(self, cluster: str) -> list[str]:
        """A cluster's two lines of the chart."""
        lines = [line.rstrip() for line in self.printed.splitlines()]
        row = next(number for number, line in enumerate(lines) if line.startswith(f"{cluster} ") and " ran " in line)
        return lines[row : row + 2]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, run once, on a machine whose AWS settings lead nowhere."""
    weeks: list[Week] = []

    def simulate(*arguments: Any) -> Week:  # noqa: ANN401  handed on as they are
        weeks.append(simulation_itself(*arguments))
        return weeks[0]

    simulation_itself = simulation.simulate
    output = tmp_path_factory.mktemp("demo")
    settings = {"schedules": SCHEDULES, "defaultZone": ZONE, "tagKey": "another", "regions": ["us-east-1"]}
    (output / "cdk.json").write_text(json.dumps({"context": {"officeHours": settings}}), "utf-8")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
        patch.setattr("settings.CDK_JSON", output / "cdk.json")
        patch.setattr(demo.__main__, "OUTPUT", output)
        patch.setattr(simulation, "simulate", simulate)
        patch.setattr(sys, "argv", ["demo"])
        for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            patch.delenv(name, raising=False)
        nowhere = {"AWS_PROFILE": "none", "OFFICE_HOURS_SETTINGS": "no JSON", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
        for name, value in {"TAG": TAG, "COLUMNS": "80", **nowhere}.items():
            patch.setenv(name, value)
        demo.__main__.main()
    log = [json.loads(line) for line in (output / "log.jsonl").read_text("utf-8").splitlines()]
    return Demo(weeks[0], printed.getvalue(), (output / "timeline.html").read_text("utf-8"), log)


@pytest.mark.parametrize(
    ("cluster", "first", "last", "history"),
    [
        ("shop", "22 00", "23 00", "22 07:00 starting, 22 07:08 available, 22 17:00 stopping, 22 17:06 stopped"),
        ("shop", "25 00", "28 00", ""),  # Christmas, and the weekend after it
        # Busy at closing time: stopped as soon as it can be.
        ("crm", "22 23", "23 12", "22 23:50 modifying, 23 00:25 available, 23 00:25 stopping, 23 00:31 stopped"),
        # Started by the function until 22:00 in Berlin: stopped again then.
        ("qa", "22 17:30", "23 07", "22 18:12 starting, 22 18:20 available, 22 21:00 stopping, 22 21:06 stopped"),
        # Stopped in the AWS console at noon: left until the next morning.
        ("sandbox", "24 11", "25 08", "24 11:02 stopping, 24 11:08 stopped, 25 07:00 starting, 25 07:08 available"),
        # Enforced: started by hand at night, and stopped again.
        ("billing", "22 20", "23 00", "22 21:33 starting, 22 21:41 available, 22 21:45 stopping, 22 21:51 stopped"),
        # In grace: stopped when nobody has been connected for a while.
        ("reporting", "22 17", "23 00", "22 18:35 stopping, 22 18:41 stopped"),
        # Started by AWS after seven days, and stopped again.
        ("month-end", "21 00", "22 00", "21 22:36 starting, 21 22:44 available, 21 22:45 stopping, 21 22:51 stopped"),
        # One-sided: stopped in the evening, started by people only.
        ("batch", "22 00", "28 00", "22 10:03 starting, 22 10:11 available, 22 19:00 stopping, 22 19:06 stopped"),
        ("legacy", "21 00", "29 00", ""),  # no tag
        # A tag of the user's own, under the settings of cdk.json.
        ("yours", "23 00", "24 00", "23 03:30 starting, 23 03:38 available, 23 06:30 stopping, 23 06:36 stopped"),
    ],
)
def test_each_cluster_has_its_story(shown: Demo, cluster: str, first: str, last: str, history: str) -> None:
    assert shown.history(cluster, first, last) == history


def test_it_notes_what_is_no_routine_once_and_each_command_with_its_answer(shown: Demo) -> None:
    notes = [note.decision for note in shown.timeline.notes]
    assert ", ".join(f"{note.cluster} {note.reason}" for note in notes) == (
        "search invalid-tag, orders ineligible, month-end auto-restarted, batch changed-by-hand, reporting in-use, "
        "qa held, reporting scheduled, qa scheduled, billing enforced, crm busy, sandbox held, "
        "sandbox changed-by-hand, etl held, release held"
    )
    assert "Tue 22 Dec 21:45 UTC  billing: enforced" in shown.printed
    assert 'did you mean "mon-fri 08:00-18:00 Europe/Berlin"' in notes[0].message
    assert "by alice" in notes[3].message
    assert "5 connected" in notes[4].message
    assert "by bob" in notes[11].message
    told = [note for note in notes if note.command]
    assert [each.cluster for each in told] == ["qa", "sandbox", "etl", "release"]
    assert told[0].command == 'start function: {"clusters": ["qa"], "until": "22:00"}'
    for each in told:
        assert f"{each.command} {each.message}" in " ".join(shown.printed.split())
        assert f"<code>{escape(each.command)}</code><br>{escape(each.message)}" in shown.html


def test_a_notice_and_a_suggestion_close_it(shown: Demo) -> None:
    (legacy,) = shown.week.suggestions
    assert (legacy["cluster"], legacy["tag"], legacy["days"]) == ("legacy", "never", 28)
    text = " ".join(shown.printed.partition("Mailed 30 minutes before")[2].split())
    assert "reporting stops on Tue 2026-12-22 18:30 Europe/Berlin, or up to Tue 2026-12-22 20:30" in text
    event = '{"clusters": "eu-central-1/reporting", "until": "2026-12-22T19:30:00Z"}'
    start = "aws lambda invoke --function-name aurora-office-hours-start --region eu-central-1"
    ready = f"   echo '{event}' | {start} --payload fileb:///dev/stdin /dev/stdout"
    assert ready in shown.printed.splitlines()  # whole, to be copied
    assert "Suggested for legacy: never: saves 720 hours and $216 a month." in text
    assert "make suggest" in text


def test_hours_and_dollars_are_those_of_the_report(shown: Demo) -> None:
    periods = {row.cluster.name: row.period for row in shown.timeline.rows}
    # From Monday 00:06 on, but for five working days, each from 8 minutes after the start to 6 after the stop.
    assert periods["shop"]["stopped_hours"] == pytest.approx(192 - 0.1 - 5 * (10 + 6 / 60 - 8 / 60), abs=0.01)
    assert periods["month-end"]["stopped_hours"] == pytest.approx(192 - 2 * 7 / 60, abs=0.01)
    assert periods["search"]["stopped_hours"] == periods["orders"]["stopped_hours"] == 0
    assert all(each["complete"] and each["running_hours"] + each["stopped_hours"] == 192 for each in periods.values())
    assert periods["crm"]["saved_usd"] == pytest.approx(periods["crm"]["stopped_hours"] * 1.20, abs=0.01)
    total = sum(each["saved_usd"] or 0 for each in periods.values())
    for text in (shown.printed, shown.html):
        assert f"${periods['crm']['saved_usd']:,.0f}" in text
        assert f"${total:,.0f}" in text
        assert "Sample prices" in text


def test_the_log_has_the_whole_cluster_of_each_action(shown: Demo) -> None:
    logged = [line["db_cluster"] for line in shown.log if line.get("cluster") == "qa" and "db_cluster" in line]
    changes = [status for _, status in shown.week.statuses["qa"] if status in ("starting", "stopping")]
    assert [each["Status"] for each in logged] == changes
    assert all(each["DBClusterArn"].endswith(":qa") for each in logged)


def test_plain_output_has_no_escape_codes_and_fits_80_columns(shown: Demo) -> None:
    first, *lines = shown.printed.splitlines()
    assert "Simulated" in first
    assert not [char for char in shown.printed if char < " " and char != "\n"]
    assert max(len(line) for line in lines if not line.startswith("   echo ")) <= 80


def test_the_chart_shows_what_happened_above_what_was_wanted(shown: Demo) -> None:
    # Eight cells a day, three hours each. Both stopped at noon: by the function (k), which is to be, and on Thursday in
    # the AWS console (l), though it should have run until 19:00.
    assert shown.lines("sandbox") == [
        "sandbox     ran ▖·▟███▌···▟███▌···▟k······▟l······▟███▌···················▟███▌·",
        "     should run   ╼━━━╸   ╼━━━╸   ╼╾      ╼━━━╸   ╼━━━╸                   ╼━━━╸",
    ]
    # A one-sided tag asks once, and wants nothing of what comes after.
    assert shown.lines("batch") == [
        "batch       ran ▖··········d██▌············································███▌·",
        "        stop at       ↓       ↓       ↓       ↓       ↓       ↓       ↓       ↓",
    ]
    assert shown.html.count("due to be stopped") == 8
    assert "<title>starting or stopping: Tue 22 Dec 07:00 to Tue 22 Dec 07:08 UTC</title>" in shown.html


def test_the_users_own_tag_is_explained_and_marked(shown: Demo) -> None:
    assert f"{TAG}:\nShould be stopped now." in shown.printed
    assert len(re.findall("^> yours ", shown.printed, re.MULTILINE)) == 2  # in the chart and among the figures
    assert re.findall(r'<tr class="yours">.*?<b>(\w+)', shown.html) == ["yours"]


def test_the_page_needs_nothing_beside_itself(shown: Demo) -> None:
    assert not re.findall(r"<(?:script|link|img|iframe)|\b(?:src|onclick|onload)=|url\(|@import", shown.html)
    assert re.findall(r'href="(.*?)"', shown.html) == ["log.jsonl"]  # beside it: offered, not needed
    assert shown.html.count("<tr") == 1 + 14 + 1 + 14  # the head, the clusters, the sum, the notes


HOSTILE = """<b onclick="x()">&amp; [red]$(id) :boom: '"""


def half_a_week(cluster: Cluster) -> Timeline:
    """It ran until Friday noon, and then something was decided about it."""
    noon = datetime(2026, 12, 25, 12, tzinfo=UTC)
    decision = Decision(noon, cluster.name, "available", "invalid-tag", f"Not understood: {cluster.tag}")
    statuses = {cluster.name: [(START, "available"), (noon, "stopped")]}
    its = Period(days=DAYS, running_hours=108, stopped_hours=84, complete=True, saved_usd=42, note="")
    return timeline([cluster], Week(statuses, [decision], {cluster.name: its}))


def printed(cluster: Cluster, encoding: str) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, highlight=False, markup=False, emoji=False, width=80, force_terminal=False)
    terminal.show(console, half_a_week(cluster))
    file.seek(0)
    return file.read()


def test_whatever_a_tag_contains_is_text() -> None:
    html = page.page(half_a_week(Cluster(HOSTILE, HOSTILE, HOSTILE)), [HOSTILE], HOSTILE)
    assert html.count(escape(HOSTILE)) == 3 + 2 + 2  # name, about, tag; the note's name and message; the head, the log
    assert "<b onclick" not in html
    assert " ".join(printed(Cluster("a", HOSTILE, ""), "utf-8").split()).count(HOSTILE) == 2  # the tag, and the note


def test_an_output_that_knows_ascii_only_gets_ascii() -> None:
    chart = printed(Cluster("a", "mon-fri 00:00-24:00 UTC", ""), "ascii").splitlines()
    assert [line.rstrip() for line in chart[3:5]] == [
        "a           ran " + "#" * 36 + "a" + "." * 27,
        "     should run " + "=" * 40 + " " * 16 + "=" * 8,
    ]


@pytest.mark.parametrize(
    ("tag", "argument", "named"),
    [
        ("$(touch x) <b>\t\x1b", "", r"$ ( ) < > \t \x1b"),
        ("x" * 257, "", "257 characters"),
        ("mno-fri 08:00-18:00", "", 'did you mean "mon-fri 08:00-18:00"?'),
        ("", "mon-fri", "mon-fri"),
    ],
)
def test_a_tag_that_rds_or_we_refuse_is_named_and_arguments_are_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tag: str, argument: str, named: str
) -> None:
    monkeypatch.setenv("TAG", tag)
    monkeypatch.setattr(sys, "argv", ["demo", *filter(None, [argument])])
    with pytest.raises(SystemExit, match=r"^2$"):
        demo.__main__.main()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert named in printed.err
