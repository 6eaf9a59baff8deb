"""What the demo promises: its week happens, its figures are right, and whatever a tag contains is only text."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import demo.__main__
import settings
import stack
from demo import page, simulation, terminal
from demo.account import CLUSTERS, END, EVERY, START, Cluster
from demo.simulation import Decision, Week
from demo.timeline import Row, Span, Timeline, timeline
from office_hours.settings import Settings

ROOT = Path(__file__).parents[1]
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
        return timeline(
            [Cluster("yours", TAG, ""), *CLUSTERS], self.week, Settings("office-hours", (), ZONE, SCHEDULES)
        )

    def row(self, cluster: str) -> Row:
        return next(row for row in self.timeline.rows if row.cluster.name == cluster)

    def history(self, cluster: str, first: str, last: str) -> list[str]:
        """The statuses that a cluster took on between two times of December 2026, as "25 07:00 starting"."""
        records = ((f"{at:%d %H:%M}", status) for at, status in self.week.statuses[cluster])
        return [f"{at} {status}" for at, status in records if first <= at < last]


@pytest.fixture(scope="module", autouse=True)
def _no_opinion_on_colours() -> Iterator[None]:
    """No setting of this machine's that says what a terminal is."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def shown(_no_opinion_on_colours: None, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, run once, on a machine whose AWS settings lead nowhere."""
    weeks: list[Week] = []

    def simulate(*arguments: Any) -> Week:  # noqa: ANN401  handed on as they are
        weeks.append(simulation_itself(*arguments))
        return weeks[0]

    simulation_itself = simulation.simulate
    output = tmp_path_factory.mktemp("demo")
    settings = {
        "officeHours": {"schedules": SCHEDULES, "defaultZone": ZONE, "tagKey": "another", "regions": ["us-east-1"]}
    }
    (output / "cdk.json").write_text(json.dumps({"context": settings}), "utf-8")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
        patch.setattr(demo.__main__, "ROOT", output)
        patch.setattr(demo.__main__, "OUTPUT", output)
        patch.setattr(simulation, "simulate", simulate)
        patch.setattr(sys, "argv", ["demo"])
        for name, value in {
            "TAG": TAG,
            "COLUMNS": "80",
            "AWS_PROFILE": "no-such-profile",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "OFFICE_HOURS_SETTINGS": "no JSON",
        }.items():
            patch.setenv(name, value)
        demo.__main__.main()
    log = [json.loads(line) for line in (output / "log.jsonl").read_text("utf-8").splitlines()]
    return Demo(weeks[0], printed.getvalue(), (output / "timeline.html").read_text("utf-8"), log)


DAY = ["07:00 starting", "07:08 available", "17:00 stopping", "17:06 stopped"]


@pytest.mark.parametrize(
    ("cluster", "first", "last", "history"),
    [
        pytest.param("shop", "21 01:00", "22 00:00", [f"21 {each}" for each in DAY], id="a working day"),
        pytest.param("shop", "25 00:00", "28 00:00", [], id="Christmas, and the weekend after it"),
        pytest.param(
            "etl",
            "22 01:00",
            "23 01:00",
            ["22 06:00 stopping", "22 06:06 stopped", "22 22:00 starting", "22 22:08 available"],
            id="overnight",
        ),
        pytest.param(
            "crm",
            "22 23:00",
            "23 12:00",
            ["22 23:50 modifying", "23 00:25 available", "23 00:25 stopping", "23 00:31 stopped"],
            id="busy at closing time: stopped as soon as it can be",
        ),
        pytest.param(
            "qa",
            "22 17:30",
            "23 18:00",
            [
                "22 18:12 starting",
                "22 18:20 available",
                "22 21:00 stopping",
                "22 21:06 stopped",
                *(f"23 {each}" for each in DAY),
            ],
            id="started by the function until 22:00: stopped again then",
        ),
        pytest.param(
            "sandbox",
            "24 11:00",
            "25 08:00",
            ["24 11:02 stopping", "24 11:08 stopped", "25 07:00 starting", "25 07:08 available"],
            id="stopped in the AWS console at noon: left until the next morning",
        ),
        pytest.param(
            "billing",
            "22 20:00",
            "23 00:00",
            ["22 21:33 starting", "22 21:41 available", "22 21:45 stopping", "22 21:51 stopped"],
            id="enforced: started by hand at night, and stopped again",
        ),
        pytest.param(
            "month-end",
            "21 00:00",
            "22 00:00",
            ["21 22:36 starting", "21 22:44 available", "21 22:45 stopping", "21 22:51 stopped"],
            id="started by AWS after seven days, and stopped again",
        ),
        pytest.param(
            "batch",
            "22 00:00",
            "28 00:00",
            ["22 10:03 starting", "22 10:11 available", "22 19:00 stopping", "22 19:06 stopped"],
            id="one-sided: stopped in the evening, started by people only",
        ),
        pytest.param("search", "21 00:00", "29 00:00", [], id="a tag with a slip"),
        pytest.param("legacy", "21 00:00", "29 00:00", [], id="untagged"),
        pytest.param(
            "yours",
            "23 00:00",
            "24 00:00",
            ["23 03:30 starting", "23 03:38 available", "23 06:30 stopping", "23 06:36 stopped"],
            id="a tag of the user's own, under the settings of cdk.json",
        ),
    ],
)
def test_each_cluster_has_its_story(shown: Demo, cluster: str, first: str, last: str, history: list[str]) -> None:
    assert shown.history(cluster, first, last) == history


