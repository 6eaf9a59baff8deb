"""The widget on the dashboard, read as a browser reads it: the summary, rows, timelines, buttons, the form.

The 24th of November 2026 is a Tuesday; at 12:00 UTC the timeline reaches from Monday noon to Thursday noon: 720 wide,
10 an hour, now at 240.
"""

import json
from datetime import datetime
from typing import Any

import pytest

from aws_server import ACCESS_DENIED, HOME, Account
from browser import ACTIONS
from invocation import Handler, invoke
from office_hours import handlers
from pages import Element, read

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00 UTC"
CLOSED = "mon-fri 08:00-11:45 UTC"  # a quarter of an hour ago
NOON = "2026-11-24T12:00:00Z"
DOWN = {"Status": "stopped"}
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


def bars(page: Element, cluster: str) -> str:
    """Each stretch of a timeline: what it is (+ for planned), and where it ends. There are no gaps."""
    rects = row(page, cluster).all("rect")
    edges = [0, *(rect.number("x") + rect.number("width") for rect in rects)]
    assert edges[:-1] == [rect.number("x") for rect in rects]
    kinds = [str(rect.attributes["class"]).replace(" plan", "+") for rect in rects]
    return ", ".join(f"{kind} {end}" for kind, end in zip(kinds, edges[1:], strict=True))


def buttons(page: Element, cluster: str) -> dict[str, Element]:
    """What each button does, by its label."""
    found = row(page, cluster)
    return dict(zip([button.text for button in found.all("button")], found.all("cwdb-action"), strict=True))


def created(day: str) -> dict[str, Any]:
    return {"ClusterCreateTime": datetime.fromisoformat(f"2026-11-{day}T00:00:00Z")}


def words(element: Element) -> str:
    return " ".join(" ".join(each if isinstance(each, str) else words(each) for each in element.children).split())


# What stands where


def test_a_row_says_state_why_and_the_next_change_and_more_in_its_fold(account: Account) -> None:
    members = [{"DBInstanceIdentifier": f"reporting-{number}"} for number in range(3)]
    account.add("reporting", "mon-fri 08:00-18:00 Europe/Berlin", EngineVersion="17.5", DBClusterMembers=members)
    account.classes["reporting-2"] = "db.serverless"
    found = row(widget(), "reporting")
    assert [words(cell) for cell in found.all("td")[:2]] == ["▶ running as scheduled", "stops 18:00 in 5 h, Berlin"]
    assert found.all("td")[1].attributes["title"] == "Tue 2026-11-24 18:00 Europe/Berlin"
    assert [each.text for each in found.all("dd")] == [
        "mon-fri 08:00-18:00 Europe/Berlin",
        "Tue 2026-11-24 18:00 Europe/Berlin",
        "eu-west-1",
        "aurora-postgresql 17.5",
        "db.r8g.large, db.r8g.large, db.serverless",
    ]


@pytest.mark.parametrize(
    ("tag", "hold", "status", "expected"),
    [
        (OFFICE, None, "stopped", "stopped by alice starts Wed 08:00 in 20 h"),
        (CLOSED, None, "available", "the next run stops it"),
        (OFFICE, "running until 2026-11-24T22:30", "available", "held stops 22:30"),
        (OFFICE, "running until 2026-11-24T12:40", "available", "held stops 18:00 in 6 h"),
        ("2nd-mon 08:00-09:30 UTC", None, "stopped", "starts 14 Dec 08:00 in 20 d"),
        ("never", None, "stopped", "as scheduled none"),
        (f"{CLOSED} grace=2h", None, "available", "in use stops by 13:45 in 105 min"),
        (f"{CLOSED} mon-fri 12:30-18:00 UTC grace=2h", None, "available", "in use stops 18:00"),
        ("-11:00 UTC", None, "stopped", "as scheduled none"),
        (OFFICE, None, "starting", "◆ starting busy stops 18:00"),
    ],
)
def test_reason_and_next_change_are_in_a_few_words(
    account: Account, tag: str, hold: str | None, status: str, expected: str
) -> None:
    account.add("a", tag, hold, Status=status)
    account.called("StopDBCluster", "a", "2026-11-24T11:10:00+00:00", by="alice")
    assert expected in words(row(widget(), "a"))


