"""What a CloudWatch dashboard shows: our own HTML and SVG, without scripts. Everything else in it is escaped.

CloudWatch strips scripts, <iframe> and <use>, and styles buttons of the class `btn`; a <cwdb-action> makes the element
before it call a function, which gets what the widget's form holds as `widgetContext.forms.all`.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
https://github.com/aws-samples/cloudwatch-custom-widgets-samples (logsInsightsQuery has a form)
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, Template

from office_hours.answer import Answer
from office_hours.clock import local
from office_hours.command import DONE, plan
from office_hours.decision import Action
from office_hours.event import Event
from office_hours.hold import Hold
from office_hours.reporting.hours import hours_in, next_start
from office_hours.reporting.status import COMING, PAST, PROBLEMS, Row, Status
from office_hours.reporting.suggest import Suggestions, best
from office_hours.schedule import Schedule, State

# What the timeline shows, in its own units: ten an hour.
BEFORE, WIDTH = timedelta(days=1), 720
_MARKED = 6  # hours between two marks
# A row is up to 20 KB of HTML, and Lambda answers with 6 MB at most.
_MOST_ROWS, _MOST_PROBLEMS = 200, 100
_TWO_HOURS = timedelta(hours=2)
# A sign beside each word, so that colour alone says nothing.
_STATES = {"available": ("▶", "running"), "stopped": ("■", "stopped")}
_VERBS = {State.RUNNING: "starts", State.STOPPED: "stops", None: "changes"}
# What the form can show, and how.
_KINDS = {"": "all states", "attention": "need attention", "running": "running", "stopped": "stopped"}
_KINDS |= {"other": "other states", "exception": "held or by hand"}


@cache
def _template(name: str) -> Template:
    loader = FileSystemLoader(Path(__file__).with_name("templates"))
    return Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True).get_template(name)


def status_page(status: Status, rows: Sequence[Row], context: Mapping[str, Any], actions: Mapping[str, str]) -> str:
    """The widget: a summary, what needs attention, then a line for each cluster that its form lets through.

    context: CloudWatch's `widgetContext`.
    actions: the ARNs of the functions that the buttons call, by `stop` and `start`.
    """
    now, form, problems = datetime.fromisoformat(status["time"]), context.get("forms", {}), status["problems"]
    name, kind = (form.get("all", {}).get(key, "").strip() for key in ("cluster", "state"))
    # The dashboard's own time zone, which its viewer has chosen; the rows have none in common.
    clock = datetime.strptime(context.get("timezone", {}).get("offsetISO", "Z"), "%z").tzinfo
    kinds = [(row, _kinds(row)) for row in rows]
    chosen = _chosen(kinds, name.lower(), kind)
    past = [span for row in rows for span in row.spans if span.start < now]
    return _template("status.html").render(
        status=status,
        problems=problems[:_MOST_PROBLEMS],
        attention=len(problems) + status.get("more_problems", 0),
        accounts=len({row.cluster.account for row in rows}) > 1,
        regions=len({row.cluster.region for row in rows} | {each["region"] for each in problems if each["region"]}) > 1,
        rows=[_shown(row, actions, now) for row in chosen[:_MOST_ROWS]],
        chosen=len(chosen),
        clusters=len(rows),
        counts=Counter(each for _, its in kinds for each in its),
        kinds=_KINDS,
        name=name,
        kind=kind,
        actions=actions,
        stopped=hours_in(past, State.STOPPED),
        running=hours_in(past, State.RUNNING),
        past_days=PAST.days,
        marks=list(_marks(now, clock)),
        now_at=_x(now, now),
        total_width=WIDTH,
        theme=context.get("theme"),
        time=f"{now.astimezone(clock):%a %d %b %H:%M} {clock}",
    )


def suggestions_page(answer: Suggestions, context: Mapping[str, Any]) -> str:
    """What untagged clusters could save. `context` is CloudWatch's `widgetContext`."""
    return _template("suggestions.html").render(answer=answer, best=best(answer), theme=context.get("theme"))


