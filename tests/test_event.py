"""The event as it is read: its keys, names of clusters, and the three ways to say until when.

The 23rd of November 2026 is a Monday. Berlin's clocks are put forward on the 28th of March 2027, at 02:00 to 03:00, and
back on the 25th of October 2026, at 03:00 to 02:00.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from office_hours.event import KEYS, Event, EventError, Name, Until

BERLIN = ZoneInfo("Europe/Berlin")
ARN = "arn:aws:rds:eu-west-1:123456789012:cluster:reporting"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Names


@pytest.mark.parametrize(
    ("text", "identifier", "region"),
    [
        ("reporting", "reporting", None),
        ("Reporting", "reporting", None),
        ("  reporting ", "reporting", None),
        ("eu-west-1/reporting", "reporting", "eu-west-1"),
        ("EU-WEST-1/Reporting", "reporting", "eu-west-1"),
        (ARN, "reporting", "eu-west-1"),
        (ARN.upper(), "reporting", "eu-west-1"),
        ("arn:aws-cn:rds:cn-north-1:123456789012:cluster:a", "a", "cn-north-1"),
    ],
)
def test_a_name_is_an_identifier_in_any_case_with_its_region_or_an_arn(
    text: str, identifier: str, region: str | None
) -> None:
    name = Name.parse(text)
    assert name is not None
    assert (name.identifier, name.region) == (identifier, region)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "/reporting",
        "eu-west-1/",
        "a/b/c",
        "report*",
        "eu-west-1/*",
        "arn:aws:rds:eu-west-1:123456789012:db:reporting-1",
        "arn:aws:rds:eu-west-1:123456789012:cluster:",
        "arn:aws:rds:eu-west-1::cluster:reporting",
        "arn:aws:s3:::reporting",
    ],
)
def test_anything_else_is_no_name(text: str) -> None:
    assert Name.parse(text) is None
    (mistake,) = Event.read({"clusters": [text]}).mistakes
    assert '"eu-west-1/reporting"' in mistake


def test_an_arn_means_the_cluster_of_its_own_account_only() -> None:
    name = Name.parse(ARN)
    assert name
    assert name.is_of("eu-west-1", "reporting", ARN)
    assert not name.is_of("eu-west-1", "reporting", ARN.replace("123456789012", "210987654321"))


# Until


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        # a time of day: the next such
        ("20:00", "2026-11-23T12:00", "2026-11-23T19:00"),
        ("20:00", "2026-11-23T18:59", "2026-11-23T19:00"),
        ("20:00", "2026-11-23T19:00", "2026-11-24T19:00"),
        ("8:00", "2026-11-23T12:00", "2026-11-24T07:00"),
        ("00:00", "2026-11-23T12:00", "2026-11-23T23:00"),
        ("24:00", "2026-11-23T12:00", "2026-11-23T23:00"),
        ("24:00", "2026-11-23T23:00", "2026-11-24T23:00"),
        # skipped by the clock: later by the gap; shown twice: the first of the two
        ("02:30", "2027-03-27T12:00", "2027-03-28T01:30"),
        ("02:30", "2026-10-24T12:00", "2026-10-25T00:30"),
        ("02:30", "2026-10-25T00:30", "2026-10-26T01:30"),
        # a duration: so much later, to the full minute
        ("90m", "2026-11-23T12:00", "2026-11-23T13:30"),
        ("4h", "2026-11-23T12:00", "2026-11-23T16:00"),
        ("4H", "2026-11-23T12:00", "2026-11-23T16:00"),
        ("3d", "2026-11-23T12:00", "2026-11-26T12:00"),
        ("0d4h", "2026-11-23T12:00", "2026-11-23T16:00"),
        ("1d12h30m", "2026-11-23T12:00", "2026-11-25T00:30"),
        ("4h", "2026-11-23T12:00:01", "2026-11-23T16:01"),
        ("4h", "2026-11-23T12:00:59.5", "2026-11-23T16:01"),
        ("1d", "2027-03-27T12:00", "2027-03-28T12:00"),
        # a date-time
        ("2026-11-24T20:00", "2026-11-23T12:00", "2026-11-24T19:00"),
        ("2026-11-24T20:00Z", "2026-11-23T12:00", "2026-11-24T20:00"),
        ("2026-11-24t20:00+05:30", "2026-11-23T12:00", "2026-11-24T14:30"),
        ("2026-11-24T24:00", "2026-11-23T12:00", "2026-11-24T23:00"),
        (" 20:00 ", "2026-11-23T12:00", "2026-11-23T19:00"),
    ],
)
def test_until_is_a_time_of_day_a_duration_or_a_date_time_in_the_schedules_zone(
    text: str, now: str, expected: str
) -> None:
    until = Until.parse(text)
    assert until
    assert until.instant(utc(now), BERLIN) == utc(expected)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "tomorrow",
            "25:00",
            "24:01",
            "20:60",
            "20",
            "8pm",
            "20:00Z",
            "20:00:00",
            "-4h",
            "4",
            "h",
            "4x",
            "4h90",
            "4.5h",
            *("0m", "0d", "0d0h"),
        ),
        *("2026-11-24", "2026-11-31T20:00", "2026-11-24 20:00", "running until 20:00", "999999d"),
        *(4, 4.5, True, None, ["20:00"], {"at": "20:00"}),
    ],
    ids=repr,
)
def test_anything_else_is_refused_with_the_three_forms(value: object) -> None:
    (mistake,) = Event.read({"clusters": ["a"], "until": value}).mistakes
    for form in ("20:00", "2026-11-24T20:00", "90m", "4h", "3d"):
        assert form in mistake


@given(st.text() | st.from_regex(r"[0-9:dhmTZ+-]{0,20}"))
def test_whatever_is_accepted_has_an_instant(text: str) -> None:
    if until := Until.parse(text):
        assert until.instant(utc("2026-11-23T12:00"), BERLIN)


# The event


def test_an_empty_event_is_a_run_by_the_schedules() -> None:
    assert Event.read({}) == Event(clusters=None, until=None, dry_run=False, time=None, mistakes=())


def test_a_star_alone_is_every_tagged_cluster() -> None:
    assert Event.read({"clusters": ["*"]}).clusters == ()


@pytest.mark.parametrize("given", [["*", "a"], ["a", "*"], ["*", "*"]])
def test_a_star_beside_others_is_a_mistake(given: list[str]) -> None:
    assert Event.read({"clusters": given}).mistakes


@pytest.mark.parametrize("given", [[], "reporting", "*", {"reporting": True}, [1], ["a", None], [["a"]], None, True])
def test_clusters_are_a_list_of_names(given: object) -> None:
    (mistake,) = Event.read({"clusters": given}).mistakes
    assert '"clusters"' in mistake


def test_a_name_without_its_brackets_is_shown_with_them() -> None:
    (mistake,) = Event.read({"clusters": "reporting"}).mistakes
    assert '["reporting"]' in mistake


def test_until_needs_clusters() -> None:
    (mistake,) = Event.read({"until": "20:00"}).mistakes
    assert '"clusters"' in mistake


def test_until_does_not_go_with_time() -> None:
    event = {"clusters": ["a"], "until": "20:00", "time": "2026-11-23T12:00Z"}
    (mistake,) = Event.read(event).mistakes
    assert '"until" and "time"' in mistake


@pytest.mark.parametrize(("key", "meant"), [("Clusters", "clusters"), ("dryRun", "dry_run"), ("untill", "until")])
def test_an_unknown_key_is_compared_with_the_known_ones(key: str, meant: str) -> None:
    mistakes = Event.read({key: True}).mistakes
    assert f'did you mean "{meant}"' in mistakes[0]
    # What CloudWatch adds is nothing for people to write.
    assert all(f'"{known}"' in mistakes[-1] for known in KEYS if known != "widgetContext")


def test_all_mistakes_are_told_and_what_can_be_read_is() -> None:
    event = Event.read({"clusters": ["a", "b/c/d"], "until": "soon", "dry_run": "yes", "time": "noon", "x": 1})
    assert [name.text for name in event.clusters or ()] == ["a"]
    told = "\n".join(event.mistakes)
    for fault in ('"b/c/d"', '"soon"', '"yes"', '"noon"', '"x"', '"until" and "time"'):
        assert fault in told


def test_an_error_names_so_many_mistakes_and_counts_the_rest() -> None:
    text = str(EventError([f"Mistake {number}." for number in range(1, 101)]))
    assert "Mistake 20.\nAnd 80 more mistakes.\nNothing was done." in text


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(KEYS), inner),
    max_leaves=8,
)


def test_of_many_unknown_keys_some_are_told_and_the_rest_counted() -> None:
    mistakes = Event.read(dict.fromkeys(f"key{number}" for number in range(15))).mistakes
    assert len(mistakes) == 12
    assert mistakes[10] == "And 5 more unknown keys."


@given(json)
def test_whatever_json_comes_is_read_or_refused_in_words(event: object) -> None:
    read = Event.read(event)
    assert all(mistake.endswith((".", "?")) for mistake in read.mistakes)
    assert len(str(EventError(read.mistakes))) < 10_000
