"""What every tagged cluster should be, what it is, why, and what comes next: for people and for programs."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypedDict

from office_hours.command import Cluster
from office_hours.decision import Action, Reason, decide, evidence_since, local, next_change
from office_hours.event import EventError, shown, unknown_keys
from office_hours.hold import Hold, HoldError
from office_hours.hours import Span, coming_spans, hours_in, past_spans
from office_hours.run import (
    Entry,
    Failure,
    Order,
    Outcomes,
    RunError,
    do,
    entry_of,
    in_words,
    is_overdue,
    utc,
)
from office_hours.schedule import Schedule, ScheduleError, State
from office_hours.survey import Region, survey
from office_hours.tags import Settings

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

PAST, COMING = timedelta(days=3), timedelta(days=4)
KEYS = ("describe", "explain", "widgetContext")
_ACCEPTED = 'Accepted: {}, {"explain": "mon-fri 08:00-18:00 Europe/Berlin"}, {"describe": true}'
_SOON = timedelta(days=1)
_MOST_TOLD = 6  # transitions
_LONGEST_TAG = 256  # characters: RDS's limit
_YEAR = timedelta(weeks=52)
_WEEK = 168  # hours
DESCRIPTION = """### Aurora Office Hours

Every Aurora cluster with an office-hours tag: what it is, why, and what comes next, with the past three days as RDS's
event log tells them and the coming four as its tag and hold ask. The buttons stop and start it until its next
transition, or until this evening; each asks first.

It takes no parameters.
"""


class Problem(TypedDict):
    """What somebody should see to. `cluster` is empty where it is about a whole Region."""

    problem: str
    cluster: str
    region: str
    message: str


class StatusEntry(Entry):
    """A cluster in the answer: what a run would decide now, and what it is.

    desired: what its hold or its schedule asks for now; None for nothing, and where its tags cannot be read.
    """

    desired: str | None
    schedule: str
    engine: str
    version: str
    instances: list[str]
    overdue: bool


class Status(TypedDict):
    """The status function's answer. Problems come first."""

    time: str
    problems: list[Problem]
    clusters: list[StatusEntry]


class Explanation(TypedDict):
    """What a tag's value means. The numbers are None where nobody can know them."""

    tag: str
    valid: bool
    message: str
    transitions: list[dict[str, str]]
    hours_a_week: float | None
    saved_share: float | None


@dataclass(frozen=True)
class Row:
    """A cluster with its timeline.

    spans: the past three days, as far as RDS's log tells, then the coming four, as its tag and hold ask.
    """

    cluster: Cluster
    entry: StatusEntry
    spans: list[Span]


def read_event(event: object) -> dict[str, object]:
    """The event, checked. Raises EventError."""
    if not isinstance(event, dict):
        raise EventError([f"The event is no JSON object. {_ACCEPTED}."])
    mistakes = unknown_keys(event, KEYS, _ACCEPTED)
    if event.get("describe", True) is not True:
        mistakes.append(f'"describe" has {shown(event["describe"])}: expected true.')
    if not _can_be_tag(event.get("explain", "")):
        expected = f"expected the value of a tag, of {_LONGEST_TAG} characters at the most"
        mistakes.append(f'"explain" has {shown(event["explain"])}: {expected}.')
    if mistakes:
        raise EventError(mistakes)
    return event


def _can_be_tag(value: object) -> bool:
    """Whether it is text, and no longer than a tag's. Half of a surrogate pair is none: Lambda could not answer it."""
    return isinstance(value, str) and len(value) <= _LONGEST_TAG and not re.search(r"[\ud800-\udfff]", value)


