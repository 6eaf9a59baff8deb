"""The week on a terminal, or as plain text where the output is none."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from demo.account import END, START
from demo.timeline import NOTES, Note, Row, Span, Timeline, both
from office_hours.schedule import State

DAYS = (END - START).days
# A cell by its left and right half: how much of each the cluster runs, and how much of each is wanted. A low block is
# a half in which it starts or stops, and so runs too little to count; a thin line one that is wanted in part.
_NOT, _PARTLY, _MOSTLY = range(3)
_HAPPENED = ("·▗▐", "▖▄▟", "▌▙█")
_WANTED = (" ╶╺", "╴─╼", "╸╾━")
_OVER, _MISSED = "▓", "░"
_ASKED = {State.RUNNING: "↑", State.STOPPED: "↓"}
_ASCII = str.maketrans("█▌▐▟▙▄▖▗·▓░━╸╺╾╼─╴╶↑↓", "#####:::.+-=====~~~^v")
_NAME = 12
_MARK = "bold reverse"
_RUNNING, _WISH = "green", "cyan"
_STYLES = {"·": "bright_black", _OVER: "yellow", _MISSED: "red"}
_KEY = (
    (("█", _RUNNING, "running"), ("▄", _RUNNING, "starting or stopping"), ("·", "bright_black", "stopped")),
    ((_OVER, "yellow", "running though not wanted"), (_MISSED, "red", "stopped though wanted")),
    (("━", _WISH, "wanted by tag or hold"), ("─", _WISH, "in part"), ("a", _MARK, "see note a")),
    (("↑", _WISH, "start asked for once,"), ("↓", _WISH, "stop: what comes after is left to people")),
)


def show(console: Console, timeline: Timeline) -> None:
    """Print the timeline, the hours stopped and the notes."""
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
        for text in filter(None, (decision.command, decision.message)):
            console.print(Padding(Text(text), (0, 0, 0, 3), expand=False))


def _encodable(console: Console, line: Text) -> Text:
    try:
        line.plain.encode(console.encoding)
    except UnicodeEncodeError:
        line.plain = line.plain.translate(_ASCII)
    return line


def _chart(timeline: Timeline, width: int) -> Iterator[Text]:
    per_day = max((cells for cells in (8, 12, 24) if _NAME + DAYS * cells <= width), default=6)
    days = (START + timedelta(days=day) for day in range(DAYS))
    yield Text("UTC".ljust(_NAME) + "".join(f"{day:%a %d}".ljust(per_day) for day in days), "bold")
    for row in timeline.rows:
        marks = [note for note in timeline.notes if note.decision.cluster == row.cluster.name]
        yield Text.assemble((f"{row.cluster.name:{_NAME}.{_NAME - 1}}", "bold"), _happened(row, per_day, marks))
        yield Text.assemble((f"{_wants(row):{_NAME}}", "dim"), _wanted(row, per_day))
    yield Text()
    for line in _KEY:
        key = (part for glyph, style, meaning in line for part in ((glyph, style), f" {meaning}  "))
        yield Text.assemble(" " * _NAME, *key)


def _wants(row: Row) -> str:
    if row.wanted:
        return "  wanted"
    return "  untagged" if row.cluster.tag is None else "  unreadable"


def _happened(row: Row, per_day: int, notes: list[Note]) -> Text:
    line = Text()
    kinds = {
        kind: [span for span in row.stretches if span.state == kind] for kind in ("run", "over", "missed", "change")
    }
    full = (_MOSTLY, _MOSTLY)
    over, missed = _cells(kinds["over"], per_day), _cells(kinds["missed"], per_day)
    for cell, halves in enumerate(_cells([*kinds["run"], *kinds["over"]], per_day, kinds["change"])):
        glyph = _HAPPENED[halves[0]][halves[1]]
        if over[cell] == full:
            glyph = _OVER
        if missed[cell] == full:
            glyph = _MISSED
        line.append(glyph, _STYLES.get(glyph, _RUNNING))
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
    """For each half of each cell: whether the spans take most of it, or else any of the traces a part."""
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
    table = Table(box=None, padding=(0, 2, 0, 0), show_footer=True, footer_style="bold")
    table.add_column("Hours stopped", "in all", no_wrap=True)
    table.add_column("", f"{timeline.hours_stopped:,.0f} h", justify="right", no_wrap=True)
    table.add_column("", f"{timeline.share_stopped:.0%}", justify="right", no_wrap=True)
    table.add_column("Tag")
    for row in timeline.rows:
        name, tag = Text(row.cluster.name, "bold"), row.cluster.tag
        about = Text.assemble(tag or ("no tag", "dim"), (f"\n{row.cluster.about}", "dim"))
        table.add_row(name, f"{row.hours_stopped:.0f} h", f"{row.share_stopped:.0%}", about)
    return table
