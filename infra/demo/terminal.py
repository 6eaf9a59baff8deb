"""The week on a terminal, or as plain text if the output isn't one."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from demo.account import DAYS, NOTICE_MINUTES, START, WAITED_FOR, YOURS, Cluster
from demo.timeline import NOTES, Note, Row, Span, Timeline, both, figures
from office_hours.schedule import State

if TYPE_CHECKING:
    from demo.simulation import Week

# The character of a cell, by its left and right half: how much of each the cluster ran, and how much it should have. A
# low block is a half in which it started or stopped, but ran too little to count. A thin line is one in which it should
# have run in part.
_NOT, _PARTLY, _MOSTLY = range(3)
_HAPPENED = ("·▗▐", "▖▄▟", "▌▙█")
_WANTED = (" ╶╺", "╴─╼", "╸╾━")
_ASKED = {State.RUNNING: "↑", State.STOPPED: "↓"}
_VERBS = {State.RUNNING: "start", State.STOPPED: "stop"}
_ASCII = str.maketrans("█▌▐▟▙▄▖▗·━╸╺╾╼─╴╶↑↓", "#####:::.=====~~~^v")
_NAME = 16
_MARK = "bold reverse"
_RUNNING, _STOPPED, _WISH = "green", "bright_black", "cyan"


def show(console: Console, timeline: Timeline) -> None:
    """Print when each cluster ran and should have run, what that saved, and what happened at the chart's letters."""
    console.print()
    for line in _chart(timeline, console.width):
        console.print(_encodable(console, line), no_wrap=True, overflow="crop")
    console.print()
    console.print(_hours(timeline))
    console.print()
    console.print(Text(f"{NOTES}:", "bold"))
    for note in timeline.notes:
        decision = note.decision
        when = f"{decision.at:%a %d %b %H:%M} UTC"
        console.print(
            Text.assemble((note.mark, _MARK), f"  {when}  ", (decision.cluster, "bold"), f": {decision.reason}")
        )
        _indented(console, decision.command, decision.message)


def tell(console: Console, week: "Week") -> None:
    """Print the notice before the cluster with grace stopped late, and what untagged ones could save."""
    tuesdays = [each for each in week.notices if f"{WAITED_FOR} stops" in each][1]
    console.print(Text(f"\nMailed {NOTICE_MINUTES} minutes before a stop (noticeMinutes):", "bold"))
    *words, command = tuesdays.splitlines()
    _indented(console, *words)
    console.print(Text(f"   {command}"), soft_wrap=True)  # whole, so that it can be copied
    for each in week.suggestions:
        saved = f"{each['saved_hours_a_month']:,.0f} hours and ${each['saved_usd_a_month']:,.0f} a month"
        console.print(Text(f"\nSuggested for {each['cluster']}:", "bold"))
        _indented(console, f"{each['tag']}: saves {saved}. {each['note']}")
        _indented(console, "make suggest does this for your own account, and changes nothing there.")


def _indented(console: Console, *lines: str) -> None:
    for line in filter(None, lines):
        console.print(Padding(Text(line), (0, 0, 0, 3), expand=False))


def _encodable(console: Console, line: Text) -> Text:
    try:
        line.plain.encode(console.encoding)
    except UnicodeEncodeError:
        line.plain = line.plain.translate(_ASCII)
    return line


def _chart(timeline: Timeline, width: int) -> Iterator[Text]:
    per_day = max((cells for cells in (8, 12, 24) if _NAME + DAYS * cells <= width), default=6)
    days = (START + timedelta(days=day) for day in range(DAYS))
    hours = range(0, 24, 12 if per_day <= 8 else 6)
    yield Text("UTC".ljust(_NAME) + "".join(f"{day:%a %d}".ljust(per_day) for day in days), "bold")
    yield Text("hour".ljust(_NAME) + "".join(f"{hour:<{per_day // len(hours)}}" for hour in hours) * DAYS, "dim")
    for row in timeline.rows:
        marks = [note for note in timeline.notes if note.decision.cluster == row.cluster.name]
        name = _name(row.cluster)
        name.truncate(_NAME - 5, pad=True)
        yield Text.assemble(name, " ran ", _happened(row, per_day, marks))
        yield Text.assemble((f"{_wants(row):>{_NAME - 1}} ", "dim"), _wanted(row, per_day))


def _name(cluster: Cluster) -> Text:
    return Text(f"> {cluster.name}", "bold magenta") if cluster.name == YOURS else Text(cluster.name, "bold")


def _wants(row: Row) -> str:
    if asked := {edge.to for edge in row.asked}:
        return f"{', '.join(_VERBS[state] for state in _VERBS if state in asked)} at"
    if row.wanted:
        return "should run"
    return "no tag" if row.cluster.tag is None else "unreadable tag"


def _happened(row: Row, per_day: int, notes: list[Note]) -> Text:
    line = Text()
    ran, changed = ([span for span in row.stretches if span.state in kinds] for kinds in (("run", "over"), ("change",)))
    for left, right in _cells(ran, per_day, changed):
        glyph = _HAPPENED[left][right]
        line.append(glyph, _STOPPED if glyph == "·" else _RUNNING)
    for note in notes:
        cell = _cell(note.decision.at, per_day)
        line = Text.assemble(line[:cell], (note.mark, _MARK), line[cell + 1 :])
    return line


def _wanted(row: Row, per_day: int) -> Text:
    wanted = [span for span in row.wanted if span.state == State.RUNNING]
    glyphs = [_WANTED[left][right] for left, right in _cells(wanted, per_day, wanted)]
    for edge in row.asked:
        glyphs[_cell(edge.at, per_day)] = _ASKED[edge.to]
    return Text("".join(glyphs), _WISH)


def _cell(at: datetime, per_day: int) -> int:
    return int((at - START) / timedelta(days=1) * per_day)


def _cells(spans: Sequence[Span], per_day: int, traces: Sequence[Span] = ()) -> list[tuple[int, int]]:
    """For each half of each cell: whether the spans cover most of it or, if not, whether the traces cover any of it."""
    half = timedelta(days=1) / per_day / 2
    halves = [Span(START + half * number, START + half * (number + 1), "half") for number in range(DAYS * per_day * 2)]
    filled = [
        _MOSTLY if 2 * _hours_in(each, spans) > each.hours else _PARTLY if _hours_in(each, traces) else _NOT
        for each in halves
    ]
    return list(zip(filled[::2], filled[1::2], strict=True))


def _hours_in(one: Span, spans: Sequence[Span]) -> float:
    return sum(span.hours for span in both([one], spans))


def _hours(timeline: Timeline) -> Table:
    hours, share, saved = figures(timeline.total)
    table = Table(box=None, padding=(0, 2, 0, 0), show_footer=True, footer_style="bold")
    table.add_column("", "total", no_wrap=True)
    table.add_column("Stopped", hours, justify="right", no_wrap=True)
    table.add_column("", share, justify="right", no_wrap=True)
    table.add_column("Saved", saved, justify="right", no_wrap=True)
    table.add_column("Tag", "at the sample prices above")
    for row in timeline.rows:
        about = Text.assemble(row.cluster.tag or ("no tag", "dim"), (f"\n{row.cluster.about}", "dim"))
        table.add_row(_name(row.cluster), *figures(row.period), about)
    return table
