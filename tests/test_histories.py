"""What the functions promise about any history of a cluster, of which random ones are played.

The functions are invoked as they are deployed, against an RDS at the wire whose changes take 1 to 25 minutes. Most runs
are missed, and some are repeated. CloudTrail tells who called RDS: at once, a quarter of an hour later, or, switched
off, not at all. "Known" is what it tells a run at once. Promised is, where nothing else is said, of each run and of
each cluster (runs that meet trouble are in test_faults.py, clusters that are never touched in test_decision.py):

(a) By hand. Runs act only towards the state that is asked for: by the hold in force, else by the schedule. So what a
    person did through the functions is not undone before its hold ends. What a person did elsewhere is left until the
    next transition
      - where it is known and was asked for at or after the latest one;
      - where it was over half an hour or more after the latest one, or is the creation of the cluster, at or after it;
      - where it followed a change to the opposite which itself was over at or after the latest transition; or within an
        hour before, if it was asked for after it, and the log tells of the one before and not of it.
    But not with `enforced`, `always` and `never`, nor under a hold, nor, unless it is known, where other events since
    an hour before the transition are missing from the log. The latest transition is the end of a past hold, if that is
    later than the schedule's own; both are those of the tags as they are now.
(b) Transitions. The first run acts on a cluster that is not in the state that is asked for, and that can be acted on:
    it is not busy, and it has instances. It does so always with `enforced`, `always` and `never`, and under a hold, and
    where it is known that our functions brought it into its state; else unless
      - the change that brought it into its state was asked for at or after the latest transition: by a person, or by a
        run before an edit of the tags;
      - it was created at or after the latest transition;
      - it should be stopped, and a stop failed less than half an hour ago, with nothing in the log since: then it is
        never acted on;
      - it should be stopped, and the latest transition is older than what RDS's log keeps, or there was none;
      - that change is not known, and events since an hour before the transition are missing from the log.
(c) Restarts. What AWS started after seven days, and nobody has stopped since, is stopped as under (b) whenever the
    latest transition was, if the log tells of the restart.
(d) Tags. Runs write none.
(e) Once. From one transition to the next, runs change a cluster once at the most, and once more for each restart by AWS
    and for each change of theirs that failed; an edit of the tags begins a new count. But not with `enforced`, `always`
    and `never`, nor under a hold, nor where events were late or lost and CloudTrail does not tell at once.
(f) Grace. While somebody is connected, or CloudWatch has no data, a stop by the schedule waits, as long as its grace
    allows, and no longer. Once nobody is, it is made as under (b).
(g) Commands by hand. Each cluster that is named gets its hold, and then the call, unless it is busy or in that state
    already; no other cluster is touched. One mistake, and none is.

To look longer, at other histories each time: `HISTORIES=2000 python -m pytest tests/test_histories.py`
"""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from histories import HOLD_KEY, RESTART, SCHEDULE_KEY, STOP_FAILED, Cluster, Fate, History, Trail, Who
from office_hours.decision import Action
from office_hours.hold import Hold
from office_hours.schedule import State

pytest_plugins = ["aws_server", "histories"]

HALF_AN_HOUR, HOUR = timedelta(minutes=30), timedelta(hours=1)
LOG_IS_READ, TRAIL_IS_READ = timedelta(days=14) - HOUR, timedelta(days=90) - HOUR
ACTIONS = {State.RUNNING: Action.START, State.STOPPED: Action.STOP}
STATES = {action: state for state, action in ACTIONS.items()}


# What is asked for


def hold_in_force(cluster: Cluster, now: datetime) -> Hold | None:
    hold = cluster.hold
    return hold if hold and (hold.until is None or now < hold.until) else None


def state_asked_for(cluster: Cluster, now: datetime) -> State | None:
    if hold := hold_in_force(cluster, now):
        return hold.to
    return cluster.schedule.desired_state(now)


