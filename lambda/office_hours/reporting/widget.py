"""What a CloudWatch dashboard shows: HTML and SVG of our own making, without scripts. Everything else in it is escaped.

CloudWatch strips scripts, <iframe> and <use>, and styles buttons of the class `btn`; a <cwdb-action> makes the element
before it call a function, which gets what the widget's form holds as `widgetContext.forms.all`.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
https://github.com/aws-samples/cloudwatch-custom-widgets-samples (logsInsightsQuery has a form)
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, Template

from office_hours.answer import Entry
from office_hours.clock import local
from office_hours.command import DONE, plan
from office_hours.decision import Action
from office_hours.event import Event, end_of
from office_hours.hold import Hold
from office_hours.reporting.hours import Span, hours_in
from office_hours.reporting.status import COMING, PAST, PROBLEMS, Row, Status
from office_hours.reporting.suggest import Suggestions, best
from office_hours.schedule import Schedule, State

# What the timeline shows, in its own units: ten an hour.
BEFORE, WIDTH = timedelta(days=1), 720
_MARKED = 6  # hours between two marks
# Below this many pixels there is no room for the timeline beside the rest.
NARROW = 900
# A row is up to 20 KB of HTML, and Lambda answers with 6 MB at most.
_MOST_ROWS, _MOST_PROBLEMS, _MOST_SPANS = 200, 100, 40
_LONGEST_NAME = 63  # of a cluster
_TWO_HOURS = timedelta(hours=2)
# A sign beside each word, so that nothing is said by colour alone.
_STATES = {"available": ("▶", "running"), "stopped": ("■", "stopped")}
_VERBS = {State.RUNNING: "starts", State.STOPPED: "stops"}
# What the form can show, and how.
_KINDS = {"": "all states", "attention": "need attention", "running": "running", "stopped": "stopped"}
_KINDS |= {"other": "other states", "exception": "held or by hand"}


@cache
def _template(name: str) -> Template:
    loader = FileSystemLoader(Path(__file__).with_name("templates"))
    return Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True).get_template(name)


def status_page(status: Status, rows: Sequence[Row], context: object, actions: Mapping[str, str]) -> str:
    """The widget: a summary, what needs attention, then a line for each cluster that its form lets through.

    context: CloudWatch's `widgetContext`.
    actions: the ARNs of the functions that the buttons call, by `stop`, `start` and `status`.
    """
    context = context if isinstance(context, dict) else {}
    now, width, problems = datetime.fromisoformat(status["time"]), context.get("width"), status["problems"]
    name, kind = _form(context)
    kinds = [(row, _kinds(row)) for row in rows]
    chosen = _chosen(kinds, name.lower(), kind)
    clock = _clock(context)
    return _template("status.html").render(
        problems=problems[:_MOST_PROBLEMS],
        attention=len(problems) + status.get("more_problems", 0),
        denied=status.get("denied_regions", []),
        inactive=status.get("inactive_accounts", []),
        accounts=len({row.cluster.account for row in rows}) > 1,
        rows=[_shown(row, actions, now) for row in chosen[:_MOST_ROWS]],
        chosen=len(chosen),
        clusters=len(rows),
        several=len({row.cluster.region for row in rows} | {each["region"] for each in problems if each["region"]}) > 1,
        counts=Counter(each for _, its in kinds for each in its),
        kinds=_KINDS,
        name=name,
        kind=kind,
        endpoint=actions.get("status", ""),
        stopped=_stopped(rows, now),
        past_days=PAST.days,
        marks=list(_marks(now, clock)),
        now_at=_x(now, now),
        total_width=WIDTH,
        narrow=isinstance(width, int | float) and width < NARROW,
        theme=_theme(context),
        time=f"{now.astimezone(clock):%a %d %b %H:%M} {clock}",
    )


def suggestions_page(answer: Suggestions, context: object) -> str:
    """What untagged clusters could save. context: CloudWatch's `widgetContext`."""
    theme = _theme(context if isinstance(context, dict) else {})
    return _template("suggestions.html").render(answer=answer, best=best(answer["suggestions"]), theme=theme)


