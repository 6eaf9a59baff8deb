"""The event as it is read: its keys, names of clusters, and the three ways to say until when.

The 23rd of November 2026 is a Monday. Berlin's clocks are put forward on the 28th of March 2027, at 02:00 to 03:00, and
back on the 25th of October 2026, at 03:00 to 02:00.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from office_hours.clock import moment
from office_hours.event import KEYS, Event, EventError

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
INSTANCE = "arn:aws:rds:eu-west-1:123456789012:db:reporting"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def mistakes(event: object) -> list[str]:
    return list(Event.read(event, NOW).mistakes)


# Until


NOON = "2026-11-23T12:00"


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        # a time of day: the next such; shown twice, the first of the two
        ("20:00", "2026-11-23T18:59", "2026-11-23T19:00"),
        ("20:00", "2026-11-23T19:00", "2026-11-24T19:00"),
        (" 8:00 ", NOON, "2026-11-24T07:00"),
        ("24:00", NOON, "2026-11-23T23:00"),
        ("02:30", "2026-10-24T12:00", "2026-10-25T00:30"),
        ("02:30", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("1D12h30m", NOON, "2026-11-25T00:30"),
        ("4h", "2026-11-23T12:00:01.5", "2026-11-23T16:01"),
        ("1d", "2027-03-27T12:00", "2027-03-28T12:00"),
        ("99999d", "9999-10-01T12:00", "9999-11-01T00:00"),
        # a date-time, of which test_hold.py has more, and what else can mean one thing only
        ("2026-11-24T20:00", NOON, "2026-11-24T19:00"),
        ("20:00 America/New_York", NOON, "2026-11-24T01:00"),
    ],
)
def test_until_is_a_time_of_day_a_duration_or_a_date_time_in_the_schedules_zone(
    text: str, now: str, expected: str
) -> None:
    assert moment(text, BERLIN, utc(now)) == utc(expected)


@pytest.mark.parametrize(
    "value",
    [
        *("", "24:01", "20", "20:00Z", "-4h", "4.5h", "0m", "0d0h", "2026-11-31T20:00", "20:00 PST", "999999d"),
        *(4, True, None, ["20:00"]),
    ],
    ids=repr,
)
def test_anything_else_is_refused_with_the_three_forms(value: object) -> None:
    (mistake,) = mistakes({"clusters": ["a"], "until": value})
    for form in ("20:00", "2026-11-24T20:00", "90m", "4h", "3d"):
        assert form in mistake
    assert "did you mean" not in mistake


@given(st.text() | st.from_regex(r"[0-9:dhmTZ+-]{0,20}"))
def test_whatever_is_accepted_has_an_instant(text: str) -> None:
    if not mistakes({"clusters": ["a"], "until": text}):
        assert moment(text, BERLIN, utc(NOON))


# The event


def test_an_empty_event_is_a_run_by_the_schedules() -> None:
    assert Event.read({}, NOW) == Event(clusters=None, until=None, dry_run=False, time=None)


@pytest.mark.parametrize(
    "given",
    [
        *(["*", "a"], [], {"reporting": True}, ["a", None], [["a"]], None),
        *([" "], ["/reporting"], ["eu-west-1/"], ["a/b/c"], ["report*"], [INSTANCE]),
    ],
    ids=repr,
)
def test_clusters_are_a_list_of_names_or_a_star(given: object) -> None:
    (mistake,) = mistakes({"clusters": given})
    assert '"clusters" is' in mistake
    assert '"eu-west-1/reporting"' in mistake


def test_names_may_be_one_text() -> None:
    names = ["reporting", "eu-west-1/billing", "arn:aws-cn:rds:cn-north-1:123456789012:cluster:a"]
    event = Event.read({"clusters": f" {names[0]}, {names[1]} {names[2]},"}, NOW)
    assert event == Event.read({"clusters": names}, NOW)
    assert [name.region for name in event.clusters or ()] == [None, "eu-west-1", "cn-north-1"]
    assert Event.read({"clusters": "*"}, NOW).clusters == Event.read({"clusters": ["*"]}, NOW).clusters == ()


@pytest.mark.parametrize(
    ("key", "given", "form"),
    [
        ("until", "6pm", "18:00"),
        ("until", "8.30 pm", "20:30"),
        ("until", "tomorrow", "2026-11-24"),
        ("until", "1w", "7d"),
        ("until", "2 hours", "2h"),
        ("from", "20:00", "2026-11-23T20:00"),
    ],
)
def test_a_time_that_is_not_read_gets_the_form_to_copy(key: str, given: str, form: str) -> None:
    (mistake,) = mistakes({"clusters": ["a"], key: given})
    assert f'"{key}" is "{given}": did you mean "{form}"?' in mistake
    assert Event.read({"clusters": ["a"], key: form}, NOW).is_command


def test_no_form_of_a_time_that_has_passed_is_suggested() -> None:
    for times in ({"from": "0:30"}, {"until": "11:45am"}):
        (mistake,) = mistakes({"clusters": ["a"], **times})
        assert "did you mean" not in mistake


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"until": "20:00"}, '"clusters"'),
        ({"clusters": ["a"], "until": "20:00", "time": "2026-11-23T12:00Z"}, '"until" and "time"'),
        ({"from": "2026-12-24"}, '"clusters"'),
        ({"clusters": ["a"], "from": "2026-12-24", "time": "2026-12-23"}, '"from" and "time"'),
        ({"clusters": ["a"], "resume": "yes"}, '"resume" is "yes"'),
        ({"clusters": ["a"], "resume": True, "until": "20:00"}, '"until" and "resume"'),
        ({"dry_run": "true"}, '"dry_run" is "true"'),
        ({"dry-run": True}, 'Unknown keys: "dry-run". Did you mean "dry_run"? Accepted'),
        *(({"time": time}, '"time" is') for time in ("18:00", "2026-11-31T18:00Z", 5, None)),
        ([], "not a JSON object"),
        (None, "not a JSON object"),
    ],
    ids=str,
)
def test_a_mistake_is_named(event: object, named: str) -> None:
    (mistake,) = mistakes(event)
    assert named in mistake


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23T18:00Z", "2026-11-23T18:00"),
        ("2026-12-24T12:00:00+01:00", "2026-12-24T11:00"),
        ("2026-11-23 18:00", "2026-11-23T17:00"),
        ("2026-11-23", "2026-11-22T23:00"),
    ],
)
def test_a_time_is_in_the_default_zone_without_an_offset_and_makes_a_dry_run(text: str, instant: str) -> None:
    event = Event.read({"time": text, "dry_run": False, "clusters": ["a"]}, NOW, BERLIN)
    assert (event.time, event.dry_run, event.is_command) == (utc(instant), True, False)


@pytest.mark.parametrize("key", ["Clusters", "dryRun", "key1"])
def test_an_unknown_key_is_refused_with_the_known_ones(key: str) -> None:
    (told,) = mistakes({key: True})
    assert f'"{key}"' in told
    # What CloudWatch adds is nothing for people to write.
    assert all(f'"{known}"' in told for known in KEYS if known != "widgetContext")


def test_all_mistakes_are_told_at_once() -> None:
    told = mistakes({"clusters": ["a", "b/c/d"], "until": "soon", "dry_run": "yes", "time": "noon", "x": 1})
    for fault in ('"b/c/d"', '"soon"', '"yes"', '"noon"', '"x"', '"until" and "time"'):
        assert any(fault in mistake for mistake in told), fault


def test_of_many_mistakes_some_are_told_and_the_rest_counted() -> None:
    text = str(EventError([f"Mistake {number}." for number in range(1, 101)]))
    assert "Mistake 20.\nand 80 more\nNothing was done." in text
    (told,) = mistakes(dict.fromkeys(f"key{number}" for number in range(15)))
    assert '"key9", and 5 more. Accepted' in told


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(KEYS), inner),
    max_leaves=8,
)


@given(json)
def test_whatever_json_comes_is_read_or_refused_in_words(event: object) -> None:
    refused = EventError(Event.read(event, NOW).mistakes)
    assert all(mistake.endswith((".", "?")) for mistake in refused.mistakes)
    assert len(str(refused)) < 10_000
