"""The widget on the dashboard, read as a browser reads it: rows, timelines, buttons.

The 24th of November 2026 is a Tuesday; at 12:00 UTC the timeline reaches from Saturday noon to Saturday noon: 700 wide,
100 a day, now at 300.
"""

import json
from datetime import datetime
from typing import Any

import pytest

from aws_server import ACCESS_DENIED, HOME, Account
from invocation import Handler, decisions, invoke
from office_hours import handlers
from office_hours.answer import RunError
from pages import Element, read

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00 UTC"
NOON = "2026-11-24T12:00:00Z"
ACTIONS = {
    name: f"arn:aws:lambda:eu-west-1:123456789012:function:aurora-office-hours-{name}" for name in ("stop", "start")
}
HANDLERS: dict[str, Handler] = {ACTIONS["stop"]: handlers.stop, ACTIONS["start"]: handlers.start}


@pytest.fixture(autouse=True)
def actions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFICE_HOURS_ACTIONS", json.dumps(ACTIONS))


def widget(**context: object) -> Element:
    event = {"widgetContext": {"theme": "light", "width": 1400, **context}}
    return read(str(invoke(handlers.status, NOON, event, None)))


def row(page: Element, cluster: str) -> Element:
    (found,) = [each for each in page.all("tr") if each.all("th") and each.all("th")[0].text.startswith(cluster)]
    return found


def bars(page: Element, cluster: str) -> list[tuple[str, int, int]]:
    """Each stretch of a timeline: what it is, from where, to where."""
    rects = row(page, cluster).all("rect")
    return [(r.attributes["class"] or "", r.number("x"), r.number("x") + r.number("width")) for r in rects]


def labels(page: Element, cluster: str) -> list[str]:
    return [button.text for button in row(page, cluster).all("button")]


def test_a_row_has_name_region_engine_size_state_reason_and_next_change(account: Account) -> None:
    account.add("reporting", "mon-fri 08:00-18:00 Europe/Berlin", EngineVersion="17.5", Engine="aurora-postgresql")
    account.classes["reporting-1"] = "db.r8g.xlarge"
    text = " ".join(row(widget(), "reporting").text.split())
    for words in (
        "eu-west-1",
        "aurora-postgresql 17.5",
        "db.r8g.xlarge",
        "▶ available, as-scheduled",
        "It is running, as its schedule asks until Tue 2026-11-24 18:00 Europe/Berlin.",
        "Tue 24 Nov 18:00 Europe/Berlin",
    ):
        assert words in text


def test_instances_of_the_same_class_are_counted(account: Account) -> None:
    members = [{"DBInstanceIdentifier": f"a-{number}"} for number in range(3)]
    account.add("a", OFFICE, DBClusterMembers=members)
    account.classes["a-2"] = "db.serverless"
    assert "2 x db.r8g.large, db.serverless" in row(widget(), "a").text


def test_the_timeline_shows_what_happened_and_then_what_is_asked_for(account: Account) -> None:
    account.add("a", OFFICE)
    # On Sunday noon it was stopped, by Monday noon started: a day from the left, and two.
    account.log("a", "DB cluster stopped.", "2026-11-22T12:00:00+00:00")
    account.log("a", "DB cluster started.", "2026-11-23T12:00:00+00:00")
    assert bars(widget(), "a") == [
        ("running", 0, 100),
        ("stopped", 100, 200),
        ("running", 200, 300),
        ("running asked", 300, 325),  # until 18:00: a quarter of a day
        ("stopped asked", 325, 383),  # until 08:00: fourteen hours
        ("running asked", 383, 425),
        ("stopped asked", 425, 483),
        ("running asked", 483, 525),
        ("stopped asked", 525, 583),
        ("running asked", 583, 625),
        ("stopped asked", 625, 700),
    ]


def test_a_hold_is_asked_for_before_the_schedule_is(account: Account) -> None:
    tags = {"office-hours": "always", "office-hours-hold": "stopped until 2026-11-25T12:00Z"}
    account.add("a", Status="stopped", TagList=[{"Key": key, "Value": value} for key, value in tags.items()])
    assert bars(widget(), "a") == [("stopped", 0, 300), ("stopped asked", 300, 400), ("running asked", 400, 700)]


def test_what_the_log_does_not_tell_is_shown_as_unknown(account: Account) -> None:
    account.add("a", "never", Status="stopped")
    account.add("b", "always")
    account.log("a", "DB cluster started.", "2026-11-23T12:00:00+00:00")  # and no word of the stop
    account.log("b", "DB cluster started.", "2026-11-22T12:00:00+00:00")
    account.log("b", "DB cluster started.", "2026-11-23T12:00:00+00:00")  # nor here
    page = widget()
    assert bars(page, "a") == [("stopped", 0, 200), ("unknown", 200, 300), ("stopped asked", 300, 700)]
    assert bars(page, "b")[:3] == [("stopped", 0, 100), ("unknown", 100, 200), ("running", 200, 300)]