def latest_transition(cluster: Cluster, now: datetime) -> datetime | None:
    transition = cluster.schedule.latest_transition(now)
    ends = [cluster.hold.until] if cluster.hold and cluster.hold.until and cluster.hold.until <= now else []
    return max([transition.at, *ends] if transition else ends, default=None)


def is_in_use(history: History, cluster: Cluster) -> bool:
    since = latest_transition(cluster, history.now)
    grace = 0 if hold_in_force(cluster, history.now) else cluster.schedule.grace
    return bool(since and history.now < since + timedelta(minutes=grace)) and history.users != 0


def is_insisted_on(cluster: Cluster, now: datetime) -> bool:
    """Whether what people do elsewhere counts for nothing."""
    return bool(hold_in_force(cluster, now)) or cluster.schedule.enforced


# What is promised


def why_not(history: History, cluster: Cluster, action: Action) -> str:
    """Why a run of this function must not act on this cluster; empty where it may."""
    wanted = state_asked_for(cluster, history.now)
    if cluster.state is None:
        return "(b) busy"
    if wanted in (None, cluster.state) or STATES[action] is not wanted:
        return "(a) not asked for"
    if action is Action.STOP and is_in_use(history, cluster):
        return "(f) in use"
    if action is Action.STOP and has_just_failed(history, cluster) and not is_insisted_on(cluster, history.now):
        return "(b) a stop has just failed"
    is_left = not is_insisted_on(cluster, history.now) and was_changed_by_hand(history, cluster)
    return "(a) changed by hand" if is_left else ""


def has_just_failed(history: History, cluster: Cluster) -> bool:
    seen = history.seen(cluster)
    return bool(seen and seen[-1].message == STOP_FAILED and history.now < seen[-1].date + HALF_AN_HOUR)


def missing_since(history: History, cluster: Cluster, since: datetime) -> set[datetime]:
    """When something happened that RDS's log, as far back as it is read, does not tell of."""
    begin, seen = max(since - HOUR, history.now - LOG_IS_READ), history.seen(cluster)
    return {event.date for event in cluster.events if event not in seen and event.date >= begin}


def was_changed_by_hand(history: History, cluster: Cluster) -> bool:
    since, done = latest_transition(cluster, history.now), cluster.done
    if since is None or not done or done[-1].who is not Who.PERSON:
        return False
    if history.is_known:
        return done[-1].asked >= since
    last, before = done[-1].ended, done[-2].ended if done[1:] else None
    missing = missing_since(history, cluster, since)
    if before and before >= (since - HOUR if missing and done[-1].asked >= since else since):
        return missing <= {last}
    return bool(last and (last >= since + HALF_AN_HOUR or cluster.created >= since) and not missing)


def why_now(history: History, cluster: Cluster) -> str:
    """Why a run that may act on this cluster must; empty where it may leave it."""
    now, since = history.now, latest_transition(cluster, history.now)
    last = cluster.done[-1] if cluster.done else None
    if is_insisted_on(cluster, now):
        return "(b) insisted on"
    if since is None:
        return ""
    told = [event.date for event in history.seen(cluster) if event.message == RESTART]
    if last and last.who is Who.AWS and last.asked in told and last.asked >= max(since - HOUR, now - LOG_IS_READ):
        return "(c) restarted by AWS"
    is_recorded = history.is_known and last and last.asked >= max(since - HOUR, now - TRAIL_IS_READ)
    if is_recorded and last and last.who in (Who.RUN, Who.COMMAND):
        return "(b) our own doing"
    is_unknown = (
        cluster.created >= since
        or (cluster.state is State.RUNNING and since < now - LOG_IS_READ)
        or (missing_since(history, cluster, since) and not (history.is_known and last and last.who is not Who.AWS))
    )
    return "(b) as it was before the transition" if not is_unknown and (last is None or last.asked < since) else ""


def acts_too_often(history: History, cluster: Cluster) -> bool:
    since = latest_transition(cluster, history.now)
    if since is None or is_insisted_on(cluster, history.now):
        return False
    is_late = any(event.seen != event.date for event in cluster.events if event.date >= since - HOUR)
    if is_late and not history.is_known:
        return False
    changes = [each for each in cluster.changes if each.asked >= since and each.edits == cluster.edits]
    by_runs = [each for each in changes if each.who is Who.RUN and not (each.failed and each.ended)]
    return len(by_runs) > 1 + sum(each.who is Who.AWS for each in changes)