def answer_page(answer: Answer) -> str:
    """What a button's popup says: a sentence for each of the `clusters`, or each of the `mistakes`."""
    return _template("answer.html").render(answer)


def _kinds(row: Row) -> set[str]:
    """The form's kinds that a row belongs to."""
    kinds = {"", _STATES.get(row.cluster.status, ("", "other"))[1]}
    kinds |= {"attention"} if row.problems else set()
    return kinds | ({"exception"} if row.entry["reason"] in ("held", "changed-by-hand") else set())


def _chosen(kinds: Iterable[tuple[Row, AbstractSet[str]]], name: str, kind: str) -> list[Row]:
    """The rows that the form lets through, by a part of the cluster's or its account's name, the most urgent first."""
    chosen = [row for row, its in kinds if kind in its]
    chosen = [row for row in chosen if name in row.cluster.identifier or name in row.cluster.account.lower()]
    # A row's own problems are in that order.
    return sorted(chosen, key=lambda row: PROBLEMS.index(row.problems[0]["problem"]) if row.problems else len(PROBLEMS))


def _shown(row: Row, actions: Mapping[str, str], now: datetime) -> dict[str, object]:
    """What the template needs of a row. Buttons act in the account of the functions that they call."""
    entry, account = row.entry, row.entry.get("account")
    sign, state = _STATES.get(entry["status"], ("◆", entry["status"]))
    return {
        "entry": entry,
        "sign": sign,
        "state": state,
        "why": _why(row),
        "next": _next(row, now),
        "bars": list(_bars(row, now)),
        "buttons": list(_buttons(row, actions, now)),
        "is_own": not account or any(f":{account}:" in arn for arn in actions.values()),
    }


def _why(row: Row) -> str:
    """The reason, in a few words; the message has the whole sentence."""
    entry = row.entry
    reason, action = entry["reason"], entry["decision"]
    if row.problems:
        return f"⚠ {row.problems[0]['problem'].replace('-', ' ')}"
    if action != Action.LEAVE:
        return f"{'AWS started it; ' if reason == 'auto-restarted' else ''}the next run {action}s it"
    if reason == "changed-by-hand":
        done = DONE[Action.STOP if entry["status"] == "stopped" else Action.START]
        return f"{done} by {entry.get('by', 'hand')}"
    return reason.replace("-", " ")


def _next(row: Row, now: datetime) -> dict[str, str]:
    """What changes next, by the cluster's own clock, and in how long."""
    cluster, hold, (at, to) = row.cluster, row.cluster.hold, _upcoming(row, now)
    if not at:
        return {}
    word = _VERBS[to]
    if row.entry["reason"] == "changed-by-hand":
        word = "left until"
    elif row.entry["reason"] == "in-use" and to is State.STOPPED:
        word = "stops by"
    elif isinstance(hold, Hold) and hold.in_force(now) and to is hold.to:
        word = "hold ends"
    return {
        "what": f"{word} {_when(at, cluster.zone, now)}",
        "where": f"in {_length(at - now)}, {cluster.zone.key.rpartition('/')[2].replace('_', ' ')}",
        "exact": local(at, cluster.zone),
    }


def _upcoming(row: Row, now: datetime) -> tuple[datetime | None, State | None]:
    """When something changes next, and to what: the end of its grace, where it is in use and nothing comes before."""
    cluster, hold, schedule = row.cluster, row.cluster.hold, row.cluster.schedule
    at = min((end for end in (cluster.next_change(now), row.until) if end), default=None)
    if not at or not isinstance(schedule, Schedule):
        return None, None
    return at, hold.to if isinstance(hold, Hold) and hold.in_force(at) else schedule.desired_state(at)