def test_where_the_log_cannot_be_read_the_past_is_unknown(account: Account) -> None:
    account.add("a", "never", Status="stopped")
    account.log("a", "DB cluster stopped.", "2026-11-23T12:00:00+00:00")
    account.fail("DescribeEvents", ACCESS_DENIED)
    assert bars(widget(), "a") == [("unknown", 0, 300), ("stopped asked", 300, 700)]


def test_a_younger_cluster_begins_where_it_was_created(account: Account) -> None:
    account.add("a", "always", ClusterCreateTime=datetime.fromisoformat("2026-11-23T12:00:00+00:00"))
    assert bars(widget(), "a") == [("running", 200, 300), ("running asked", 300, 700)]


def test_now_and_the_days_are_marked(account: Account) -> None:
    account.add("a", OFFICE)
    page = widget()
    lines = row(page, "a").all("line")
    assert [line.number("x1") for line in lines if line.attributes["class"] == "now"] == [300]
    assert [line.number("x1") for line in lines if line.attributes["class"] == "day"] == [
        50,
        150,
        250,
        350,
        450,
        550,
        650,
    ]
    assert [day.text for day in page.all("span")] == [
        "Sun 22", "Mon 23", "Tue 24", "Wed 25", "Thu 26", "Fri 27", "Sat 28",
    ]  # fmt: skip


def test_the_timeline_is_told_in_words_as_well(account: Account) -> None:
    account.add("a", OFFICE)
    (picture,) = row(widget(), "a").all("svg")
    assert picture.attributes["role"] == "img"
    (title,) = picture.all("title")
    assert title.text == picture.attributes["aria-label"]
    assert title.text.startswith(
        "a. The past three days: running from Sat 12:00. The coming four: running from Tue 12:00, "
    )


def test_state_is_told_by_shape_and_word_beside_colour(account: Account) -> None:
    account.add("on", "always")
    account.add("off", "never", Status="stopped")
    page = widget()
    heights = {cluster: {r.number("height") for r in row(page, cluster).all("rect")} for cluster in ("on", "off")}
    assert heights == {"on": {20}, "off": {6}}
    assert "■ stopped" in " ".join(row(page, "off").text.split())


def test_problems_come_first(account: Account) -> None:
    account.add("bad", "mno-fri 08:00-18:00")
    page = widget()
    (problem,) = page.all("li")
    assert problem.text.startswith("⚠ Tag cannot be read: eu-west-1/bad. ")
    assert 'did you mean "mon-fri 08:00-18:00' in problem.text
    assert page.text.index("bad") < page.text.index("State, and why")


def test_without_clusters_or_with_a_failing_region_there_is_a_page_all_the_same(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No cluster has an office-hours tag yet." in widget().text
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps({"regions": [HOME, "us-east-1"]}))
    account.add("a", OFFICE)
    account.fail("DescribeDBClusters", ACCESS_DENIED, region="us-east-1")
    page = widget()
    assert "Could not be read. Region us-east-1" in page.text
    assert row(page, "a").all("rect")


def test_where_nothing_can_be_seen_the_page_says_why_and_nothing_else(account: Account) -> None:
    account.fail("DescribeDBClusters", ACCESS_DENIED)
    page = widget()
    assert "Could not be read. Region eu-west-1, listing its clusters: AccessDenied" in page.text
    assert "No cluster has" not in page.text
    assert page.all("table") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_the_dashboards(account: Account, theme: str) -> None:
    account.add("a", OFFICE)
    (outer,) = [div for div in widget(theme=theme).all("div") if "oh" in (div.attributes["class"] or "").split()]
    assert theme in (outer.attributes["class"] or "")


@pytest.mark.parametrize("context", [{}, {"theme": None, "width": "wide"}, {"theme": "<script>"}])
def test_an_odd_context_does_no_harm(account: Account, context: dict[str, object]) -> None:
    account.add("a", OFFICE)
    page = widget(**context)
    assert row(page, "a").all("rect")
    assert "script" not in page.text


def test_where_it_is_narrow_the_timeline_stands_below_the_reason(account: Account) -> None:
    account.add("a", OFFICE)
    for width, columns in ((1400, 4), (600, 3), (588.5, 3)):
        found = row(widget(width=width), "a")
        assert len(found.all("td")) == columns
        assert len(found.all("svg")) == 1


