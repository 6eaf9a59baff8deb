"""What a CloudWatch dashboard shows: HTML and SVG of our own making, without scripts. Everything else in it is escaped.

CloudWatch strips scripts, <iframe> and <use>, and styles buttons of the class `btn`; a <cwdb-action> makes the element
before it call a function.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, Template

from office_hours.answer import Entry
from office_hours.clock import local
from office_hours.command import plan
from office_hours.decision import Action
from office_hours.event import Event, end_of
from office_hours.hold import Hold
from office_hours.reporting.hours import Span
from office_hours.reporting.status import COMING, PAST, PROBLEMS, Row, Status
from office_hours.schedule import Schedule

WIDTH = 700  # of the timeline's own units, a hundred a day
EVENING = "20:00"
# Below this many pixels there is no room for the timeline beside the rest.
NARROW = 900
# A row is up to 20 KB of HTML, and Lambda answers with 6 MB at most.
_MOST_ROWS, _MOST_PROBLEMS, _MOST_SPANS = 200, 100, 20
# What can be done in a status: the function, the button's word, and its question.
_COMMANDS = {
    "available": ((Action.STOP, "Stop", "Stop {} now, until {}?"), (Action.START, "Keep", "Keep {} running until {}?")),
    "stopped": ((Action.START, "Start", "Start {} now, until {}?"),),
}


@cache
def _template(name: str) -> Template:
    loader = FileSystemLoader(Path(__file__).with_name("templates"))
    return Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True).get_template(name)


def status_page(status: Status, rows: Sequence[Row], context: object, actions: Mapping[str, str]) -> str:
    """The widget: what needs attention, then a row for each cluster, those that need attention first.

    context: CloudWatch's `widgetContext`.
    actions: the ARNs of the functions that the buttons call, by `stop` and `start`.
    """
    context = context if isinstance(context, dict) else {}
    now, width, problems = datetime.fromisoformat(status["time"]), context.get("width"), status["problems"]
    urgent = sorted(rows, key=lambda row: min([PROBLEMS.index(each["problem"]) for each in row.problems] or [99]))
    first = (now - PAST).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    # In UTC, which is what the rows have in common.
    midnights = [first + timedelta(days=day) for day in range(1, (PAST + COMING).days + 1)]
    return _template("status.html").render(
        problems=problems[:_MOST_PROBLEMS],
        more_problems=len(problems) + status.get("more_problems", 0) - _MOST_PROBLEMS,
        denied=status.get("denied_regions", []),
        rows=[_shown(row, actions, now) for row in urgent[:_MOST_ROWS]],
        clusters=len(rows),
        counts=Counter(row.entry["status"] for row in rows),
        days=[{"x": _x(at, now), "label": f"{at:%a %d}"} for at in midnights],
        now_at=_x(now, now),
        total_width=WIDTH,
        narrow=isinstance(width, int | float) and width < NARROW,
        theme="dark" if context.get("theme") == "dark" else "light",
        time=f"{now:%a %Y-%m-%d %H:%M} UTC",
    )


def _shown(row: Row, actions: Mapping[str, str], now: datetime) -> dict[str, object]:
    """What the template has of a row."""
    entry, sizes = row.entry, Counter(each or "unknown" for each in row.entry["instances"])
    upcoming = datetime.fromisoformat(entry["next"]).astimezone(row.cluster.zone) if entry["next"] else None
    bars = [(_x(span.start, now), _x(span.end, now), str(span.state or "unknown")) for span in row.spans]
    return {
        "entry": entry,
        "next": f"{upcoming:%a %d %b %H:%M} {row.cluster.zone.key}" if upcoming else "none",
        "size": ", ".join(f"{count} x {each}" if count > 1 else each for each, count in sizes.items()),
        "bars": [{"x": x, "width": end - x, "kind": kind} for x, end, kind in bars if end > x],
        "words": _timeline_in_words(row, now),
        "buttons": list(_buttons(row, actions, now)),
    }


def answer_page(title: str, entries: Iterable[Entry] = (), mistakes: Sequence[str] = ()) -> str:
    """What a button's popup says: a sentence for each cluster, or each mistake."""
    return _template("answer.html").render(title=title, entries=list(entries), mistakes=mistakes)


def _buttons(row: Row, actions: Mapping[str, str], now: datetime) -> Iterator[dict[str, object]]:
    """A button for each command that would be obeyed, with the very instant that it asks about."""
    cluster, zone = row.cluster, row.cluster.zone
    ends = [(" until {}", end_of(EVENING, now, zone))]
    if isinstance(cluster.schedule, Schedule) and (transition := cluster.schedule.next_transition(now)):
        ends.insert(0, ("", transition.at))
    for action, verb, question in _COMMANDS.get(row.entry["status"], ()):
        for label, end in ends:
            # To keep it running until its schedule stops it is no command.
            if end is None or (verb == "Keep" and not label):
                continue
            until = end.astimezone(zone)
            text, is_today = until.isoformat(timespec="minutes"), until.date() == now.astimezone(zone).date()
            if isinstance(plan(cluster, action, Event(until=text), now), Hold):
                yield {
                    "label": verb + label.format(EVENING if is_today else f"tomorrow {EVENING}"),
                    "question": question.format(cluster.name, _on_clocks(end, zone, now)),
                    "endpoint": actions.get(action, ""),
                    "payload": {"clusters": [cluster.name], "until": text},
                }


def _on_clocks(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """19:00 Europe/Berlin (18:00 UTC), with its day where that is not today."""
    here, there = at.astimezone(zone), at.astimezone(UTC)
    text = f"{here:%H:%M} {zone.key}" if here.date() == now.astimezone(zone).date() else local(at, zone)
    if here.utcoffset() == there.utcoffset():
        return text
    form = "%H:%M" if here.date() == there.date() else "%a %H:%M"
    return f"{text} ({there:{form}} UTC)"


def _x(at: datetime, now: datetime) -> int:
    return round((at - (now - PAST)) / (PAST + COMING) * WIDTH)


def _timeline_in_words(row: Row, now: datetime) -> str:
    """What the timeline shows, for those who can't see it."""

    def words(spans: Sequence[Span]) -> str:
        times = [f"{span.state or 'unknown'} from {span.start.astimezone(row.cluster.zone):%a %H:%M}" for span in spans]
        return ", ".join([*times[:_MOST_SPANS], *(["and so on"] if len(times) > _MOST_SPANS else [])]) or "unknown"

    past = words([span for span in row.spans if span.start < now])
    coming = words([span for span in row.spans if span.start >= now])
    return f"{row.entry['cluster']}. The past three days: {past}. The coming four: {coming}."
