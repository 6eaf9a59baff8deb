"""How long a cluster ran and was stopped: each rule with figures worked out by hand, then thousands of random histories
compared with a slow and obvious reading of the rules.

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

from office_hours.reporting.hours import Hours, Period, past, period, projected, total
from office_hours.schedule import Schedule, Transition

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
LONG_AGO = "2024-01-01 00:00"
MESSAGES = {
    "started": "DB cluster started.",
    "stopped": "DB cluster stopped.",
    "failed": "DB cluster stop failed.",
    "restart": "DB cluster is being started due to it exceeding the maximum allowed time being stopped.",
    "patched": "DB cluster patched.",
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}Z")


def cluster(status: str = "available", created: str | datetime | None = LONG_AGO) -> DBClusterTypeDef:
    snapshot: dict[str, object] = {"DBClusterIdentifier": "reporting", "Status": status}
    if created:
        snapshot["ClusterCreateTime"] = at(created) if isinstance(created, str) else created
    return cast("DBClusterTypeDef", snapshot)


def event(instant: datetime, what: str) -> EventTypeDef:
    return {"Date": instant, "Message": MESSAGES[what], "SourceIdentifier": "reporting"}


def log(*history: str) -> list[EventTypeDef]:
    """RDS's events for entries such as `11-20 18:00 stopped`, in November 2026 and thereabouts."""
    return [event(at(f"2026-{entry[:11]}"), entry[12:]) for entry in history]


def figures(hours: Hours) -> tuple[float, float]:
    return round(hours.running, 4), round(hours.stopped, 4)


def office_days(*days: str) -> list[EventTypeDef]:
    """A day's events from eight to six each."""
    return log(*(f"{day} {clock}" for day in days for clock in ("08:00 started", "18:00 stopped")))


# --- What counts

SECOND_WEEK = ("11-16", "11-17", "11-18", "11-19", "11-20")
FIRST_WEEK = ("11-09", "11-10", "11-11", "11-12", "11-13")


@pytest.mark.parametrize(
    ("days", "running", "stopped"),
    [
        (1, 1, 23),  # this morning from eight to nine
        (7, 9 + 4 * 10 + 1, 168 - 50),  # last Monday from nine to six, four days, and this morning
        (14, 9 + 4 * 10 + 50 + 1, 336 - 100),
    ],
)
def test_it_runs_from_each_started_to_the_next_stopped(days: int, running: int, stopped: int) -> None:
    events = [*office_days(*FIRST_WEEK, *SECOND_WEEK), *log("11-23 08:00 started")]
    hours = past(cluster(), events, NOW, days)
    assert (hours.days, *figures(hours), hours.note) == (days, running, stopped, "")


def test_a_figure_is_exact_to_the_second() -> None:
    events = [event(NOW - timedelta(hours=10, seconds=1), "stopped"), event(NOW - timedelta(seconds=1), "started")]
    hours = past(cluster(), events, NOW, 1)
    assert figures(hours) == (14, 10)


def test_the_message_of_an_automatic_restart_starts_nothing_and_the_started_that_follows_does() -> None:
    events = log("11-16 06:00 stopped", "11-23 06:00 restart", "11-23 06:30 started")
    assert figures(past(cluster(), events, NOW, 1)) == (2.5, 21.5)


def test_an_automatic_restart_under_way_is_still_a_stop() -> None:
    hours = past(cluster("starting"), log("11-22 21:00 stopped", "11-23 08:00 restart"), NOW, 1)
    assert (*figures(hours), hours.note) == (12, 12, "")


def test_a_stop_that_failed_and_what_else_the_log_tells_change_nothing() -> None:
    events = log("11-22 12:00 stopped", "11-22 15:00 started", "11-22 20:00 failed", "11-23 03:00 patched")
    hours = past(cluster(), events, NOW, 1)
    assert (*figures(hours), hours.note) == (21, 3, "")


@pytest.mark.parametrize(
    ("status", "history", "running"),
    [
        ("stopping", "11-23 03:00 started", 6),  # until the event that ends the change
        ("starting", "11-23 03:00 stopped", 18),
        ("stopping", "", 24),
        ("starting", "", 0),
    ],
)
def test_a_change_under_way_counts_as_what_was_before_it(status: str, history: str, running: int) -> None:
    hours = past(cluster(status), log(*filter(None, [history])), NOW, 1)
    assert (*figures(hours), hours.note) == (running, 24 - running, "")


