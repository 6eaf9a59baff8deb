"""What the functions promise about any history of a cluster: random ones, and some that are worth telling.

The functions are invoked as they are deployed, against an RDS at the wire whose changes take 1 to 25 minutes. Most runs
are missed, some are repeated, and some meet trouble. Promised is, where nothing else is said, of each run and of each
cluster:

(a) By hand. Runs act only towards the state that is asked for: by the hold in force, else by the schedule. So what a
    person did through the functions is not undone before its hold ends. What a person did elsewhere is left until the
    next transition
      - where it was over half an hour or more after the latest one, or is the creation of the cluster, at or after it;
      - where it followed a change to the opposite which itself was over at or after the latest transition: then even if
        the log does not tell of it yet.
    But not with `enforced`, `always` and `never`, nor under a hold, nor where other events since an hour before the
    transition are missing from the log. The latest transition is the end of a past hold, if that is later than the
    schedule's own; both are those of the tags as they are now.
(b) Transitions. The first run that nothing hinders (two would do) acts on a cluster that is not in the state that is
    asked for, and that can be acted on: it is not busy, it is eligible, and it has instances. It does so always with
    `enforced`, `always` and `never`, and under a hold; else unless
      - the change that brought it into its state was asked for at or after the latest transition: by a person, or by a
        run before an edit of the tags;
      - the log does not tell of that change yet, but of one to the opposite, since an hour before the transition;
      - it was created at or after the latest transition;
      - it should be stopped, and a stop failed less than half an hour ago, with nothing in the log since: then it is
        never acted on;
      - it should be stopped, and the latest transition is older than what RDS's log keeps, or there was none.
(c) Restarts. What AWS started after seven days, and nobody has stopped since, is stopped as under (b) whenever the
    latest transition was, if the log tells of the restart; but not where the cluster was created since.
(d) Strangers. No call that changes anything names a cluster that is untagged, or whose tag or hold cannot be read, or
    that RDS cannot stop. Runs write no tags.
(e) Once. From one transition to the next, runs change a cluster once at the most, and once more for each restart by AWS
    and for each change of theirs that failed; an edit of the tags begins a new count. But not with `enforced`, `always`
    and `never`, nor under a hold, nor where events were late or lost.

To look longer, at other histories each time: `HISTORIES=2000 python -m pytest tests/test_histories.py`
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from histories import (
    HOLD_KEY,
    OBSTACLES,
    RESTART,
    SCHEDULE_KEY,
    STARTED,
    STOP_FAILED,
    STOPPED,
    Cluster,
    Fate,
    History,
    Trouble,
    Who,
)
from office_hours.decision import Action
from office_hours.hold import Hold
from office_hours.schedule import State

pytest_plugins = ["aws_server", "invocation", "histories"]

HALF_AN_HOUR, HOUR = timedelta(minutes=30), timedelta(hours=1)
LOG_IS_READ = timedelta(days=14) - HOUR
ACTIONS = {State.RUNNING: Action.START, State.STOPPED: Action.STOP}
STATES = {action: state for state, action in ACTIONS.items()}


# What is asked for


def hold_in_force(cluster: Cluster, now: datetime) -> Hold | None:
    hold = cluster.hold
    return hold if hold and (hold.until is None or now < hold.until) else None


def state_asked_for(cluster: Cluster, now: datetime) -> State | None:
    if hold := hold_in_force(cluster, now):
        return hold.to
    return cluster.schedule.desired_state(now) if cluster.schedule else None


def latest_transition(cluster: Cluster, now: datetime) -> datetime | None:
    transition = cluster.schedule and cluster.schedule.latest_transition(now)
    ends = [cluster.hold.until] if cluster.hold and cluster.hold.until and cluster.hold.until <= now else []
    return max([transition.at, *ends] if transition else ends, default=None)


def is_insisted_on(cluster: Cluster, now: datetime) -> bool:
    """Whether what people do elsewhere counts for nothing."""
    return bool(hold_in_force(cluster, now) or (cluster.schedule and cluster.schedule.enforced))


# What is promised


def why_not(history: History, cluster: Cluster, action: Action) -> str:
    """Why a run of this function must not act on this cluster; empty where it may."""
    wanted = state_asked_for(cluster, history.now)
    if cluster.is_stranger:
        return "(d) a stranger"
    if cluster.state is None:
        return "(b) busy"
    if wanted in (None, cluster.state) or STATES[action] is not wanted:
        return "(a) not asked for"
    if is_insisted_on(cluster, history.now):
        return ""
    if action is Action.STOP and has_just_failed(history, cluster):
        return "(b) a stop has just failed"
    return "(a) changed by hand" if was_changed_by_hand(history, cluster) else ""


def has_just_failed(history: History, cluster: Cluster) -> bool:
    seen = history.seen(cluster)
    return bool(seen and seen[-1].message == STOP_FAILED and history.now < seen[-1].date + HALF_AN_HOUR)


def was_changed_by_hand(history: History, cluster: Cluster) -> bool:
    since, done = latest_transition(cluster, history.now), cluster.done
    if since is None or not done or done[-1].who is not Who.PERSON:
        return False
    if cluster.created >= since:
        return True
    last, before = done[-1].ended, done[-2].ended if done[1:] else None
    unseen = {
        event.date
        for event in cluster.events
        if event not in history.seen(cluster) and event.date >= max(since - HOUR, history.now - LOG_IS_READ)
    }
    if before and before >= since:
        return unseen <= {last}
    return bool(last and last >= since + HALF_AN_HOUR and not unseen)


def why_now(history: History, cluster: Cluster) -> str:
    """Why a run that may act on this cluster must; empty where it may leave it."""
    now, since = history.now, latest_transition(cluster, history.now)
    last = cluster.done[-1] if cluster.done else None
    if is_insisted_on(cluster, now):
        return "(b) insisted on"
    if since and cluster.created >= since:
        return ""
    if cluster.state is State.RUNNING and last and last.who is Who.AWS:
        told = [event.date for event in history.seen(cluster) if event.message == RESTART]
        if last.asked in told and last.asked >= now - LOG_IS_READ:
            return "(c) restarted by AWS"
    if cluster.state is State.RUNNING and (since is None or since < now - LOG_IS_READ):
        return ""
    recent = [each.message for each in history.seen(cluster) if since and each.date >= since - HOUR]
    last_told = next((each for each in reversed(recent) if each in (STARTED, STOPPED)), None)
    if last_told == (STOPPED if cluster.state is State.RUNNING else STARTED):
        return ""
    return "(b) as it was before the transition" if since is None or last is None or last.asked < since else ""


def acts_too_often(history: History, cluster: Cluster) -> bool:
    since = latest_transition(cluster, history.now)
    if since is None or is_insisted_on(cluster, history.now):
        return False
    if any(event.seen != event.date for event in cluster.events if event.date >= since - HOUR):
        return False
    changes = [each for each in cluster.changes if each.asked >= since and each.edits == cluster.edits]
    by_runs = [each for each in changes if each.who is Who.RUN and not (each.failed and each.ended)]
    return len(by_runs) > 1 + sum(each.who is Who.AWS for each in changes)


# What a run cannot overcome. Some troubles have no single victim.
OF_ALL = (Trouble.LISTING_REFUSED, Trouble.NO_TIME)


def hinders(trouble: Trouble | None) -> bool:
    return trouble not in (None, Trouble.THROTTLED_AT_FIRST, Trouble.ANSWER_LOST)


def run(history: History, action: Action, trouble: Trouble | None = None, victim: str | None = None) -> None:
    """Invoke a function as its schedule does, and hold what it did against the promises."""
    clusters = list(history.clusters.values())
    against = {each.name: why_not(history, each, action) for each in clusters}
    reasons = {each.name: "" if against[each.name] else why_now(history, each) for each in clusters}
    done = history.invoke(action, {}, trouble, victim)
    assert not done.tagged, "(d) a run wrote tags"
    assert done.error is None or hinders(trouble), f"a run without trouble failed: {done.error}"
    for cluster in clusters:
        name, tags = cluster.name, cluster.tags
        told = f"{action} {name} at {history.now:%a %F %H:%M}, which has {tags}, after {cluster.story}"
        assert name not in done.asked or not against[name], f"{against[name]}, and yet asked to {told}"
        excused = hinders(trouble) and (victim in (None, name) or trouble in OF_ALL)
        assert name in done.begun or excused or not reasons[name], f"{reasons[name]}, and yet no {told}"
        assert not acts_too_often(history, cluster), f"(e) too often: {told}"


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
BEGINNINGS = [
    datetime(year, month, day, hour, tzinfo=UTC)
    for year, month, day in (
        *((2026, 3, 6), (2026, 3, 27), (2026, 10, 2), (2026, 10, 23)),
        *((2026, 11, 20), (2026, 12, 30), (2028, 2, 27)),
    )
    for hour in (7, 17)
]
STRANGE_TAGS = [
    {},
    {"team": "mon-fri 08:00-18:00"},
    {"Office_Hours": "mon-fri 08:00-18:00"},
    {SCHEDULE_KEY: "mno-fri 08:00-18:00"},
    {SCHEDULE_KEY: "feb d30 08:00-18:00"},
    {SCHEDULE_KEY: "never", HOLD_KEY: "stopped till 20:00"},
    {SCHEDULE_KEY: "never", "office_hours_hold": "running"},
]
STRANGE = st.sampled_from(STRANGE_TAGS) | st.sampled_from(sorted(OBSTACLES))
BOTH = (Action.STOP, Action.START)
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

    def __init__(self, history: History) -> None:
        super().__init__()
        self.history = history
        self.tag = ""

    @initialize(beginning=st.sampled_from(BEGINNINGS), tag=st.sampled_from(USUAL_TAGS), other=TAGS, strange=STRANGE)
    def begin(self, beginning: datetime, tag: str, other: str, strange: str | dict[str, str]) -> None:
        self.tag = tag
        self.history.begin(beginning)
        for each, state in (
            (tag, State.RUNNING),
            (tag, State.STOPPED),
            (other, State.RUNNING),
            ("never", State.RUNNING),
        ):
            self.history.add(each, state)
        self.estrange(self.cluster(3), strange)

    @rule(which=st.sets(WHICH), patience=FEW_MINUTES, fates=FATES, then=THEN)
    def people_start_and_stop_elsewhere(
        self, which: set[int], patience: int, fates: tuple[Fate, ...], then: Then
    ) -> None:
        self.history.fates = fates
        self.start_and_stop(which, patience)
        self.go_on(self.cluster(min(which, default=0)), then)

    @rule(which=st.sets(WHICH, min_size=1), early=EARLY, patience=FEW_MINUTES, fates=FATES, late=FEW_MINUTES)
    def people_start_and_stop_around_a_transition(
        self, which: set[int], early: int, patience: int, fates: tuple[Fate, ...], late: int
    ) -> None:
        self.history.fates = fates
        self.go_on(self.cluster(min(which)), Then(Pause.TRANSITION, -early, BOTH))
        self.start_and_stop(which, patience)
        self.go_on(self.cluster(min(which)), Then(Pause.END, late, BOTH))

    @rule(which=WHICH, fates=FATES, then=THEN, trouble=st.sampled_from(Trouble), of_all=st.booleans())
    def runs_meet_trouble(
        self, which: int, fates: tuple[Fate, ...], then: Then, trouble: Trouble, of_all: bool
    ) -> None:
        self.history.fates = fates
        for action in BOTH:
            run(self.history, action, trouble, None if of_all else self.cluster(which).name)
        self.go_on(self.cluster(which), then)

    @rule(which=WHICH, tag=st.sampled_from([None, "", "never"]), fates=FATES, then=THEN)
    def a_person_modifies_or_creates_a_cluster(
        self, which: int, tag: str | None, fates: tuple[Fate, ...], then: Then
    ) -> None:
        self.history.fates = fates
        if tag is None or len(self.history.clusters) > 4:
            self.history.modify(self.cluster(which))
            self.go_on(self.cluster(which), then)
        else:
            self.go_on(self.history.create(tag or self.tag), then)

    @rule(which=WHICH, tag=st.none() | TAGS, hold=st.none() | HOLDS, then=THEN)
    def tags_are_edited(self, which: int, tag: str | None, hold: tuple[State, int | None] | None, then: Then) -> None:
        cluster = self.cluster(which)
        tags = {SCHEDULE_KEY: tag or cluster.tags.get(SCHEDULE_KEY, self.tag)}
        if hold:
            to, minutes = hold
            until = None if minutes is None else self.history.now + timedelta(minutes=minutes)
            tags[HOLD_KEY] = str(Hold(to, until))
        elif tag and cluster.hold:
            tags[HOLD_KEY] = str(cluster.hold)
        cluster.write(tags)
        self.go_on(cluster, then)

    @rule(which=WHICH, how=STRANGE, then=THEN)
    def a_cluster_becomes_a_stranger_or_none(self, which: int, how: str | dict[str, str], then: Then) -> None:
        cluster = self.cluster(which)
        if cluster.is_stranger:
            for key in OBSTACLES:
                cluster.snapshot.pop(key, None)
            cluster.write({SCHEDULE_KEY: self.tag})
        else:
            self.estrange(cluster, how)
        self.go_on(cluster, then)

    def cluster(self, which: int) -> Cluster:
        clusters = list(self.history.clusters.values())
        return clusters[which % len(clusters)]

    def estrange(self, cluster: Cluster, how: str | dict[str, str]) -> None:
        if isinstance(how, str):
            cluster.snapshot[how] = OBSTACLES[how]
        else:
            cluster.write(how)

    def start_and_stop(self, which: set[int], patience: int) -> None:
        """Have people start or stop these clusters, as soon as all of them can be, and then some minutes."""
        clusters = {self.cluster(each).name: self.cluster(each) for each in which}.values()
        busy_until = [each.due for each in clusters if each.due and each.state is None]
        self.history.wait(max(busy_until, default=self.history.now) + timedelta(minutes=patience))
        for cluster in clusters:
            self.history.by_hand(cluster)

    def go_on(self, cluster: Cluster, then: Then) -> None:
        now = begin = self.history.now
        if then.pause is Pause.TRANSITION and cluster.schedule:
            transition, hold = cluster.schedule.next_transition(now), hold_in_force(cluster, now)
            ends = [transition.at] if transition else []
            begin = min([*ends, hold.until] if hold and hold.until else ends, default=now)
        elif cluster.due and then.pause is (Pause.RESTART if cluster.state else Pause.END):
            begin = cluster.due
        self.history.wait(max(now, begin + timedelta(minutes=then.minutes)))
        for action in then.runs:
            run(self.history, action)


EXAMPLES = int(os.environ.get("HISTORIES", "0"))


def test_the_promises_hold_in_any_history(history: History) -> None:
    run_state_machine_as_test(
        lambda: AnyHistory(history),  # type: ignore[arg-type]  # whatever makes one will do
        settings=settings(
            max_examples=EXAMPLES or 40,
            stateful_step_count=50 if EXAMPLES else 20,
            derandomize=not EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


# Histories worth telling, all of cluster "a", which begin in the week of Monday, 16 November 2026. Times are in UTC.

OFFICE = "mon-fri 08:00-18:00 UTC"
CLOSED = "mon-fri 08:00-18:00 UTC closed=2026-11-17:2026-12-31"


def at(text: str) -> datetime:
    """An instant of that week, such as `tue 18:05`, or of one after it: `2 tue 18:05`."""
    *weeks, day, clock = text.split()
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(day) + 7 * sum(map(int, weeks))
    return datetime.fromisoformat(f"2026-11-16T{clock}Z") + timedelta(days=days)


def begin(history: History, now: str, tag: str = OFFICE, state: State = State.RUNNING) -> Cluster:
    history.begin(at(now))
    return history.add(tag, state)


def tell(history: History, until: str, every: int = 5) -> None:
    """Let time pass, with runs of both functions every so many minutes, and at the end."""
    while history.now < at(until):
        history.wait(min(at(until), history.now + timedelta(minutes=every)))
        for action in BOTH:
            run(history, action)


def command(history: History, until: str) -> None:
    """Have a person start the cluster through the start function."""
    history.invoke(Action.START, {"clusters": ["a"], "until": until})


def by_hand(history: History, when: str, fate: Fate | None = None) -> None:
    """Have a person start or stop the cluster elsewhere at this time, with no run before."""
    history.fates = (fate or Fate(),)
    history.wait(at(when))
    history.by_hand(history.clusters["a"])
    history.fates = (Fate(),)


def told(history: History) -> str:
    return history.clusters["a"].story


def test_who_works_late_is_left_alone_until_the_next_closing_time(history: History) -> None:
    begin(history, "mon 17:00")
    tell(history, "mon 19:00")
    by_hand(history, "mon 19:02")
    tell(history, "tue 17:00", every=45)
    tell(history, "tue 18:10")
    assert told(history) == "mon 18:00 run stopped, mon 19:02 person running, tue 18:00 run stopped"


def test_a_start_that_ends_less_than_half_an_hour_after_closing_time_is_undone_once(history: History) -> None:
    begin(history, "mon 17:00")
    by_hand(history, "mon 17:30")
    by_hand(history, "mon 18:20")  # it takes six minutes
    tell(history, "mon 18:40")
    by_hand(history, "mon 18:41")
    tell(history, "mon 20:00")
    person_again = "mon 18:41 person running"
    assert told(history) == f"mon 17:30 person stopped, mon 18:20 person running, mon 18:30 run stopped, {person_again}"


def test_an_automatic_restart_is_put_right_and_a_start_by_hand_after_it_is_not(history: History) -> None:
    begin(history, "mon 17:55", CLOSED)
    tell(history, "mon 18:10")
    history.wait(at("1 mon 18:04"))
    tell(history, "1 mon 18:34")
    by_hand(history, "1 mon 18:40")
    tell(history, "1 mon 20:40")
    restart = "mon 18:06 aws running, mon 18:14 run stopped"
    assert told(history) == f"mon 18:00 run stopped, {restart}, mon 18:40 person running"


def test_a_restart_weeks_after_the_latest_transition_is_put_right(history: History) -> None:
    begin(history, "mon 17:55", CLOSED)
    tell(history, "mon 18:10")
    tell(history, "2 wed 18:00", every=600)
    restarts = "mon 18:06 aws running, mon 20:10 run stopped, mon 20:16 aws running, mon 22:10 run stopped"
    assert told(history) == f"mon 18:00 run stopped, {restarts}"


def test_after_an_edit_of_the_tag_the_cluster_may_stay_as_it_is_until_the_next_transition(history: History) -> None:
    cluster = begin(history, "mon 17:55")
    tell(history, "mon 18:30")
    cluster.write({SCHEDULE_KEY: "mon-fri 08:00-20:00 UTC"})
    tell(history, "mon 19:55")
    tell(history, "tue 08:00", every=125)
    assert told(history) == "mon 18:00 run stopped, tue 08:00 run running"


def test_a_command_holds_until_its_end_though_the_call_failed_at_first(history: History) -> None:
    begin(history, "mon 17:55")
    tell(history, "mon 18:30")
    history.invoke(Action.START, {"clusters": ["a"], "until": "20:00"}, Trouble.CALLS_REFUSED)
    tell(history, "mon 20:10")
    assert told(history) == "mon 18:00 run stopped, mon 18:35 run running, mon 20:00 run stopped"


def test_a_command_while_the_cluster_stops_is_obeyed_once_it_has_stopped(history: History) -> None:
    begin(history, "mon 17:55")
    tell(history, "mon 18:00")
    command(history, "14h")
    tell(history, "mon 18:30")
    assert told(history) == "mon 18:00 run stopped, mon 18:10 run running"


def test_what_a_person_does_elsewhere_under_a_hold_is_undone_and_after_its_end_it_is_left(history: History) -> None:
    begin(history, "mon 17:55")
    tell(history, "mon 18:30")
    command(history, "2h")
    by_hand(history, "mon 19:00")
    tell(history, "mon 20:40")
    by_hand(history, "mon 21:00")
    tell(history, "mon 23:00", every=20)
    held = "mon 18:30 command running, mon 19:00 person stopped, mon 19:10 run running, mon 20:30 run stopped"
    assert told(history) == f"mon 18:00 run stopped, {held}, mon 21:00 person running"