def test_it_notes_what_is_no_routine_once_with_time_and_reason(shown: Demo) -> None:
    notes = [note.decision for note in shown.timeline.notes]
    assert [f"{note.at:%d %H:%M} {note.cluster} {note.reason}" for note in notes] == [
        "21 00:00 search invalid-tag",
        "21 00:00 orders ineligible",
        "21 22:45 month-end auto-restarted",
        "22 10:15 batch changed-by-hand",
        "22 18:12 qa held",
        "22 21:00 qa scheduled",
        "22 21:45 billing enforced",
        "22 23:50 crm busy",
        "23 11:02 sandbox held",
        "24 11:10 sandbox changed-by-hand",
        "24 13:20 etl held",
        "25 16:40 release held",
    ]
    assert 'did you mean "mon-fri 08:00-18:00' in notes[0].message
    assert "by alice" in notes[3].message
    assert "by bob" in notes[9].message


def test_each_command_is_told_with_its_event_and_the_functions_answer(shown: Demo) -> None:
    told = [note.decision for note in shown.timeline.notes if note.decision.command]
    assert [(each.cluster, each.command) for each in told] == [
        ("qa", 'start function: {"clusters": ["qa"], "until": "22:00"}'),
        ("sandbox", 'stop function: {"clusters": ["sandbox"]}'),
        ("etl", 'stop function: {"clusters": ["etl"], "until": "4d"}'),
        ("release", 'start function: {"clusters": ["release"], "until": "2026-12-28T07:00"}'),
    ]
    for each in told:
        assert f"{each.command} {each.message}" in " ".join(shown.printed.split())
        assert f"<code>{escape(each.command)}</code><br>{escape(each.message)}" in shown.html


def test_each_command_is_told_also_where_the_one_before_was_the_same() -> None:
    first, again = (Decision(START + EVERY * at, "a", "available", "held", "", "start") for at in (1, 2))
    run = Decision(START + EVERY * 3, "a", "available", "held", "")
    decisions = list(simulation.changes([first, again, run]))
    notes = timeline([Cluster("a", "always", "")], Week({"a": [(START, "available")]}, decisions)).notes
    assert [note.decision for note in notes] == [first, again]


def test_the_hours_stopped_are_those_in_which_a_cluster_was_stopped(shown: Demo) -> None:
    saved = {row.cluster.name: row.hours_stopped for row in shown.timeline.rows}
    # From Monday 00:06 on, but for five working days of ten hours, each with the six minutes that a stop takes.
    assert saved["shop"] == pytest.approx(192 - 0.1 - 5 * 10.1)
    # Two times 8 minutes to start, 1 to be noticed and 6 to stop, and the second begins 7 days and 15 minutes later.
    assert saved["month-end"] == pytest.approx(192 - 2 * 0.25)
    assert saved["search"] == saved["orders"] == saved["legacy"] == 0
    assert shown.timeline.hours_stopped == pytest.approx(sum(saved.values()))