def test_the_summary_counts_and_says_how_long_all_were_stopped(account: Account) -> None:
    account.add("a", OFFICE)
    account.log("a", "DB cluster stopped.", "2026-11-23T00:00:00+00:00")
    account.log("a", "DB cluster started.", "2026-11-24T00:00:00+00:00")
    account.add("b", "always", Status="stopping")
    account.add("bad", "mno-fri 08:00-18:00")
    (summary,) = [each for each in widget().all("div") if each.attributes.get("class") == "sum"]
    # One was stopped for 12 of the last 24 hours; the other two ran.
    counts = ("⚠ 1 needs attention", "▶ 2 running", "■ 0 stopped", "◆ 1 other")
    assert [
        each for each in (*counts, "12 cluster-hours stopped in the last 24 hours (17%)") if each not in words(summary)
    ] == []


def test_the_region_is_said_where_there_are_several(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps({"regions": [HOME, "us-east-1"]}))
    account.add("a", OFFICE)
    assert HOME not in words(row(widget(), "a").all("td")[0])
    account.add("b", OFFICE, region="us-east-1")
    assert HOME in words(row(widget(), "a").all("td")[0])


def test_the_timeline_shows_what_happened_and_then_what_is_asked_for(account: Account) -> None:
    account.add("a", OFFICE)
    account.log("a", "DB cluster stopped.", "2026-11-23T18:06:00+00:00")
    account.log("a", "DB cluster started.", "2026-11-24T08:12:00+00:00")
    edges = "running 61, stopped 202, running 240, running+ 300, stopped+ 440, running+ 540, stopped+ 680, running+ 720"
    assert bars(widget(), "a") == edges


@pytest.mark.parametrize(
    ("tag", "hold", "members", "events", "expected"),
    [
        # A hold comes before the schedule.
        ("always", "stopped until 2026-11-25T12:00Z", DOWN, [], "stopped 240, stopped+ 480, running+ 720"),
        # Nothing is known before the cluster's creation, nor where there is no word of a stop.
        ("always", None, created("24"), [], "unknown 120, running 240, running+ 720"),
        ("never", None, DOWN, ["24T00 started"], "stopped 120, unknown 240, stopped+ 720"),
        ("always", None, {}, ["23T18 started", "24T00 started"], "stopped 60, unknown 120, running 240, running+ 720"),
        # It was created and stopped before that.
        ("never", None, DOWN | created("20"), ["21T00 stopped"], "stopped 240, stopped+ 720"),
        # What was stopped by hand is left until the next scheduled change.
        ("mon+wed 08:00- UTC", None, DOWN, ["24T10 stopped"], "running 220, stopped 240, stopped+ 440, running+ 720"),
        # What is in use runs until its grace ends, at 14:00.
        ("tue 06:00-11:30 UTC grace=150m", None, {}, [], "running 240, running+ 260, stopped+ 720"),
        # Nothing is planned for what no run follows.
        ("ignore", None, {}, [], "running 240"),
        (OFFICE, None, {"GlobalClusterIdentifier": "world"}, [], "running 240"),
        (OFFICE, None, {"Status": "storage-full"}, [], "running 240"),
    ],
)
def test_the_timeline_shows_what_is_known(  # noqa: PLR0913, PLR0917  a row of the table
    account: Account, tag: str, hold: str | None, members: dict[str, Any], events: list[str], expected: str
) -> None:
    account.add("a", tag, hold, **members)
    for event in events:
        account.log("a", f"DB cluster {event[6:]}.", f"2026-11-{event[:5]}:00:00+00:00")
    assert bars(widget(), "a") == expected


def test_where_the_log_cannot_be_read_the_past_is_unknown(account: Account) -> None:
    account.add("a", "never", Status="stopped")
    account.fail("DescribeEvents", ACCESS_DENIED)
    assert bars(widget(), "a") == "unknown 240, stopped+ 720"


def test_the_timeline_tells_hours_now_and_state_by_shape_and_in_words(account: Account) -> None:
    account.add("on", "always")
    account.add("off", "never", Status="stopped")
    page = widget(theme="dark", timezone={"offsetISO": "+01:30"})
    lines = [(line.attributes["class"], line.number("x1")) for line in row(page, "on").all("line")]
    # By the clock that the dashboard's viewer has chosen: it is 13:30, and midnight 10.5 hours later.
    assert {("now", 240), ("day", 345), ("hour", 285), ("hour", 405)} <= set(lines)
    (axis,) = [each for each in page.all("div") if each.attributes.get("class") == "axis"]
    assert [each.text for each in axis.all("span")][:4] == ["18", "Tue", "06", "12"]
    assert "Tue 24 Nov 13:30 UTC+01:30" in page.text
    heights = {name: {bar.number("height") for bar in row(page, name).all("rect")} for name in ("on", "off")}
    assert heights == {"on": {16}, "off": {6}}
    (picture,) = row(page, "on").all("svg")
    assert picture.attributes["role"] == "img"
    assert "on: running Mon 12:00 to Tue 12:00, planned running Tue 12:00 to" in str(picture.attributes["aria-label"])
    assert picture.all("title")[1].text == "planned running Tue 12:00 to Thu 12:00"
    assert any("dark" in (div.attributes["class"] or "") for div in page.all("div"))