def run(history: History, action: Action) -> None:
    """Invoke a function as its schedule does, and hold what it did against the promises."""
    clusters = list(history.clusters.values())
    against = {each.name: why_not(history, each, action) for each in clusters}
    reasons = {each.name: "" if against[each.name] else why_now(history, each) for each in clusters}
    done = history.invoke(action, {})
    assert not done.tagged, "(d) a run wrote tags"
    for cluster in clusters:
        name, tags = cluster.name, cluster.tags
        told = f"{action} {name} at {history.now:%a %F %H:%M}, which has {tags}, after {cluster.story}"
        assert name not in done.asked or not against[name], f"{against[name]}, and yet asked to {told}"
        assert name in done.asked or not reasons[name], f"{reasons[name]}, and yet no {told}"
        assert not acts_too_often(history, cluster), f"(e) too often: {told}"


def command(history: History, action: Action, until: str | None, names: list[str]) -> None:
    """Invoke a function as a person does, for these clusters or for all, and hold what it did against the promises."""
    named = [history.clusters[name] for name in names or history.clusters]
    holds = {each.name: hold for each in named if (hold := hold_asked_for(history, each, action, until))}
    before = {name: history.clusters[name].state for name in holds}
    event = {"clusters": names or ["*"]} | ({"until": until} if until else {})
    done = history.invoke(action, event)
    told = f"{event} to {action} at {history.now}, which ended with {done.error!r}"
    if names and len(holds) < len(named):
        assert done.error, f"(g) a mistake, and yet {told}"
        assert not done.tagged | done.asked, f"(g) nothing is to be done, and yet {told}"
        return
    assert not done.error, f"(g) no mistake, and yet {told}"
    assert done.tagged == set(holds), f"(g) holds of {done.tagged}: {told}"
    to_change = {name for name in holds if before[name] not in (None, STATES[action])}
    assert done.asked == to_change, f"(g) asked for {done.asked}: {told}"
    for name, hold in holds.items():
        cluster = history.clusters[name]
        cluster.read()
        assert cluster.hold == hold, f"(g) {name} holds {cluster.hold}: {told}"


def hold_asked_for(history: History, cluster: Cluster, action: Action, until: str | None) -> Hold | None:
    """The hold that this command should write; None for a cluster that it cannot be given for."""
    if until is not None:
        return Hold(STATES[action], history.now + UNTIL[until])
    transition = cluster.schedule.next_transition(history.now)
    return Hold(STATES[action], transition.at) if transition else None


# Random histories