# Buttons


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, ["Stop", "Stop until 20:00", "Keep until 20:00"]),
        ({"Status": "stopped"}, ["Start", "Start until 20:00"]),
        ({"Status": "stopping"}, []),
        ({"Status": "modifying"}, []),
        ({"GlobalClusterIdentifier": "world"}, []),
        ({"TagList": [{"Key": "office-hours", "Value": "mno"}]}, []),
        ({"TagList": [{"Key": "office-hours", "Value": "always"}]}, ["Stop until 20:00", "Keep until 20:00"]),
        ({"TagList": [{"Key": "office-hours", "Value": "never"}], "Status": "stopped"}, ["Start until 20:00"]),
    ],
    ids=str,
)
def test_a_cluster_has_the_buttons_that_make_sense(
    account: Account, members: dict[str, Any], expected: list[str]
) -> None:
    account.add("a", OFFICE, **members)
    assert labels(widget(), "a") == expected


def test_each_button_asks_first_and_calls_the_right_function_in_a_popup(account: Account) -> None:
    account.add("a", "mon-fri 08:00-18:00 Europe/Berlin")
    cells = row(widget(), "a").all("td")[-1].children
    elements = [each for each in cells if isinstance(each, Element)]
    assert [each.tag for each in elements] == ["button", "cwdb-action"] * 3  # each action right after its button
    asked = {button.text: action for button, action in zip(elements[::2], elements[1::2], strict=True)}
    for action in asked.values():
        assert (action.attributes["action"], action.attributes["display"]) == ("call", "popup")
    assert {label: action.attributes["confirmation"] for label, action in asked.items()} == {
        "Stop": "Stop eu-west-1/a now, until 18:00 Europe/Berlin (17:00 UTC)?",
        "Stop until 20:00": "Stop eu-west-1/a now, until 20:00 Europe/Berlin (19:00 UTC)?",
        "Keep until 20:00": "Keep eu-west-1/a running until 20:00 Europe/Berlin (19:00 UTC)?",
    }
    assert asked["Stop"].attributes["endpoint"] == ACTIONS["stop"]
    assert asked["Keep until 20:00"].attributes["endpoint"] == ACTIONS["start"]


def test_after_that_hour_the_evening_is_tomorrows_and_the_question_says_so(account: Account) -> None:
    account.add("a", "mon-fri 08:00-18:00 Asia/Tokyo", Status="stopped")
    actions = row(widget(), "a").all("cwdb-action")  # 21:00 in Tokyo
    assert [action.attributes["confirmation"] for action in actions] == [
        "Start eu-west-1/a now, until Wed 2026-11-25 08:00 Asia/Tokyo (Tue 23:00 UTC)?",
        "Start eu-west-1/a now, until Wed 2026-11-25 20:00 Asia/Tokyo (11:00 UTC)?",
    ]


@pytest.mark.parametrize(
    ("status", "label", "hold"),
    [
        ("available", "Stop", "stopped until 2026-11-24T18:00Z"),
        ("available", "Stop until 20:00", "stopped until 2026-11-24T20:00Z"),
        ("available", "Keep until 20:00", "running until 2026-11-24T20:00Z"),
        ("stopped", "Start", "running until 2026-11-24T18:00Z"),
        ("stopped", "Start until 20:00", "running until 2026-11-24T20:00Z"),
    ],
)
def test_what_a_button_sends_is_done_and_told_as_a_page(account: Account, status: str, label: str, hold: str) -> None:
    account.add("a", OFFICE, Status=status)
    found = row(widget(), "a")
    action = dict(zip([button.text for button in found.all("button")], found.all("cwdb-action"), strict=True))[label]
    event = json.loads(action.text) | {"widgetContext": {"theme": "dark"}}
    answer = invoke(HANDLERS[action.attributes["endpoint"] or ""], NOON, event, None)
    assert account.tag("a") == hold
    (sentence,) = read(str(answer)).all("li")
    assert sentence.text.startswith("eu-west-1/a: a ")
    assert "then office hours apply again" in sentence.text


def test_a_mistake_from_a_dashboard_is_told_as_a_page_and_not_counted(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    event = {"clusters": ["<script>"], "until": "soon", "widgetContext": {}}
    page = read(str(invoke(handlers.stop, NOON, event, None)))
    assert page.all("h3")[0].text == "Nothing was done"
    assert len(page.all("li")) == 2
    assert page.all("script") == []
    assert "UserErrors" not in capsys.readouterr().out
    assert account.named("StopDBCluster") == []


def test_a_failure_fails_from_a_dashboard_too(account: Account) -> None:
    account.add("a", OFFICE)
    account.fail("StopDBCluster", ACCESS_DENIED)
    with pytest.raises(RunError):
        invoke(handlers.stop, NOON, {"clusters": ["a"], "widgetContext": {}}, None)


def test_without_its_context_a_command_answers_json(account: Account) -> None:
    account.add("a", OFFICE)
    assert decisions(invoke(handlers.stop, NOON, {"clusters": ["a"]}, None)) == {"a": ("stop", "held")}