def test_the_log_has_the_whole_cluster_of_each_action_and_a_summary_of_each_run(shown: Demo) -> None:
    actions = [line for line in shown.log if "db_cluster" in line]
    changes = [status for history in shown.week.statuses.values() for _, status in history]
    by_others = 3 + 2 + 1 + 1  # month-end twice by AWS and before the week; batch twice, billing and sandbox by people
    assert len(actions) == changes.count("stopping") + changes.count("starting") - by_others
    assert {line["db_cluster"]["Status"] for line in actions} == {"stopping", "starting"}
    holds = [line["hold"] for line in shown.log if line["message"].endswith("written")]
    assert holds == [
        "running until 2026-12-22T22:00+01:00",
        "stopped until 2026-12-23T20:00+01:00",
        "stopped until 2026-12-28T13:20Z",
        "running until 2026-12-28T07:00Z",
    ]
    assert len(shown.log) - len(actions) - len(holds) == 8 * 24 * 12 * 2 + 4
    assert shown.log[-1]["timestamp"].startswith("2026-12-28T23:55:00")


def test_plain_output_has_no_escape_codes_and_fits_80_columns(shown: Demo) -> None:
    assert "Simulated" in shown.printed.splitlines()[0]
    assert not [char for char in shown.printed if char < " " and char != "\n"]
    assert max(len(line) for line in shown.printed.splitlines()) <= 80


def test_the_chart_shows_what_happened_above_what_was_wanted(shown: Demo) -> None:
    lines = shown.printed.splitlines()
    row = next(number for number, line in enumerate(lines) if line.startswith("sandbox "))
    # Eight cells a day, three hours each. Both stopped at noon: by the function (i), which is to be, and on Thursday in
    # the AWS console (j), though wanted until 19:00.
    assert lines[row] == "sandbox     ▖·▟███▌···▟███▌···▟i······▟j░░····▟███▌···················▟███▌·"
    assert lines[row + 1].rstrip() == "  wanted      ╼━━━╸   ╼━━━╸   ╼╾      ╼━━━╸   ╼━━━╸                   ╼━━━╸"


@pytest.mark.parametrize(
    ("cluster", "at", "wanted"),
    [
        pytest.param("qa", "22 18:12", "running 22 21:00", id="up, in the evening"),
        pytest.param("sandbox", "23 11:02", "stopped 24 07:00", id="down, from noon to the end of the office hours"),
        pytest.param("release", "25 07:00", "running 28 19:00", id="up, from office hours to office hours"),
    ],
)
def test_a_hold_is_wanted_while_it_lasts(shown: Demo, cluster: str, at: str, wanted: str) -> None:
    spans = {f"{span.start:%d %H:%M}": f"{span.state} {span.end:%d %H:%M}" for span in shown.row(cluster).wanted}
    assert spans[at] == wanted
    assert "over" not in {span.state for span in shown.row(cluster).stretches}


def test_a_one_sided_tag_asks_once_and_wants_nothing_of_what_comes_after(shown: Demo) -> None:
    batch = shown.row("batch")
    assert {f"{edge.at:%H:%M} {edge.to}" for edge in batch.asked} == {"19:00 stopped"}
    assert {span.state for span in batch.stretches} == {"run", "change", "off"}
    lines = shown.printed.splitlines()
    row = next(number for number, line in enumerate(lines) if line.startswith("batch "))
    assert lines[row] == "batch       ▖··········d██▌············································███▌·"
    assert lines[row + 1].rstrip() == "  wanted          ↓       ↓       ↓       ↓       ↓       ↓       ↓       ↓"
    assert shown.html.count("asked once to be stopped") == 8


def test_starting_and_stopping_are_not_drawn_as_running(shown: Demo) -> None:
    day = [span for span in shown.row("shop").stretches if span.start.day == 22]
    assert [f"{span.start:%H:%M} {span.state}" for span in day] == [
        "07:00 change",
        "07:08 run",
        "17:00 change",
        "17:06 off",
    ]
    assert "<title>starting or stopping: Tue 22 Dec 07:00 to Tue 22 Dec 07:08 UTC</title>" in shown.html


@pytest.mark.parametrize(
    ("tag", "says"),
    [("always", "running, without any transition"), ("mno-fri 08:00-18:00", 'did you mean "mon-fri 08:00-18:00"')],
)
def test_the_users_own_tag_is_explained(tag: str, says: str) -> None:
    assert says in demo.__main__.explained(Cluster("yours", tag, ""), Settings())