def test_problems_come_first(account: Account) -> None:
    account.add("bad", "mno-fri 08:00-18:00")
    (problem,) = widget().all("li")
    assert problem.text.startswith("bad: invalid tag. ")
    assert 'did you mean "mon-fri 08:00-18:00' in problem.text
    for number in range(6):
        account.add(f"bad-{number}", "mno-fri 08:00-18:00")
    page = widget()
    assert "⚠ 7 need attention" in words(page)
    more = page.all("details")[0]
    assert (more.all("summary")[0].text, len(more.all("li"))) == ("2 more", 2)


def test_without_clusters_or_where_nothing_can_be_seen_there_is_a_page_all_the_same(account: Account) -> None:
    assert "No cluster has an office-hours tag yet." in widget().text
    account.fail("DescribeDBClusters", ACCESS_DENIED)
    page = widget()
    assert "AccessDenied" in page.text
    assert "No cluster has" not in page.text


def test_of_many_clusters_those_that_need_attention_are_shown(account: Account) -> None:
    for number in range(203):
        account.add(f"c{number:03}", OFFICE)
    account.add("z-bad", "mno-fri 08:00-18:00")
    page = widget()
    rows = [each.all("th")[0].text for each in page.all("tr") if each.all("td")]
    assert (len(rows), rows[0].startswith("z-bad"), rows[1].startswith("c000")) == (200, True, True)
    assert "And 4 more clusters" in page.text
    assert "▶ 204 running" in words(page)


def test_a_context_without_a_form_will_do_and_an_odd_one_does_no_harm(account: Account) -> None:
    account.add("a", OFFICE)
    assert row(read(str(invoke(handlers.status, NOON, {"widgetContext": {}}, None))), "a").all("rect")
    assert not widget(theme='"><script>', forms={"all": {"cluster": "<script>", "state": "none of them"}}).all("script")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"cluster": " SHOP "}, ["shop-1", "shop-2"]),
        ({"cluster": "-1"}, ["shop-1"]),  # and not all that are in eu-west-1
        ({"state": "stopped"}, ["etl"]),
        ({"state": "attention"}, ["bad"]),
        ({"state": "exception"}, ["shop-2"]),
        ({"cluster": "<b a=\"'", "state": "stopped"}, []),
    ],
    ids=str,
)
def test_the_form_filters_by_name_and_state(account: Account, asked: dict[str, str], expected: list[str]) -> None:
    account.add("bad", "mno-fri 08:00-18:00")
    account.add("etl", "never", Status="stopped")
    account.add("shop-1", OFFICE)
    account.add("shop-2", OFFICE, "running")
    page = widget(forms={"all": asked})
    assert [each.text for each in page.all("summary")] == expected
    assert ("No cluster matches the filter." in page.text) == (not expected)
    assert page.all("input")[0].attributes["value"] == asked.get("cluster", "").strip()
    selected = [each.attributes["value"] for each in page.all("option") if "selected" in each.attributes]
    assert selected == [asked.get("state", "")]
    (form,) = page.all("form")
    (action,) = form.all("cwdb-action")
    assert action.attributes["endpoint"] == ACTIONS["stop"].replace("-stop", "-status")
    assert (action.attributes["display"], json.loads(action.text)) == ("widget", {})