def answer_page(title: str, entries: Iterable[Entry] = (), mistakes: Sequence[str] = ()) -> str:
    """What a button's popup says: a sentence for each cluster, or each mistake."""
    return _template("answer.html").render(title=title, entries=list(entries), mistakes=mistakes)


def _form(context: Mapping[object, object]) -> tuple[str, str]:
    """What the form asks for: a part of the name, and a kind; empty for all."""
    forms = context.get("forms")
    given = forms.get("all") if isinstance(forms, dict) else None
    given = given if isinstance(given, dict) else {}
    name, kind = given.get("cluster"), given.get("state")
    # Lambda can't answer with half of a surrogate pair.
    name = name.encode(errors="ignore").decode().strip()[:_LONGEST_NAME] if isinstance(name, str) else ""
    return name, kind if kind in list(_KINDS) else ""


def _theme(context: Mapping[object, object]) -> str:
    return "dark" if context.get("theme") == "dark" else "light"


def _clock(context: Mapping[object, object]) -> tzinfo:
    """The dashboard's own time zone, which its viewer has chosen; the rows have none in common."""
    zone = context.get("timezone")
    try:
        offset = datetime.strptime(str(zone["offsetISO"]) if isinstance(zone, dict) else "", "%z").utcoffset()
    except (KeyError, ValueError):
        return UTC
    return timezone(offset) if offset else UTC


def _kinds(row: Row) -> set[str]:
    """The kinds of the form that a row is of."""
    kinds = {_STATES.get(row.cluster.status, ("", "other"))[1], "attention" if row.problems else ""}
    return kinds | {"exception" if row.entry["reason"] in ("held", "changed-by-hand") else ""}


def _chosen(kinds: Iterable[tuple[Row, AbstractSet[str]]], name: str, kind: str) -> list[Row]:
    """The rows that the form lets through, by a part of the cluster's or its account's name, the most urgent first."""
    chosen = [row for row, its in kinds if not kind or kind in its]
    chosen = [row for row in chosen if name in row.cluster.identifier or name in row.cluster.account.lower()]
    return sorted(chosen, key=lambda row: min([PROBLEMS.index(each["problem"]) for each in row.problems] or [99]))


def _shown(row: Row, actions: Mapping[str, str], now: datetime) -> dict[str, object]:
    """What the template has of a row."""
    entry, zone, sizes = row.entry, row.cluster.zone, Counter(each or "unknown" for each in row.entry["instances"])
    buttons, is_own = list(_buttons(row, actions, now)), _is_own(row, actions)
    sign, state = _STATES.get(entry["status"], ("◆", entry["status"]))
    return {
        "entry": entry,
        "sign": sign,
        "state": state,
        "why": _why(row),
        "next": _next(row, now),
        "size": ", ".join(f"{count} x {each}" if count > 1 else each for each, count in sizes.items()),
        "bars": list(_bars(row.spans, now, zone)),
        "words": _timeline_in_words(row, now),
        "buttons": buttons if is_own else [],
        "link": _link(row, actions) if buttons and not is_own else None,
    }


def _is_own(row: Row, actions: Mapping[str, str]) -> bool:
    """Whether its account is that of the functions that the buttons call."""
    account = row.entry.get("account")
    return account is None or any(f":{account}:" in arn for arn in actions.values())