def test_a_mistake_in_cdk_json_is_told_in_place_of_a_week(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cdk.json").write_text('{"context": {"officeHours": {"defaultZone": "Europa/Berlin"}}}', "utf-8")
    monkeypatch.setattr(demo.__main__, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["demo"])
    with pytest.raises(SystemExit) as end:
        demo.__main__.main()
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("cdk.json: officeHours.defaultZone must be an IANA time zone")


def test_the_maintenance_window_is_wanted_by_a_tag_that_says_so() -> None:
    night = datetime(2026, 12, 23, 3, tzinfo=UTC)
    ran = Week({"a": [(START, "stopped"), (night, "available"), (night + timedelta(minutes=10), "stopped")]}, [])
    (row,) = timeline([Cluster("a", "mon-fri 08:00-18:00 UTC maintenance enforced", "")], ran).rows
    assert [f"{span.start:%d %H:%M}" for span in row.wanted if span.state == "running"][2] == "23 02:30"
    assert "over" not in {span.state for span in row.stretches}


def test_the_log_names_the_functions_as_deployed(shown: Demo) -> None:
    assert (simulation.NAME, simulation.MEMORY_MB) == (settings.NAME, stack.MEMORY_MB)
    assert {line["service"] for line in shown.log} == {"aurora-office-hours"}
    assert {line["function_memory_size"] for line in shown.log} == {512}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_beside_itself(shown: Demo) -> None:
    read = _Page()
    read.feed(shown.html)
    assert not {"script", "link", "img", "iframe"} & set(read.elements)
    assert not {"src", "onclick", "onload"} & read.attributes
    assert re.findall(r'href="(.*?)"', shown.html) == ["log.jsonl"]  # beside it: offered, not needed
    assert "url(" not in shown.html
    assert "@import" not in shown.html
    assert read.elements.count("tr") == 1 + 13 + 1 + 12  # the head, the clusters, the sum, the notes


def drawn(cluster: Cluster) -> Timeline:
    """A week in which a cluster ran until Friday noon, and then something was decided about it."""
    noon = datetime(2026, 12, 25, 12, tzinfo=UTC)
    happened = (Span(START, noon, "available"), Span(noon, END, "stopped"))
    decision = Decision(noon, cluster.name, "available", "invalid-tag", f"Not understood: {cluster.tag}")
    return timeline([cluster], Week({cluster.name: [(span.start, span.state) for span in happened]}, [decision]))


HOSTILE = """<b onclick="x()">&amp; [red]$(id) :boom: '"""


def test_whatever_a_tag_contains_is_text_on_the_page() -> None:
    read = _Page()
    read.feed(page.page(drawn(Cluster(HOSTILE, HOSTILE, HOSTILE)), [HOSTILE], HOSTILE))
    assert "onclick" not in read.attributes
    assert read.text.count(HOSTILE) == 3 + 2 + 2  # name, about, tag; the note's name and message; the head, the log


def printed(cluster: Cluster, encoding: str = "utf-8", **settings: Any) -> str:  # noqa: ANN401  rich's own
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    settings = {"highlight": False, "markup": False, "emoji": False, "width": 100} | settings
    terminal.show(Console(file=file, **settings), drawn(cluster))
    file.seek(0)
    return file.read()


def test_whatever_a_tag_contains_is_text_on_the_terminal() -> None:
    assert printed(Cluster("a", HOSTILE, "")).count(HOSTILE) == 2  # the tag, and the note's message


def test_a_terminal_gets_colours_unless_it_wants_none() -> None:
    cluster = Cluster("a", "always", "")
    assert "\x1b[32m█" in printed(cluster, force_terminal=True, color_system="standard")
    assert "\x1b[32m" not in printed(cluster, force_terminal=True, color_system="standard", no_color=True)


def test_an_output_that_knows_ascii_only_gets_ascii() -> None:
    chart = printed(Cluster("a", "mon-fri 00:00-24:00 UTC", ""), "ascii", width=80).splitlines()
    assert chart[2] == "a           " + "#" * 36 + "a" + "-" * 3 + "." * 16 + "-" * 8
    assert chart[3].rstrip() == "  wanted    " + "=" * 40 + " " * 16 + "=" * 8


def run(tag: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TAG": tag, "PYTHONPATH": os.pathsep.join(["lambda", "infra"])}
    command = [sys.executable, "-m", "demo", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("tag", "arguments", "named"),
    [
        ("$(touch x) <b>\t\x1b", (), r"$ ( ) < > \t \x1b"),
        ("x" * 257, (), "257 characters"),
        ("", ("mon-fri",), "mon-fri"),
    ],
    ids=["characters", "length", "arguments"],
)
def test_what_rds_would_refuse_in_a_tag_is_named_and_arguments_are_none(
    tag: str, arguments: tuple[str, ...], named: str
) -> None:
    refused = run(tag, *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert named in refused.stderr
