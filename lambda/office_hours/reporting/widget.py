"""What a CloudWatch dashboard shows: HTML and SVG of our own making, without scripts. Everything else in it is escaped.

CloudWatch strips scripts, <iframe> and <use>, and styles buttons of the class `btn`; a <cwdb-action> makes the element
before it call a function.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader

from office_hours.command import clock
from office_hours.decision import Reason
from office_hours.event import Until
from office_hours.hours import Span
from office_hours.status import COMING, PAST, Row, Status

if TYPE_CHECKING:
    from jinja2 import Template

    from office_hours.run import Entry

WIDTH = 700  # of the timeline's own units, a hundred a day
EVENING = "20:00"
# Below this many pixels there is no room for the timeline beside the rest.
NARROW = 900
_DAY = timedelta(days=1)
# What can be asked for in a status: the function, the button's word, and its question.
_COMMANDS = {
    "available": (("stop", "Stop", "Stop {} now, until {}?"), ("start", "Keep", "Keep {} running until {}?")),
    "stopped": (("start", "Start", "Start {} now, until {}?"),),
}
_LEFT_ALONE = (Reason.INVALID_TAG, Reason.INELIGIBLE)
# A sign beside each word, so that nothing is told by colour alone.
_SIGNS = {"available": "▶", "stopped": "■"}
_TITLES = {
    Reason.INVALID_TAG: "Tag cannot be read",
    "overdue": "Overdue",
    Reason.INELIGIBLE: "Cannot be stopped",
    "automatic-restart": "AWS is about to start it",
    "failure": "Could not be read",
}


@dataclass(frozen=True)
class Button:
    """A button that commands a cluster: what it says, what it asks first, whom it calls, and with what."""

    label: str
    question: str
    endpoint: str
    payload: dict[str, object]


@dataclass(frozen=True)
class Bar:
    """A stretch of the timeline, from `x` on, so wide. kind: `running`, `stopped` or `unknown`."""

    x: int
    width: int
    kind: str


@cache
def _template(name: str) -> "Template":
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def status_page(status: Status, rows: Sequence[Row], context: Mapping[str, object], actions: Mapping[str, str]) -> str:
    """The widget: what somebody should see to, then a row for each cluster.

    context: CloudWatch's `widgetContext`.
    actions: the ARNs of the functions that the buttons call, by `stop` and `start`.
    """
    now = datetime.fromisoformat(status["time"])
    width = context.get("width")
    return _template("status.html").render(
        problems=[(_TITLES[problem["problem"]], problem) for problem in status["problems"]],
        rows=[
            {
                "entry": row.entry,
                "sign": _SIGNS.get(row.entry["status"], "◆"),
                "next": _next(row),
                "size": ", ".join(_sizes(row.entry["instances"])),
                "bars": list(bars(row.spans, now)),
                "words": _timeline_in_words(row, now),
                "buttons": list(buttons(row, actions, now)),
            }
            for row in rows
        ],
        counts=_counts(status),
        days=list(_days(now)),
        now_at=_x(now, now),
        total_width=WIDTH,
        narrow=isinstance(width, int | float) and width < NARROW,
        theme="dark" if context.get("theme") == "dark" else "light",
        time=f"{now:%a %Y-%m-%d %H:%M} UTC",
    )


def answer_page(title: str, entries: Iterable["Entry"] = (), mistakes: Sequence[str] = ()) -> str:
    """What a button's popup says: a sentence for each cluster, or each mistake."""
    return _template("answer.html").render(title=title, entries=list(entries), mistakes=mistakes)


def bars(spans: Iterable[Span], now: datetime) -> Iterable[Bar]:
    """The spans on the timeline; those that are too short to be seen are left out."""
    for span in spans:
        start, end = _x(span.start, now), _x(span.end, now)
        if end > start:
            yield Bar(start, end - start, str(span.state or "unknown"))


def buttons(row: Row, actions: Mapping[str, str], now: datetime) -> Iterable[Button]:
    """The buttons that make sense for a cluster as it is: none where it is left alone whatever is asked."""
    entry, name, zone = row.entry, row.cluster.name, row.cluster.zone
    if entry["reason"] in _LEFT_ALONE:
        return
    for action, verb, question in _COMMANDS.get(entry["status"], ()):
        # Without an end of its own, a command ends at the schedule's next transition, if there is one.
        if entry["next"] and "hold" not in entry and verb != "Keep":
            end = clock(datetime.fromisoformat(entry["next"]), zone, now)
            yield Button(verb, question.format(name, end), actions.get(action, ""), {"clusters": [name]})
        if evening := Until(EVENING).instant(now, zone):
            payload: dict[str, object] = {"clusters": [name], "until": EVENING}
            asked = question.format(name, clock(evening, zone, now))
            yield Button(f"{verb} until {EVENING}", asked, actions.get(action, ""), payload)


def _x(at: datetime, now: datetime) -> int:
    return round((at - (now - PAST)) / (PAST + COMING) * WIDTH)


def _days(now: datetime) -> Iterable[dict[str, object]]:
    """The midnights on the timeline, in UTC, which is what the rows have in common."""
    at = (now - PAST).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
    while at < now + COMING:
        yield {"x": _x(at, now), "label": f"{at:%a %d}"}
        at += _DAY


def _sizes(classes: Sequence[str]) -> Iterable[str]:
    for each in dict.fromkeys(classes):
        count = classes.count(each)
        yield f"{count} x {each or 'unknown'}" if count > 1 else each or "unknown"


def _next(row: Row) -> str:
    if not row.entry["next"]:
        return ""
    at = datetime.fromisoformat(row.entry["next"]).astimezone(row.cluster.zone)
    return f"{at:%a %d %b %H:%M} {row.cluster.zone.key}"


def _timeline_in_words(row: Row, now: datetime) -> str:
    """What the timeline shows, for who does not see it."""

    def told(spans: Iterable[Span]) -> str:
        zone = row.cluster.zone
        return ", ".join(f"{span.state or 'unknown'} from {span.start.astimezone(zone):%a %H:%M}" for span in spans)

    past = told(span for span in row.spans if span.start < now)
    coming = told(span for span in row.spans if span.start >= now)
    return f"{row.entry['cluster']}. The past three days: {past}. The coming four: {coming or 'unknown'}."


def _counts(status: Status) -> str:
    running = sum(entry["status"] == "available" for entry in status["clusters"])
    stopped = sum(entry["status"] == "stopped" for entry in status["clusters"])
    other = len(status["clusters"]) - running - stopped
    return f"{running} running, {stopped} stopped" + (f", {other} changing" if other else "")