def look(order: Order, *, or_fail: bool = True) -> tuple[Status, list[Row]]:
    """See how all tagged clusters are.

    or_fail: whether to raise RunError where nothing could be seen at all. The problems tell of it in any case.
    """
    since = order.now - PAST
    regions, failures = survey(order, since)
    rows: list[Row] = []
    outcomes: Outcomes = []
    jobs = {
        client: [
            (cluster.identifier, partial(_see, order, client, region, cluster, rows)) for cluster in region.clusters
        ]
        for client, region in regions.items()
    }
    do(order, jobs, outcomes)
    failures += [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    if or_fail and failures and not rows:
        raise RunError(f"Nothing could be seen.\n{in_words(failures)}")
    rows.sort(key=lambda row: (row.cluster.region, row.cluster.identifier))
    problems = [problem for row in rows for problem in _problems(row, order.now)]
    problems.sort(key=lambda problem: _RANK.index(problem["problem"]))
    failed: list[Problem] = [{"problem": "failure", "cluster": "", "region": "", "message": each} for each in failures]
    return {"time": utc(order.now), "problems": failed + problems, "clusters": [row.entry for row in rows]}, rows


_RANK = [Reason.INVALID_TAG.value, "overdue", Reason.INELIGIBLE.value, "automatic-restart"]


def _see(order: Order, client: "RDSClient", region: Region, cluster: Cluster, rows: list[Row]) -> None:
    assert cluster.tags is not None  # noqa: S101  for the type checker: the others are left out
    schedule, hold = cluster.tags
    snapshot, now = cluster.snapshot, order.now
    events = (region.events or {}).get(cluster.identifier, [])
    evidence = evidence_since(snapshot, schedule, hold, now)
    if evidence and (region.events is None or evidence < now - PAST):
        events = order.event_log(client).of(cluster.identifier, evidence)
    decision = decide(snapshot, schedule, hold, events, now)
    upcoming = desired = None
    # Where the log could not be read, nobody knows, rather than that nothing happened.
    unknown = [Span(now - PAST, now, None)]
    spans = unknown if region.events is None else past_spans(snapshot, events, now - PAST, now)
    if isinstance(schedule, Schedule) and not isinstance(hold, HoldError):
        upcoming = next_change(schedule, hold, now)
        coming = coming_spans(schedule, hold, now, now + COMING)
        desired, spans = coming[0].state, spans + coming
    entry = entry_of(cluster, decision, upcoming)
    if decision.action is not Action.LEAVE:
        entry["message"] = f"The next run is to {decision.action} it. {decision.message}"
    if isinstance(hold, Hold) and hold.in_force(now):
        entry["hold"] = str(hold)
    tags = {tag.get("Key", ""): tag.get("Value", "") for tag in snapshot.get("TagList", ())}
    members = [member.get("DBInstanceIdentifier", "") for member in snapshot.get("DBClusterMembers", ())]
    status: StatusEntry = {
        **entry,
        "desired": desired,
        "schedule": tags.get(order.settings.tag_key, ""),
        "engine": snapshot.get("Engine", ""),
        "version": snapshot.get("EngineVersion", ""),
        "instances": sorted(region.classes.get(member, "") for member in members),
        "overdue": is_overdue(order, cluster, decision),
    }
    rows.append(Row(cluster, status, spans))


def _problems(row: Row, now: datetime) -> list[Problem]:
    """What somebody should see to about one cluster."""
    entry, restart = row.entry, row.cluster.snapshot.get("AutomaticRestartTime")
    found = {}
    if entry["reason"] in (Reason.INVALID_TAG, Reason.INELIGIBLE):
        found[str(entry["reason"])] = entry["message"]
    if entry["overdue"]:
        found["overdue"] = f"It has not been on its way for two runs. {entry['message']}"
    if entry["status"] == "stopped" and restart and now <= restart <= now + _SOON:
        at = local(restart, row.cluster.zone)
        found["automatic-restart"] = f"AWS starts it on {at}, after seven days. The next run then does what is due."
    return [
        {"problem": problem, "cluster": entry["cluster"], "region": entry["region"], "message": message}
        for problem, message in found.items()
    ]


def explain(text: str, settings: Settings, now: datetime) -> Explanation:
    """What a tag of this value means, under the stack's settings."""
    schedule = settings.parse(text)
    if isinstance(schedule, ScheduleError):
        return {
            "tag": text,
            "valid": False,
            "message": f"It cannot be read, and its cluster would be left alone: {schedule}",
            "transitions": [],
            "hours_a_week": None,
            "saved_share": None,
        }
    transitions: list[dict[str, str]] = []
    at = now
    while len(transitions) < _MOST_TOLD and (upcoming := schedule.next_transition(at)):
        transitions.append({"at": utc(upcoming.at), "local": local(upcoming.at, schedule.zone), "to": str(upcoming.to)})
        at = upcoming.at
    hours = _hours_a_week(schedule, now)
    share = None if hours is None else round(1 - hours / _WEEK, 3)
    return {
        "tag": text,
        "valid": True,
        "message": _in_words(schedule, transitions, hours, now),
        "transitions": transitions,
        "hours_a_week": hours,
        "saved_share": share,
    }


def _hours_a_week(schedule: Schedule, now: datetime) -> float | None:
    """The hours that it asks for, in an average week of the coming 52; None for a schedule of one side."""
    if schedule.one_sided:
        return None
    return round(hours_in(coming_spans(schedule, None, now, now + _YEAR), State.RUNNING) / 52, 1)


def _in_words(schedule: Schedule, transitions: list[dict[str, str]], hours: float | None, now: datetime) -> str:
    state = schedule.desired_state(now)
    words = [f"It asks for {state} now." if state else "It asks for nothing now."]
    if transitions:
        edges = (f"{each['to']} from {each['local']}" for each in transitions[:2])
        words.append(f"Next: {', '.join(edges)}.")
    else:
        words.append("It never changes.")
    if hours is None:
        words.append("It has one side only, so that nobody knows how many hours a week it runs.")
    else:
        saved = f"{1 - hours / _WEEK:.0%} is saved"
        words.append(f"It runs {hours:g} of the week's {_WEEK} hours, on average over the coming year: {saved}.")
    if schedule.maintenance:
        words.append("To these come each cluster's own maintenance windows.")
    return " ".join(words)
