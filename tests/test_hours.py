"""How long a cluster ran and was stopped: each rule with figures worked out by hand, then random histories beside a
slow and obvious reading of the rules.

The 23rd of November 2026 is a Monday, and each period ends on it at 09:00 UTC.
"""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from types_boto3_rds.type_defs import DBClusterTypeDef, EventTypeDef

from office_hours.reporting.hours import Period, past, projected
from office_hours.reporting.prices import Price
from office_hours.schedule import Schedule

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
LONG_AGO = "2024-01-01 00:00"
FREE = Price(0.0)
MESSAGES = {
    "started": "DB cluster started.",
    "stopped": "DB cluster stopped.",
    "failed": "DB cluster stop failed.",
    "restart": "DB cluster is being started due to it exceeding the maximum allowed time being stopped.",
    "patched": "DB cluster patched.",
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}Z")


def cluster(status: str = "available", created: datetime | None = None) -> DBClusterTypeDef:
    snapshot = {"DBClusterIdentifier": "reporting", "Status": status, "ClusterCreateTime": created}
    return cast("DBClusterTypeDef", snapshot)


def event(instant: datetime, what: str) -> EventTypeDef:
    return {"Date": instant, "Message": MESSAGES[what], "SourceIdentifier": "reporting"}


def log(*history: str) -> list[EventTypeDef]:
    """RDS's events for entries such as `11-20 18:00 stopped`, in November 2026 and thereabouts."""
    return [event(at(f"2026-{entry[:11]}"), entry[12:]) for entry in history]


def figures(period: Period) -> tuple[float, float, str]:
    return period["running_hours"], period["stopped_hours"], period["note"]


# --- What counts


@pytest.mark.parametrize(
    ("status", "history", "running"),
    [
        ("available", [], 24),  # no event: as it is
        ("stopped", ["11-23 03:00 stopped"], 18),  # before the first event: the other state
        ("stopped", ["11-18 18:00 stopped"], 0),  # an event before the period
        ("available", ["11-23 09:30 stopped"], 24),  # an event after now
        ("stopping", ["11-23 03:00 started"], 6),  # still running
        ("starting", ["11-23 03:00 stopped"], 18),  # still stopped
        ("starting", ["11-22 21:00 stopped", "11-23 08:00 restart"], 12),  # an automatic restart goes on
        ("available", ["11-16 06:00 stopped", "11-23 06:00 restart", "11-23 06:30 started"], 2.5),  # or is over
        ("available", ["11-22 12:00 stopped", "11-22 15:00 started", "11-22 20:00 failed", "11-23 03:00 patched"], 21),
        ("a-status-of-next-year", ["11-23 03:00 started"], 6),  # running
    ],
)
def test_each_rule_by_a_day_that_is_told_in_full(status: str, history: list[str], running: float) -> None:
    assert figures(past(cluster(status), log(*history), NOW, 1, FREE)) == (running, 24 - running, "")


# --- What is partial


@pytest.mark.parametrize(
    ("status", "created", "history", "expected", "words"),
    [
        # What an event tells lasts until the next one.
        ("available", LONG_AGO, ["11-22 12:00 started", "11-22 20:00 started"], (21, 3), "lacks events"),
        ("available", LONG_AGO, ["11-22 12:00 stopped"], (3, 21), "lacks events"),
        ("available", "2026-11-23 06:00", ["11-23 07:00 stopped", "11-23 08:00 started"], (2, 1), "created on Mon"),
        ("available", "2026-11-22 12:00", ["11-23 08:00 started"], (21, 0), "lacks events"),  # new: it ran
        ("creating", "2026-11-23 09:00", [], (0, 0), "created"),  # this moment
    ],
)
def test_what_cannot_be_relied_on_is_said(
    status: str, created: str, history: list[str], expected: tuple[float, float], words: str
) -> None:
    *hours, note = figures(past(cluster(status, at(created)), log(*history), NOW, 1, FREE))
    assert tuple(hours) == expected
    assert words in note


# --- Every history