@pytest.mark.parametrize("status", ["available", "backing-up", "modifying", "upgrading", "a-status-of-next-year"])
def test_a_cluster_that_is_busy_otherwise_runs(status: str) -> None:
    hours = past(cluster(status), log("11-23 03:00 started"), NOW, 1)
    assert (*figures(hours), hours.note) == (6, 18, "")


# --- What the log leaves open


@pytest.mark.parametrize(("status", "running"), [("available", 168), ("stopped", 0)])
def test_without_an_event_it_always_was_as_it_is(status: str, running: int) -> None:
    hours = past(cluster(status), [], NOW, 7)
    assert (*figures(hours), hours.note) == (running, 168 - running, "")


def test_before_the_first_event_it_was_in_the_other_state() -> None:
    assert figures(past(cluster("stopped"), log("11-20 09:00 stopped"), NOW, 14)) == (264, 72)
    assert figures(past(cluster("available"), log("11-20 09:00 started"), NOW, 14)) == (72, 264)


def test_an_event_before_the_period_tells_how_it_began() -> None:
    hours = past(cluster("stopped"), log("11-18 18:00 stopped"), NOW, 1)
    assert (*figures(hours), hours.note) == (0, 24, "")


def test_the_order_of_the_events_and_one_that_comes_twice_make_no_difference() -> None:
    events = [*office_days(*SECOND_WEEK), *log("11-23 08:00 started")]
    hours = past(cluster(), [*reversed(events), *events], NOW, 7)
    assert (*figures(hours), hours.note) == (50, 118, "")


def test_an_event_after_now_does_not_exist_yet() -> None:
    hours = past(cluster(), log("11-23 09:30 stopped"), NOW, 1)
    assert (*figures(hours), hours.note) == (24, 0, "")


# --- What is partial


def test_two_changes_into_the_same_state_show_that_one_is_missing() -> None:
    hours = past(cluster(), log("11-22 12:00 started", "11-22 20:00 started"), NOW, 1)
    assert figures(hours) == (21, 3)  # what an event tells lasts until the next one
    assert "twice in a row, again on Sun 2026-11-22 20:00 UTC." in hours.note
    hours = past(cluster("stopped"), log("11-22 12:00 stopped", "11-22 20:00 stopped"), NOW, 1)
    assert figures(hours) == (3, 21)
    assert "twice in a row" in hours.note


def test_a_contradiction_before_the_period_is_none_of_its_business() -> None:
    events = log("11-19 12:00 started", "11-20 12:00 started")
    assert past(cluster(), events, NOW, 1).note == ""
    assert past(cluster(), events, NOW, 7).note != ""


def test_one_that_began_before_the_period_and_ends_in_it_is() -> None:
    assert past(cluster(), log("11-16 12:00 started", "11-23 08:00 started"), NOW, 1).note != ""


@pytest.mark.parametrize(
    ("status", "history", "running", "told"),
    [
        ("stopped", "11-22 12:00 started", 21, "running"),
        ("available", "11-22 12:00 stopped", 3, "stopped"),
        ("starting", "11-22 12:00 started", 21, "running"),
        ("stopping", "11-22 12:00 stopped", 3, "stopped"),
    ],
)
def test_a_log_that_contradicts_the_status_lacks_the_latest_event(
    status: str, history: str, running: int, told: str
) -> None:
    hours = past(cluster(status), log(history), NOW, 1)
    assert figures(hours) == (running, 24 - running)
    assert hours.note == f'Its status is "{status}", but the log says {told}: the latest event is missing.'


@pytest.mark.parametrize("status", ["creating", "deleting", "inaccessible-encryption-credentials-recoverable"])
@pytest.mark.parametrize("history", [[], ["11-23 03:00 started"]])
def test_a_status_in_which_nothing_is_billed_is_said(status: str, history: list[str]) -> None:
    hours = past(cluster(status), log(*history), NOW, 1)
    assert hours.note == f'Its status is "{status}", and the log doesn\'t say since when.'
    assert hours.running + hours.stopped == 24