USUAL_TAGS = [
    "mon-fri 08:00-18:00 Europe/Berlin",
    "daily 22:00-06:00 Australia/Lord_Howe",
    "daily 01:30-02:30 Europe/Berlin",  # a spring-forward shrinks it to half an hour
    "08:00-12:00 12:10-18:00 18:20-18:30 UTC",
    "mon-fri 08:00-18:00 sat 10:00-14:00 Asia/Kolkata lead=20m",
    "weekdays 08:00- daily -20:00 UTC",
    "mon-fri 08:00-18:00 UTC closed=2026-03-28:2026-04-20 closed=2026-10-24:2026-11-15",
    "mon-fri 08:00-18:00 Europe/Berlin enforced",
    "mon-fri 08:00-18:00 Europe/Berlin grace=90m",
    "daily 22:00-06:00 UTC grace=20m enforced",
]
OTHER_TAGS = [
    "mon-thu 07:30-19:00 fri 07:30-15:00 America/New_York holidays=US-NY",
    "sun 00:00-24:00 Europe/London maintenance",
    "1st-mon 06:00-22:00 last-day 00:00-24:00 UTC",
    "last-day 20:00-22:00 America/New_York",
    "jan-mar 00:00-24:00 UTC",
    "-19:00 Europe/London",
    "weekdays 08:00- Europe/Berlin lead=15m",
    "always",
    "never",
]
TAGS = st.sampled_from(USUAL_TAGS) | st.sampled_from(OTHER_TAGS)
# In the weeks in which clocks change, and in some others.
DAYS = ("2026-03-06", "2026-03-27", "2026-10-02", "2026-10-23", "2026-11-20", "2026-12-30", "2028-02-27")
BEGINNINGS = [datetime.fromisoformat(f"{day}T{hour}:00Z") for day in DAYS for hour in ("07", "17")]
BOTH = (Action.STOP, Action.START)
UNTIL = {"20m": timedelta(minutes=20), "90m": timedelta(minutes=90), "4h": timedelta(hours=4), "3d": timedelta(days=3)}
WISHES = st.tuples(st.sampled_from(BOTH), st.none() | st.sampled_from(sorted(UNTIL)))
HOLDS = st.tuples(st.sampled_from(State), st.none() | st.integers(-60, 300))
WHICH = st.integers(0, 4)
# Most take multiples of five minutes, so that a change may well end at a transition, or half an hour after it.
FATES = st.lists(
    st.builds(
        Fate,
        minutes=st.sampled_from([1, 2, 5, 5, 10, 15, 20, 25]) | st.integers(1, 25),
        stop_fails=st.sampled_from([False] * 7 + [True]),
        delay=st.sampled_from([0] * 8 + [4, 20, None]),
    ),
    min_size=1,
    max_size=3,
).map(tuple)


Fates = tuple[Fate, ...]


class Pause(StrEnum):
    """From when on the minutes of a pause count."""

    NOW = "now"
    END = "the end of what a cluster is at"
    TRANSITION = "a cluster's next transition"
    RESTART = "a cluster's automatic restart"


@dataclass(frozen=True)
class Then:
    """What follows whatever happens: time passes, and there are runs, most times."""

    pause: Pause
    minutes: int
    runs: tuple[Action, ...]


EARLY = st.sampled_from([-20, -10, -5, -1, 0, 0, 0, 0, 1, 5, 10, 20, 40])
FEW_MINUTES = st.sampled_from([0, 0, 0, 1, 5, 10, 15, 20, 25])
THEN = st.builds(
    Then,
    pause=st.sampled_from([*Pause, Pause.END, Pause.END, Pause.END, Pause.TRANSITION, Pause.TRANSITION]),
    minutes=FEW_MINUTES | FEW_MINUTES | st.sampled_from([29, 30, 31, 45, 60, -1, -5, -10, -20, 1440, 10080, 30240]),
    runs=st.sampled_from([BOTH, BOTH, BOTH, BOTH * 2, (), (Action.STOP,), (Action.START,)]),
)