QUARTER = timedelta(minutes=15)
HORIZON = 16 * 96  # quarters of an hour, two days more than RDS keeps
KEPT = 14 * 96 - 4
STATUSES = {"available": "started", "stopping": "started", "stopped": "stopped", "starting": "stopped"}
Entry = tuple[int, str]  # how many quarters ago, and what
entries = st.tuples(st.integers(0, KEPT), st.sampled_from([*MESSAGES, "started", "stopped"]))
histories = st.lists(entries, max_size=24, unique_by=lambda entry: entry[0])
ages = st.just(HORIZON) | st.integers(0, HORIZON)


def slow(history: Sequence[Entry], status: str, age: int, days: int) -> tuple[float, float, bool]:
    """The hours run and stopped, quarter by quarter, and whether they are complete."""
    changes = [(ago, what) for ago, what in history if what in ("started", "stopped") and ago <= age]
    if age <= KEPT:
        changes.append((age, "started"))
    changes.sort(reverse=True)
    counts = {"started": 0, "stopped": 0}
    for quarter in range(min(days * 96, age), 0, -1):
        earlier = [what for ago, what in changes if ago >= quarter]
        later = [what for ago, what in changes if ago < quarter]
        if earlier:
            counts[earlier[-1]] += 1
        elif later:
            counts["started" if later[0] == "stopped" else "stopped"] += 1
        else:
            counts[STATUSES[status]] += 1
    twice = any(
        what == next_what and next_ago < min(days * 96, age)
        for (_, what), (next_ago, next_what) in itertools.pairwise(changes)
    )
    fits = not changes or changes[-1][1] == STATUSES[status]
    return counts["started"] / 4, counts["stopped"] / 4, age >= days * 96 and fits and not twice


@settings(deadline=None)
@given(histories, st.sampled_from([*STATUSES]), ages, st.sampled_from([1, 7, 14]))
def test_every_history_is_counted_as_quarter_by_quarter(history: list[Entry], status: str, age: int, days: int) -> None:
    events = [event(NOW - ago * QUARTER, what) for ago, what in history]
    # A creation and an event in the same moment: the log tells nothing of which was first.
    age = next(number for number in range(age, HORIZON + 25) if number not in {ago for ago, _ in history})
    running, stopped, note = figures(past(cluster(status, created=NOW - age * QUARTER), events, NOW, days, FREE))
    assert (running, stopped, note == "") == slow(history, status, age, days)


# --- A month to come


@pytest.mark.parametrize(
    ("tag", "begins", "running", "words"),
    [
        # Today from nine to six, 21 days until the 22nd of December, and on the 23rd from eight to nine.
        ("mon-fri 08:00-18:00 UTC", "2026-11-23 09:00", 9 + 21 * 10 + 1, ""),
        ("mon-fri 08:00-18:00 UTC closed=2026-12-21:2026-12-31", "2026-11-23 09:00", 9 + 19 * 10, ""),
        ("daily 00:00-06:00 Europe/Berlin", "2026-03-15 12:00", 30 * 6 - 1, ""),  # one night loses an hour
        ("always", "2026-11-23 09:00", 720, ""),
        ("never", "2026-11-23 09:00", 0, ""),
        ("-19:00 UTC", "2026-11-23 09:00", 0, "one side only"),
    ],
)
def test_a_month_is_projected_by_the_schedule(tag: str, begins: str, running: float, words: str) -> None:
    *hours, note = figures(projected(Schedule.parse(tag), at(begins), FREE))
    assert hours == [running, 720 - running]
    assert (words in note, bool(note)) == (True, bool(words))


# --- What it saves


def test_what_was_stopped_saved_its_price_if_that_is_known() -> None:
    unknown = Price(None, "No price.")
    period = past(cluster(), log("11-22 09:00 stopped", "11-23 08:36 started"), NOW, 1, Price(0.333))
    assert (period["saved_usd"], period["complete"], period["note"]) == (7.86, True, "")  # 23.6 hours: 7.8588
    period = past(cluster("stopped"), log("11-23 03:00 started"), NOW, 1, unknown)
    assert (period["saved_usd"], period["complete"], period["note"][-19:]) == (None, False, "inferred. No price.")
    period = projected(Schedule.parse("never"), NOW, unknown)
    assert (period["saved_usd"], period["complete"], period["note"]) == (None, True, "No price.")
    # What was not stopped saved nothing, and needs no price.
    period = past(cluster(), [], NOW, 1, unknown)
    assert (period["saved_usd"], period["note"]) == (0.0, "")
