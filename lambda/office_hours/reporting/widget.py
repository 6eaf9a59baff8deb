"""What a CloudWatch dashboard shows: our own HTML and SVG, without scripts. Everything else in it is escaped.

CloudWatch strips scripts, <iframe> and <use>, and styles buttons of the class `btn`; a <cwdb-action> makes the element
before it call a function, which gets what the widget's form holds as `widgetContext.forms.all`.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
https://github.com/aws-samples/cloudwatch-custom-widgets-samples (logsInsightsQuery has a form)
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader

from office_hours.answer import Answer
from office_hours.clock import local
from office_hours.command import plan
from office_hours.decision import Action, Reason
from office_hours.event import Event
from office_hours.hold import Hold
from office_hours.reporting.hours import hours_in
from office_hours.reporting.status import COMING, PAST, PROBLEMS, Row, Status
from office_hours.reporting.suggest import Suggestions
from office_hours.schedule import Schedule, State

WIDTH = 720  # of the timeline, in its own units: ten an hour
_TWO_HOURS = timedelta(hours=2)
# What the form can show: its words, and which rows these are.
_KINDS: Mapping[str, tuple[str, Callable[[Row], object]]] = {
    "": ("all states", lambda _: True),
    "attention": ("need attention", lambda row: row.problems),
    "running": ("running", lambda row: row.cluster.status == "available"),
    "stopped": ("stopped", lambda row: row.cluster.status == "stopped"),
    "other": ("other states", lambda row: row.cluster.status not in ("available", "stopped")),
    "exception": ("held or by hand", lambda row: row.decision.reason in (Reason.HELD, Reason.CHANGED_BY_HAND)),
}
_TEMPLATES = FileSystemLoader(Path(__file__).with_name("templates"))
PAGES = Environment(loader=_TEMPLATES, autoescape=True, trim_blocks=True, lstrip_blocks=True)


def status_page(status: Status, rows: Sequence[Row], context: Mapping[str, Any]) -> str:
    """The widget: a summary, what needs attention, then a line for each cluster that its form lets through.

    context: CloudWatch's `widgetContext`.
    """
    now, form = datetime.fromisoformat(status["time"]), context.get("forms", {}).get("all", {})
    part, kind = form.get("cluster", "").strip(), form.get("state", "").strip()
    kinds = {each: (words, [row for row in rows if is_one(row)]) for each, (words, is_one) in _KINDS.items()}
    named = ((row, row.cluster.identifier, row.cluster.account.lower()) for row in kinds.get(kind, ("", []))[1])
    chosen = [row for row, *names in named if any(part.lower() in name for name in names)]
    # The most urgent first; a row's own problems are in that order.
    chosen.sort(key=lambda row: PROBLEMS.index(row.problems[0]["problem"]) if row.problems else len(PROBLEMS))
    # The dashboard's own time zone, which its viewer has chosen; the rows have none in common.
    clock = datetime.strptime(context.get("timezone", {}).get("offsetISO", "Z"), "%z").tzinfo
    midnight = (now - PAST).astimezone(clock).replace(hour=0, minute=0, second=0, microsecond=0)
    every_six_hours = [midnight + timedelta(hours=hours) for hours in range(0, 96, 6)]
    past = [span for row in rows for span in row.spans if span.start < now]
    return PAGES.get_template("status.html").render(
        status=status,
        rows=rows,
        chosen=chosen,
        kinds=kinds,
        part=part,
        kind=kind,
        # The ARNs of the functions that the buttons call, by `stop` and `start`.
        actions=json.loads(os.environ.get("OFFICE_HOURS_ACTIONS", "{}")),
        stopped=hours_in(past, State.STOPPED),
        running=hours_in(past, State.RUNNING),
        now=now,
        marks=[at for at in every_six_hours if now - PAST < at < now + COMING],
        x=_x,
        width=WIDTH,
        theme=context.get("theme"),
        time=f"{now.astimezone(clock):%a %d %b %H:%M} {clock}",
        # What the template asks about a row, and how it writes a time.
        buttons_of=_buttons_of,
        local=local,
        when=_when,
    )


def suggestions_page(answer: Suggestions, context: Mapping[str, Any]) -> str:
    """What untagged clusters could save. `context` is CloudWatch's `widgetContext`."""
    return PAGES.get_template("suggestions.html").render(answer=answer, theme=context.get("theme"))


def answer_page(answer: Answer) -> str:
    """What a button's popup says: a sentence for each of the `clusters`, or each of the `mistakes`."""
    return PAGES.get_template("answer.html").render(answer)


def _when(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """18:00, Wed 08:00 or 24 Dec 08:00."""
    here, today = at.astimezone(zone), now.astimezone(zone).date()
    days = (here.date() - today).days
    return f"{here:%H:%M}" if not days else f"{here:%a %H:%M}" if days < 7 else f"{here:%d %b %H:%M}"


def _buttons_of(row: Row, now: datetime) -> Iterator[dict[str, object]]:
    """A button for each command that would be accepted, with the very instant that it asks about."""
    cluster, zone = row.cluster, row.cluster.zone
    start = f"Start {cluster.name} now," if cluster.status == "stopped" else f"Keep {cluster.name} running"
    replaced = f" This replaces its hold ({row.entry['hold']})." if "hold" in row.entry else ""
    for action, label, end in _offers(row, cluster.schedule, now) if cluster.schedule else ():
        until, question = None, f"End the hold of {cluster.name} and give it back to its schedule?"
        if end:
            until = end.astimezone(zone).isoformat(timespec="minutes")
            does = start if action is Action.START else f"Stop {cluster.name} now,"
            question = f"{does} until {local(end, zone)}?{replaced}"
        if isinstance(plan(cluster, action, Event(until=until, resume=not until), now), Hold):
            payload = {"clusters": [cluster.name], **({"until": until} if until else {"resume": True})}
            yield {"action": action, "label": label, "question": question, "payload": payload}


def _offers(row: Row, schedule: Schedule, now: datetime) -> Iterator[tuple[Action, str, datetime | None]]:
    """The buttons that make sense now: action, label, and until when; None ends the hold."""
    action = {"stopped": Action.START, "available": Action.STOP}.get(row.cluster.status)
    if action and (transition := schedule.next_transition(now)):
        yield action, action.capitalize(), transition.at
    if action is Action.START:
        yield Action.START, "Start for 2 h", now + _TWO_HOURS
    stop = row.upcoming.start if row.upcoming and row.upcoming.state is State.STOPPED else None
    if row.decision.action is Action.STOP:
        stop = now
    if action is Action.STOP and stop:
        yield Action.START, "2 h longer", stop + _TWO_HOURS
        start, is_held = schedule.next_transition(stop), row.decision.reason is Reason.HELD
        if start and start.to is State.RUNNING and start.at > stop + _TWO_HOURS and not is_held:
            yield Action.START, f"Until {_when(start.at, schedule.zone, now)}", start.at
    if "hold" in row.entry:  # now or later
        action = Action.STOP if schedule.desired_state(now) is State.STOPPED else Action.START
        yield action, "Back to schedule", None


def _x(at: datetime, now: datetime) -> int:
    return round((at - (now - PAST)) / (PAST + COMING) * WIDTH)