# Buttons


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, ["Stop", "2 h longer", "Until Wed 08:00"]),
        ({"Status": "stopped"}, ["Start", "Start for 2 h"]),
        # A command replaces a hold that can't be read.
        ({"hold": "soon"}, ["Stop"]),
        ({"hold": "running until 2026-11-24T22:00"}, ["Stop", "2 h longer", "Back to schedule"]),
        ({"hold": "running until 2026-11-24T13:00"}, ["Stop", "2 h longer", "Back to schedule"]),
        ({"hold": "running from 2026-11-24T20:00"}, ["Stop", "2 h longer", "Until Wed 08:00", "Back to schedule"]),
        ({"hold": "stopped until 2026-11-24T16:00", "Status": "stopping"}, ["Back to schedule"]),
        ({"Status": "modifying"}, []),
        ({"GlobalClusterIdentifier": "world"}, []),
        ({"tag": "mno"}, []),
        ({"tag": "always"}, []),
        ({"tag": "never"}, ["2 h longer"]),
        ({"tag": "never", "Status": "stopped"}, ["Start for 2 h"]),
        ({"tag": f"{CLOSED} grace=2h"}, ["Stop", "2 h longer", "Until Wed 08:00"]),
        ({"tag": "daily 13:00-18:00 UTC", "Status": "stopped"}, ["Start", "Start for 2 h"]),
    ],
    ids=str,
)
def test_a_cluster_has_the_buttons_that_fit_the_hour(
    account: Account, members: dict[str, Any], expected: list[str]
) -> None:
    account.add("a", **{"tag": OFFICE, **members})
    assert list(buttons(widget(), "a")) == expected


def test_each_button_asks_first_and_calls_the_right_function_in_a_popup(account: Account) -> None:
    account.add("a", "mon-fri 08:00-18:00 Europe/Berlin")
    page = widget()
    cells = row(page, "a").all("td")[-1].children
    elements = [each.tag for each in cells if isinstance(each, Element)]
    assert elements == ["button", "cwdb-action"] * 3  # each action right after its button
    asked = buttons(page, "a")
    for action in asked.values():
        assert (action.attributes["action"], action.attributes["display"]) == ("call", "popup")
    assert {label: action.attributes["confirmation"] for label, action in asked.items()} == {
        "Stop": "Stop eu-west-1/a now, until Tue 2026-11-24 18:00 Europe/Berlin?",
        "2 h longer": "Keep eu-west-1/a running until Tue 2026-11-24 20:00 Europe/Berlin?",
        "Until Wed 08:00": "Keep eu-west-1/a running until Wed 2026-11-25 08:00 Europe/Berlin?",
    }
    # They send the very instants that they ask about.
    sent = [json.loads(action.text)["until"] for action in asked.values()]
    assert sent == ["2026-11-24T18:00+01:00", "2026-11-24T20:00+01:00", "2026-11-25T08:00+01:00"]


def test_the_question_says_which_hold_would_be_lost(account: Account) -> None:
    account.add("a", OFFICE, "stopped from 2026-12-24 until 2027-01-04")
    question = buttons(widget(), "a")["Stop"].attributes["confirmation"] or ""
    assert question.endswith("This replaces its hold (stopped from 2026-12-24T00:00Z until 2027-01-04T00:00Z).")


@pytest.mark.parametrize(
    ("tag", "status", "label", "hold"),
    [
        (OFFICE, "available", "Stop", "stopped until 2026-11-24T18:00Z"),
        (OFFICE, "stopped", "Start", "running until 2026-11-24T18:00Z"),
        ("mon-fri 08:00-11:45 UTC", "available", "2 h longer", "running until 2026-11-24T14:00Z"),
    ],
)
def test_what_a_button_sends_is_done_and_told_as_a_page(
    account: Account, tag: str, status: str, label: str, hold: str
) -> None:
    account.add("a", tag, Status=status)
    action = buttons(widget(), "a")[label]
    event = json.loads(action.text) | {"widgetContext": {"theme": "dark"}}
    answer = invoke(HANDLERS[action.attributes["endpoint"] or ""], NOON, event, None)
    assert account.tag("a") == hold
    (sentence,) = read(str(answer)).all("li")
    assert sentence.text.startswith("eu-west-1/a: ")
    assert f"Held {hold.split(maxsplit=1)[0]} until" in sentence.text


def test_back_to_schedule_ends_the_hold_and_does_what_is_due(account: Account) -> None:
    account.add("a", CLOSED, "running until 2026-11-24T22:00")
    action = buttons(widget(), "a")["Back to schedule"]
    invoke(HANDLERS[action.attributes["endpoint"] or ""], NOON, json.loads(action.text), None)
    assert (account.named("StopDBCluster"), account.tag("a")) == (["a"], "running until 2026-11-24T12:00Z")


def test_a_mistake_from_a_dashboard_is_told_as_a_page(account: Account) -> None:
    event = {"clusters": ["<script>"], "until": "soon", "widgetContext": {}}
    page = read(str(invoke(handlers.stop, NOON, event, None)))
    assert page.all("h3")[0].text == "Nothing was done"
    assert '"until" is "soon"' in page.all("li")[0].text
    assert page.all("script") == []
    assert account.named("StopDBCluster") == []