def test_a_cluster_that_is_younger_than_the_period_counts_from_its_creation_on() -> None:
    events = log("11-20 18:00 stopped", "11-23 08:00 started")
    hours = past(cluster(created="2026-11-20 12:00"), events, NOW, 7)
    assert figures(hours) == (6 + 1, 62)
    assert hours.note == "It was created on Fri 2026-11-20 12:00 UTC: its hours count from then."
    assert past(cluster(created="2026-11-20 12:00"), events, NOW, 1).note == ""


def test_a_cluster_as_old_as_the_period_is_not_younger() -> None:
    hours = past(cluster(created="2026-11-16 09:00"), [], NOW, 7)
    assert (*figures(hours), hours.note) == (168, 0, "")


def test_a_new_cluster_runs_from_its_creation_whatever_its_first_event() -> None:
    hours = past(cluster(created="2026-11-22 12:00"), log("11-23 08:00 started"), NOW, 1)
    assert figures(hours) == (21, 0)
    assert "twice in a row, again on Mon 2026-11-23 08:00 UTC." in hours.note


def test_the_events_of_an_earlier_cluster_of_this_name_are_not_its_own() -> None:
    events = log("11-18 12:00 started", "11-19 12:00 stopped", "11-22 21:00 stopped")
    hours = past(cluster("stopped", created="2026-11-22 09:00"), events, NOW, 1)
    assert (*figures(hours), hours.note) == (12, 12, "")


def test_a_cluster_older_than_the_log_may_have_been_stopped_before_it() -> None:
    hours = past(cluster(created="2026-11-09 09:30"), log("11-11 09:30 started"), NOW, 14)
    assert figures(hours) == (287.5, 48)
    assert hours.note == "It was created on Mon 2026-11-09 09:30 UTC: its hours count from then."


def test_a_cluster_that_was_created_this_moment_has_no_hours_yet() -> None:
    hours = past(cluster("creating", created="2026-11-23 09:00"), [], NOW, 1)
    assert figures(hours) == (0, 0)
    assert figures(past(cluster(created="2026-11-23 09:05"), [], NOW, 1)) == (0, 0)


def test_a_cluster_without_a_time_of_creation_is_old() -> None:
    hours = past(cluster(created=None), [], NOW, 14)
    assert (*figures(hours), hours.note) == (336, 0, "")


# --- Every history

QUARTER = timedelta(minutes=15)
HORIZON = 16 * 96  # quarters of an hour, two days more than RDS keeps
KEPT = 14 * 96 - 4
STATUSES = {
    "available": "started",
    "stopping": "started",
    "stopped": "stopped",
    "starting": "stopped",
}
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
    hours = past(cluster(status, created=NOW - age * QUARTER), events, NOW, days)
    assert (hours.running, hours.stopped, hours.note == "") == slow(history, status, age, days)


@settings(deadline=None)
@given(st.lists(st.integers(1, KEPT), unique=True, max_size=24), st.booleans(), st.sampled_from([1, 7, 14]))
def test_a_log_that_misses_nothing_gives_the_truth_and_says_so(
    changes: list[int], ends_running: bool, days: int
) -> None:
    """Both are told backwards from now: the truth quarter by quarter, the log event by event."""
    runs, true_quarters, events = ends_running, 0, []
    for quarter in range(days * 96):
        if quarter in changes:
            runs = not runs
        true_quarters += runs
    state = ends_running
    for ago in sorted(changes):
        events.append(event(NOW - ago * QUARTER, "started" if state else "stopped"))
        state = not state
    hours = past(cluster("available" if ends_running else "stopped"), events, NOW, days)
    assert (hours.running, hours.stopped, hours.note) == (true_quarters / 4, days * 24 - true_quarters / 4, "")


# --- A month to come


def test_a_month_is_projected_by_the_schedule() -> None:
    hours = projected(Schedule.parse("mon-fri 08:00-18:00 UTC"), NOW)
    # Today from nine to six, 21 days until the 22nd of December, and on the 23rd from eight to nine.
    assert (hours.days, *figures(hours), hours.note) == (30, 9 + 21 * 10 + 1, 720 - 220, "")


def test_the_days_off_of_the_month_to_come_are_in_it() -> None:
    hours = projected(Schedule.parse("mon-fri 08:00-18:00 UTC closed=2026-12-21:2026-12-31"), NOW)
    assert figures(hours) == (9 + 19 * 10, 720 - 199)