def _link(row: Row, actions: Mapping[str, str]) -> dict[str, str] | None:
    """Where the account's own function is, and what to send it. Its stack has the names and the Region of this one."""
    action = {"available": Action.STOP, "stopped": Action.START}.get(row.entry["status"])
    if not action or action not in actions:
        return None
    _, _, _, region, _, _, function = actions[action].split(":")
    return {
        "label": f"{action} function".capitalize(),
        "url": f"https://{region}.console.aws.amazon.com/lambda/home?region={region}#/functions/{function}",
        "event": json.dumps({"clusters": [row.cluster.name]}),
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
    """What changes next, as the cluster's own clock shows it and in how long."""
    cluster, at = row.cluster, _upcoming(row, now)
    if not at or not isinstance(cluster.schedule, Schedule):
        return {}
    to = _state_after(cluster.schedule, cluster.hold, at)
    word = _VERBS[to] if to else "changes"
    if row.entry["reason"] == "changed-by-hand":
        word = "left until"
    elif row.entry["reason"] == "in-use" and to is State.STOPPED:
        word = "stops by"
    elif isinstance(cluster.hold, Hold) and cluster.hold.in_force(now) and to in (cluster.hold.to, None):
        word = "hold ends"
    return {
        "what": f"{word} {_when(at, cluster.zone, now)}",
        "where": f"in {_length(at - now)}, {cluster.zone.key.rpartition('/')[2].replace('_', ' ')}",
        "exact": local(at, cluster.zone),
    }


def _upcoming(row: Row, now: datetime) -> datetime | None:
    """When something changes next: the end of its grace, where it is in use and nothing comes before that."""
    ends = [row.cluster.next_change(now), row.until]
    return min((at for at in ends if at), default=None)


def _state_after(schedule: Schedule, hold: object, at: datetime) -> State | None:
    return hold.to if isinstance(hold, Hold) and hold.in_force(at) else schedule.desired_state(at)


def _when(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """18:00, Wed 08:00 or 24 Dec 08:00."""
    here, today = at.astimezone(zone), now.astimezone(zone).date()
    days = (here.date() - today).days
    return f"{here:%H:%M}" if not days else f"{here:%a %H:%M}" if days < 7 else f"{here:%d %b %H:%M}"


def _length(length: timedelta) -> str:
    """40 min, 1 h 40 min, 16 h or 3 d."""
    hours, minutes = divmod(-(-length // timedelta(minutes=1)), 60)
    if hours >= 10:
        return f"{round(hours / 24)} d" if hours >= 48 else f"{hours + (minutes >= 30)} h"
    return " ".join([f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes or not hours))


def _stopped(rows: Sequence[Row], now: datetime) -> dict[str, float] | None:
    """The hours that the clusters were stopped in the PAST, and their share of those that are known."""
    past = [span for row in rows for span in row.spans if span.start < now]
    stopped, running = hours_in(past, State.STOPPED), hours_in(past, State.RUNNING)
    return {"hours": stopped, "share": stopped / (stopped + running)} if stopped + running else None


def _buttons(row: Row, actions: Mapping[str, str], now: datetime) -> Iterator[dict[str, object]]:
    """A button for each command that would be obeyed, with the very instant that it asks about."""
    cluster, hold, schedule = row.cluster, row.cluster.hold, row.cluster.schedule
    if not isinstance(schedule, Schedule):
        return
    is_held = isinstance(hold, Hold) and hold.in_force(now)
    is_coming = isinstance(hold, Hold) and hold.since and hold.since > now
    replaced = f" Its hold ({hold.written(cluster.zone)}) is replaced." if isinstance(hold, Hold) and is_coming else ""
    for action, label, question, end in _offers(row, schedule, now, is_held=is_held):
        until = end.astimezone(cluster.zone).isoformat(timespec="minutes")
        if isinstance(plan(cluster, action, Event(until=until), now), Hold):
            yield {
                "label": label,
                "question": f"{question.format(cluster.name, _on_clocks(end, cluster.zone, now))}{replaced}",
                "endpoint": actions.get(action, ""),
                "payload": {"clusters": [cluster.name], "until": until},
            }
    desired = schedule.desired_state(now)
    action = Action.STOP if desired is State.STOPPED else Action.START
    if is_held and isinstance(plan(cluster, action, Event(resume=True), now), Hold):
        says = f", which says {desired} now" if desired else ""
        yield {
            "label": "Back to schedule",
            "question": f"End the hold of {cluster.name} and give it back to its schedule{says}?",
            "endpoint": actions.get(action, ""),
            "payload": {"clusters": [cluster.name], "resume": True},
        }


def _offers(
    row: Row, schedule: Schedule, now: datetime, *, is_held: bool
) -> Iterator[tuple[Action, str, str, datetime]]:
    """What fits the hour: the action, the button's word, its question, and until when."""
    cluster, transition = row.cluster, schedule.next_transition(now)
    for_two_hours = end_of("2h", now, cluster.zone) or now
    if cluster.status == "stopped":
        if transition:
            yield Action.START, "Start", "Start {} now, until {}?", transition.at
        if not transition or transition.to is State.STOPPED or transition.at > for_two_hours:
            yield Action.START, "Start for 2 h", "Start {} now, until {}?", for_two_hours
    if cluster.status == "available":
        if transition:
            yield Action.STOP, "Stop", "Stop {} now, until {}?", transition.at
        keep, end = "Keep {} running until {}?", _stops(row, schedule, now)
        if end:
            yield Action.START, "2 h longer", keep, max(end + _TWO_HOURS, for_two_hours)
        if end and not is_held and (start := _next_start(schedule, end)) and start > end + _TWO_HOURS:
            yield Action.START, f"Until {_when(start, cluster.zone, now)}", keep, start


def _stops(row: Row, schedule: Schedule, now: datetime) -> datetime | None:
    """When the cluster is stopped next, if nobody does anything; None where it is not the next thing to come."""
    if row.entry["decision"] == Action.STOP:
        return now
    at = _upcoming(row, now)
    return at if at and _state_after(schedule, row.cluster.hold, at) is State.STOPPED else None


def _next_start(schedule: Schedule, after: datetime) -> datetime | None:
    first = schedule.next_transition(after)
    second = first and schedule.next_transition(first.at)
    return next((each.at for each in (first, second) if each and each.to is State.RUNNING), None)


def _on_clocks(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """19:00 Europe/Berlin (18:00 UTC), with its day where that is not today."""
    here, there = at.astimezone(zone), at.astimezone(UTC)
    text = f"{here:%H:%M} {zone.key}" if here.date() == now.astimezone(zone).date() else local(at, zone)
    if here.utcoffset() == there.utcoffset():
        return text
    form = "%H:%M" if here.date() == there.date() else "%a %H:%M"
    return f"{text} ({there:{form}} UTC)"


def _marks(now: datetime, clock: tzinfo) -> Iterator[dict[str, object]]:
    """The hours that the timeline marks; a day's first has the day's name."""
    at = (now - BEFORE).astimezone(clock).replace(minute=0, second=0, microsecond=0)
    at += timedelta(hours=_MARKED - at.hour % _MARKED)
    while at < now + COMING:
        yield {"x": _x(at, now), "label": f"{at:%H}" if at.hour else f"{at:%a}", "is_day": not at.hour}
        at += timedelta(hours=_MARKED)


def _x(at: datetime, now: datetime) -> int:
    return round(min(max((at - (now - BEFORE)) / (BEFORE + COMING), 0), 1) * WIDTH)


def _bars(spans: Iterable[Span], now: datetime, zone: ZoneInfo) -> Iterator[dict[str, object]]:
    for span in spans:
        x, end = _x(span.start, now), _x(span.end, now)
        if end > x:
            times = f"{span.start.astimezone(zone):%a %H:%M} to {span.end.astimezone(zone):%a %H:%M}"
            kind = str(span.state or "unknown")
            yield {"x": x, "width": end - x, "kind": kind, "is_plan": span.start >= now, "title": f"{kind} {times}"}


def _timeline_in_words(row: Row, now: datetime) -> str:
    """What the timeline shows, for those who can't see it."""
    spans = [span for span in row.spans if span.end > now - BEFORE]
    words = ["and so on"] if len(spans) > _MOST_SPANS else []
    for span in reversed(spans[:_MOST_SPANS]):
        kind = f"{'planned ' if span.start >= now else ''}{span.state or 'unknown'}"
        words.insert(0, f"{kind} from {span.start.astimezone(row.cluster.zone):%a %H:%M}")
    return f"{row.entry['cluster']}: {', '.join(words)}."