class AnyHistory(RuleBasedStateMachine):
    """Up to five clusters, most with the same tag, and all that may happen to them."""

    def __init__(self, history: History, trail: Trail) -> None:
        super().__init__()
        self.history = history
        self.trail = trail
        self.tag = ""

    @initialize(beginning=st.sampled_from(BEGINNINGS), tag=st.sampled_from(USUAL_TAGS), other=TAGS)
    def begin(self, beginning: datetime, tag: str, other: str) -> None:
        self.tag = tag
        self.history.begin(beginning, self.trail)
        self.history.add(tag, State.STOPPED)
        for each in (tag, other, "never"):
            self.history.add(each)

    @rule(which=st.sets(WHICH), patience=FEW_MINUTES, fates=FATES, then=THEN)
    def people_start_and_stop_elsewhere(self, which: set[int], patience: int, fates: Fates, then: Then) -> None:
        self.history.fates = fates
        self.start_and_stop(which, patience)
        self.go_on(self.cluster(min(which, default=0)), then)

    @rule(which=st.sets(WHICH, min_size=1), early=EARLY, patience=FEW_MINUTES, fates=FATES, late=FEW_MINUTES)
    def people_start_and_stop_around_a_transition(
        self, which: set[int], early: int, patience: int, fates: Fates, late: int
    ) -> None:
        self.history.fates = fates
        self.go_on(self.cluster(min(which)), Then(Pause.TRANSITION, -early, BOTH))
        self.start_and_stop(which, patience)
        self.go_on(self.cluster(min(which)), Then(Pause.END, late, BOTH))

    @rule(which=WHICH, tag=st.sampled_from([None, "", "never"]), fates=FATES, then=THEN)
    def a_person_modifies_or_creates_a_cluster(self, which: int, tag: str | None, fates: Fates, then: Then) -> None:
        self.history.fates = fates
        if tag is None or len(self.history.clusters) > 4:
            self.history.modify(self.cluster(which))
            self.go_on(self.cluster(which), then)
        else:
            self.go_on(self.history.create(tag or self.tag), then)

    @rule(which=st.sets(WHICH), wish=WISHES, fates=FATES, then=THEN)
    def a_person_commands(self, which: set[int], wish: tuple[Action, str | None], fates: Fates, then: Then) -> None:
        self.history.fates = fates
        command(self.history, *wish, sorted({self.cluster(each).name for each in which}))
        self.go_on(self.cluster(min(which, default=0)), then)

    @rule(which=WHICH, tag=st.none() | TAGS, hold=st.none() | HOLDS, then=THEN)
    def tags_are_edited(self, which: int, tag: str | None, hold: tuple[State, int | None] | None, then: Then) -> None:
        cluster = self.cluster(which)
        tags = {SCHEDULE_KEY: tag or cluster.tags.get(SCHEDULE_KEY, self.tag)}
        if hold:
            to, minutes = hold
            until = None if minutes is None else self.history.now + timedelta(minutes=minutes)
            tags[HOLD_KEY] = Hold(to, until).written(ZoneInfo("UTC"))
        elif tag and cluster.hold:
            tags[HOLD_KEY] = cluster.hold.written(ZoneInfo("UTC"))
        cluster.write(tags)
        self.go_on(cluster, then)

    @rule(which=WHICH, users=st.sampled_from([None, 0, 3]), then=THEN)
    def somebody_connects_or_nobody_does(self, which: int, users: int | None, then: Then) -> None:
        self.history.users = users
        self.go_on(self.cluster(which), then)

    def cluster(self, which: int) -> Cluster:
        clusters = list(self.history.clusters.values())
        return clusters[which % len(clusters)]

    def start_and_stop(self, which: set[int], patience: int) -> None:
        """Have people start or stop these clusters, as soon as all of them can be, and then some minutes."""
        clusters = {self.cluster(each).name: self.cluster(each) for each in which}.values()
        busy_until = [each.due for each in clusters if each.due and each.state is None]
        self.history.wait(max(busy_until, default=self.history.now) + timedelta(minutes=patience))
        for cluster in clusters:
            self.history.by_hand(cluster)

    def go_on(self, cluster: Cluster, then: Then) -> None:
        now = begin = self.history.now
        if then.pause is Pause.TRANSITION:
            transition, hold = cluster.schedule.next_transition(now), hold_in_force(cluster, now)
            ends = [transition.at] if transition else []
            begin = min([*ends, hold.until] if hold and hold.until else ends, default=now)
        elif cluster.due and then.pause is (Pause.RESTART if cluster.state else Pause.END):
            begin = cluster.due
        self.history.wait(max(now, begin + timedelta(minutes=then.minutes)))
        for action in then.runs:
            run(self.history, action)


EXAMPLES = int(os.environ.get("HISTORIES", "0"))


@pytest.mark.parametrize("trail", Trail)
def test_the_promises_hold_in_any_history(history: History, trail: Trail) -> None:
    run_state_machine_as_test(
        lambda: AnyHistory(history, trail),  # type: ignore[arg-type]  # whatever makes one will do
        settings=settings(
            max_examples=EXAMPLES or 12,
            stateful_step_count=50 if EXAMPLES else 20,
            derandomize=not EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