def test_a_night_that_loses_an_hour_is_an_hour_shorter() -> None:
    hours = projected(Schedule.parse("daily 00:00-06:00 Europe/Berlin"), at("2026-03-15 12:00"))
    assert figures(hours) == (30 * 6 - 1, 720 - 179)


@pytest.mark.parametrize(("tag", "running"), [("always", 720), ("never", 0)])
def test_without_transitions_the_month_is_one_state(tag: str, running: int) -> None:
    hours = projected(Schedule.parse(tag), NOW)
    assert (*figures(hours), hours.note) == (running, 720 - running, "")


def test_a_schedule_with_one_side_leaves_the_other_open() -> None:
    hours = projected(Schedule.parse("-19:00 UTC"), NOW)
    assert figures(hours) == (0, 720)
    assert hours.note == "Its schedule has one side only: what people do on the other is not known."


def test_where_a_schedule_asks_for_nothing_yet_the_cluster_counts_as_running() -> None:
    hours = projected(Schedule.parse("-19:00 UTC closed=0001-01-01:2026-11-25"), NOW)
    assert figures(hours) == (82, 720 - 82)  # until the 26th at seven in the evening


def test_clusters_with_one_schedule_have_it_projected_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, real = [], Schedule.next_transition

    def ask(schedule: Schedule, after: datetime) -> Transition | None:
        asked.append(after)
        return real(schedule, after)

    monkeypatch.setattr(Schedule, "next_transition", ask)
    schedules = [Schedule.parse("mon-fri 08:00-18:00 Europe/Vienna") for _ in range(3)]
    first, *others = [projected(schedule, NOW) for schedule in schedules]
    assert asked.count(NOW) == 1
    assert others == [first, first]


# --- The answer


def test_a_period_of_the_answer_is_as_people_read_it() -> None:
    assert period(Hours(7, 51.6, 116.4), 0.72) == {
        "days": 7,
        "running_hours": 51.6,
        "stopped_hours": 116.4,
        "complete": True,
        "saved_usd": 83.81,  # 83.808
        "note": "",
    }


def test_hours_and_money_are_rounded_to_two_places_and_the_money_last() -> None:
    entry = period(Hours(1, 23.4567, 0.5433), 100.0)
    assert (entry["running_hours"], entry["stopped_hours"], entry["saved_usd"]) == (23.46, 0.54, 54.33)


def test_a_price_that_is_not_known_gives_no_saving_and_the_reason() -> None:
    entry = period(Hours(1, 20, 4, "Partial."), None, "No price: none.")
    assert (entry["complete"], entry["saved_usd"], entry["note"]) == (False, None, "Partial. No price: none.")
    assert period(Hours(1, 20, 4), None, "No price: none.")["complete"]


def test_what_was_not_stopped_saved_nothing_and_needs_no_price() -> None:
    entry = period(Hours(1, 24, 0), None, "No price: none.")
    assert (entry["saved_usd"], entry["note"]) == (0.0, "")


def entry(saved: float | None, **members: object) -> Period:
    fields = {"days": 7, "running_hours": 50.25, "stopped_hours": 117.75, "complete": True, "note": "", **members}
    return cast("Period", {**fields, "saved_usd": saved})


def test_the_total_is_the_sum() -> None:
    assert total(7, [entry(10.1), entry(20.2), entry(0.07)]) == {
        "days": 7,
        "running_hours": 150.75,
        "stopped_hours": 353.25,
        "complete": True,
        "saved_usd": 30.37,
        "note": "",
    }


def test_a_total_leaves_out_what_is_not_known_and_says_so() -> None:
    summed = total(7, [entry(10.0), entry(None, note="No price.")])
    assert (summed["saved_usd"], summed["complete"]) == (10.0, False)
    assert summed["note"] == (
        "Without the savings of 1 of 2 clusters: their prices are not known. See the notes of 1 of 2 clusters."
    )


def test_a_total_of_partial_figures_is_partial() -> None:
    assert not total(7, [entry(1.0), entry(2.0, complete=False, note="Partial.")])["complete"]


def test_a_total_of_which_no_price_is_known_is_not_known() -> None:
    assert total(7, [entry(None), entry(None)])["saved_usd"] is None


def test_a_total_of_nothing_is_nothing() -> None:
    assert total(7, []) == {
        "days": 7,
        "running_hours": 0,
        "stopped_hours": 0,
        "complete": True,
        "saved_usd": 0,
        "note": "",
    }
