"""The widget on the dashboard, read as a browser reads it: rows, timelines, buttons.

The 24th of November 2026 is a Tuesday; at 12:00 UTC the timeline reaches from Saturday noon to Saturday noon: 700 wide,
100 a day, now at 300.
"""

import json
from datetime import datetime
from typing import Any

import pytest

from aws_server import ACCESS_DENIED, HOME, Account
from invocation import Handler, invoke
from office_hours import handlers
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
    members = [{"DBInstanceIdentifier": f"reporting-{number}"} for number in range(3)]
    account.add("reporting", "mon-fri 08:00-18:00 Europe/Berlin", EngineVersion="17.5", DBClusterMembers=members)
    account.classes["reporting-2"] = "db.serverless"
    text = " ".join(row(widget(), "reporting").text.split())
    for words in (
        "eu-west-1",
        "aurora-postgresql 17.5",
        "2 x db.r8g.large, db.serverless",
        "▶ available, as-scheduled",
        "Tue 24 Nov 18:00 Europe/Berlin",
    ):
        assert words in text


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


@pytest.mark.parametrize(
    ("tags", "members", "events", "expected"),
    [
        pytest.param(
            {"office-hours": "always", "office-hours-hold": "stopped until 2026-11-25T12:00Z"},
            {"Status": "stopped"},
            [],
            [("stopped", 0, 300), ("stopped asked", 300, 400), ("running asked", 400, 700)],
            id="a hold before the schedule",
        ),
        pytest.param(
            {"office-hours": "always"},
            {"ClusterCreateTime": datetime.fromisoformat("2026-11-23T12:00:00+00:00")},
            [],
            [("unknown", 0, 200), ("running", 200, 300), ("running asked", 300, 700)],
            id="unknown before the cluster's creation",
        ),
        pytest.param(
            {"office-hours": "never"},
            {"Status": "stopped"},
            ["23 started"],
            [("stopped", 0, 200), ("unknown", 200, 300), ("stopped asked", 300, 700)],
            id="no word of the stop",
        ),
        pytest.param(
            {"office-hours": "always"},
            {},
            ["22 started", "23 started"],
            [("stopped", 0, 100), ("unknown", 100, 200), ("running", 200, 300), ("running asked", 300, 700)],
            id="nor here, between two starts",
        ),
    ],
)
def test_the_timeline_shows_what_is_known(
    account: Account, tags: dict[str, str], members: dict[str, Any], events: list[str], expected: object
) -> None:
    account.add("a", TagList=[{"Key": key, "Value": value} for key, value in tags.items()], **members)
    for event in events:
        account.log("a", f"DB cluster {event[3:]}.", f"2026-11-{event[:2]}T12:00:00+00:00")
    assert bars(widget(), "a") == expected


def test_where_the_log_cannot_be_read_the_past_is_unknown(account: Account) -> None:
    account.add("a", "never", Status="stopped")
    account.fail("DescribeEvents", ACCESS_DENIED)
    assert bars(widget(), "a") == [("unknown", 0, 300), ("stopped asked", 300, 700)]


def test_the_timeline_tells_days_now_and_state_by_shape_and_in_words(account: Account) -> None:
    account.add("on", "always")
    account.add("off", "never", Status="stopped")
    page = widget(theme="dark")
    lines = [(line.attributes["class"], line.number("x1")) for line in row(page, "on").all("line")]
    assert ("now", 300) in lines
    assert [x for kind, x in lines if kind == "day"] == [50, 150, 250, 350, 450, 550, 650]
    assert [day.text for day in page.all("span")][:2] == ["Sun 22", "Mon 23"]
    assert {cluster: {r.number("height") for r in row(page, cluster).all("rect")} for cluster in ("on", "off")} == {
        "on": {20},
        "off": {6},
    }
    (picture,) = row(page, "on").all("svg")
    (title,) = picture.all("title")
    assert picture.attributes["role"] == "img"
    assert title.text == picture.attributes["aria-label"]
    assert "running from Sat 12:00" in title.text
    assert any("dark" in (div.attributes["class"] or "") for div in page.all("div"))


def test_problems_come_first(account: Account) -> None:
    account.add("bad", "mno-fri 08:00-18:00")
    page = widget()
    (problem,) = page.all("li")
    assert problem.text.startswith("⚠ Tag can't be read: eu-west-1/bad. ")
    assert 'did you mean "mon-fri 08:00-18:00' in problem.text
    assert page.text.index("bad") < page.text.index("State, and why")


def test_without_clusters_or_with_a_failing_region_there_is_a_page_all_the_same(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No cluster has an office-hours tag yet." in widget().text
    account.fail("DescribeDBClusters", ACCESS_DENIED)
    page = widget()
    assert "AccessDenied" in page.text
    assert "No cluster has" not in page.text
    account.heal()
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps({"regions": [HOME, "us-east-1"]}))
    account.add("a", OFFICE)
    account.fail("DescribeDBClusters", ACCESS_DENIED, region="us-east-1")
    page = widget()
    assert "Could not be read. Region us-east-1" in page.text
    assert row(page, "a").all("rect")


def test_of_many_clusters_those_that_need_attention_are_shown(account: Account) -> None:
    for number in range(203):
        account.add(f"c{number:03}", OFFICE)
    account.add("z-bad", "mno-fri 08:00-18:00")
    page = widget()
    rows = [each.all("th")[0].text for each in page.all("tr") if each.all("td")]
    assert (len(rows), rows[0].startswith("z-bad"), rows[1].startswith("c000")) == (200, True, True)
    assert "And 4 more clusters" in page.text
    assert "204 running" in page.text


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
        # A command replaces a hold that can't be read.
        (
            {"TagList": [{"Key": "office-hours", "Value": OFFICE}, {"Key": "office-hours-hold", "Value": "soon"}]},
            ["Stop", "Stop until 20:00", "Keep until 20:00"],
        ),
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
    page = widget()
    actions = row(page, "a").all("cwdb-action")  # 21:00 in Tokyo
    assert [action.attributes["confirmation"] for action in actions] == [
        "Start eu-west-1/a now, until Wed 2026-11-25 08:00 Asia/Tokyo (Tue 23:00 UTC)?",
        "Start eu-west-1/a now, until Wed 2026-11-25 20:00 Asia/Tokyo (11:00 UTC)?",
    ]
    # They send the very instants that they ask about.
    sent = [json.loads(action.text)["until"] for action in actions]
    assert sent == ["2026-11-25T08:00+09:00", "2026-11-25T20:00+09:00"]
    assert labels(page, "a") == ["Start", "Start until tomorrow 20:00"]


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
    assert sentence.text.startswith("eu-west-1/a: ")
    assert f"Held {hold.split(maxsplit=1)[0]} until Tue 2026-11-24" in sentence.text


def test_a_mistake_from_a_dashboard_is_told_as_a_page(account: Account) -> None:
    event = {"clusters": ["<script>"], "until": "soon", "widgetContext": {}}
    page = read(str(invoke(handlers.stop, NOON, event, None)))
    assert page.all("h3")[0].text == "Nothing was done"
    assert '"until" has "soon"' in page.all("li")[0].text
    assert page.all("script") == []
    assert account.named("StopDBCluster") == []