def _when(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """18:00, Wed 08:00 or 24 Dec 08:00."""
    here, today = at.astimezone(zone), now.astimezone(zone).date()
    days = (here.date() - today).days
    return f"{here:%H:%M}" if not days else f"{here:%a %H:%M}" if days < 7 else f"{here:%d %b %H:%M}"


def _length(length: timedelta) -> str:
    """105 min, 16 h or 3 d."""
    minutes = -(-length // timedelta(minutes=1))
    return (
        f"{minutes} min" if minutes < 120 else f"{minutes / 60:.0f} h" if minutes < 2880 else f"{minutes / 1440:.0f} d"
    )


def _buttons(row: Row, actions: Mapping[str, str], now: datetime) -> Iterator[dict[str, object]]:
    """A button for each command that would be accepted, with the very instant that it asks about."""
    cluster, zone = row.cluster, row.cluster.zone
    replaced = f" This replaces its hold ({row.entry['hold']})." if "hold" in row.entry else ""
    for action, label, question, end in _offers(row, now):
        until = end.astimezone(zone).isoformat(timespec="minutes") if end else None
        if isinstance(plan(cluster, action, Event(until=until, resume=not until), now), Hold):
            yield {
                "label": label,
                "question": question.format(cluster.name, local(end, zone)) + replaced
                if end
                else question.format(cluster.name),
                "endpoint": actions.get(action, ""),
                "payload": {"clusters": [cluster.name], **({"until": until} if until else {"resume": True})},
            }


def _offers(row: Row, now: datetime) -> Iterator[tuple[Action, str, str, datetime | None]]:
    """The buttons that make sense now: action, label, question, and until when; None ends the hold."""
    cluster, hold, schedule = row.cluster, row.cluster.hold, row.cluster.schedule
    if not isinstance(schedule, Schedule):
        return
    transition, is_held = schedule.next_transition(now), isinstance(hold, Hold) and hold.in_force(now)
    if cluster.status == "stopped":
        if transition:
            yield Action.START, "Start", "Start {} now, until {}?", transition.at
        yield Action.START, "Start for 2 h", "Start {} now, until {}?", now + _TWO_HOURS
    if cluster.status == "available":
        if transition:
            yield Action.STOP, "Stop", "Stop {} now, until {}?", transition.at
        keep, (at, to) = "Keep {} running until {}?", _upcoming(row, now)
        if end := now if row.entry["decision"] == Action.STOP else at if to is State.STOPPED else None:
            yield Action.START, "2 h longer", keep, end + _TWO_HOURS
            if not is_held and (start := next_start(schedule, end)) and start > end + _TWO_HOURS:
                yield Action.START, f"Until {_when(start, cluster.zone, now)}", keep, start
    if is_held:
        action = Action.STOP if schedule.desired_state(now) is State.STOPPED else Action.START
        yield action, "Back to schedule", "End the hold of {} and give it back to its schedule?", None


def _marks(now: datetime, clock: tzinfo | None) -> Iterator[dict[str, object]]:
    """The hours that the timeline marks; midnight has the day's name."""
    at = (now - BEFORE).astimezone(clock).replace(minute=0, second=0, microsecond=0)
    at += timedelta(hours=_MARKED - at.hour % _MARKED)
    while at < now + COMING:
        yield {"x": _x(at, now), "label": f"{at:%H}" if at.hour else f"{at:%a}", "is_day": not at.hour}
        at += timedelta(hours=_MARKED)


def _x(at: datetime, now: datetime) -> int:
    return round(min(max((at - (now - BEFORE)) / (BEFORE + COMING), 0), 1) * WIDTH)


def _bars(row: Row, now: datetime) -> Iterator[dict[str, object]]:
    zone = row.cluster.zone
    for span in row.spans:
        x, end = _x(span.start, now), _x(span.end, now)
        if end > x:
            kind, is_plan = str(span.state) if span.state and span.sure else "unknown", span.start >= now
            times = f"{span.start.astimezone(zone):%a %H:%M} to {span.end.astimezone(zone):%a %H:%M}"
            title = f"{'planned ' * is_plan}{kind} {times}"
            yield {"x": x, "width": end - x, "kind": kind, "is_plan": is_plan, "title": title}
