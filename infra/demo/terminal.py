"""The week on a terminal, or as plain text where the output is none."""

from collections.abc import Iterator
from datetime import timedelta

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from demo.account import END, START
from demo.timeline import Note, Row, Span, Timeline, both

DAYS = (END - START).days
# A cell by its left and right half, each running (True) or not.
_HAPPENED = {(True, True): "█", (True, False): "▌", (False, True): "▐", (False, False): "·"}
_WANTED = {(True, True): "━", (True, False): "╸", (False, True): "╺", (False, False): " "}
_UNWANTED_RUNNING, _UNWANTED_STOPPED = "▓", "░"
_ASCII = str.maketrans("█▌▐·▓░━╸╺", "###.+-===")
_NAME = 12
_MARK = "bold reverse"
_STYLES = {"█": "green", "▌": "green", "▐": "green", "·": "bright_black", "▓": "yellow", "░": "red", "━": "cyan"}
_KEY = (("█", "running"), ("▓", "unwanted"), ("·", "stopped"), ("░", "unwanted"), ("━", "wanted"))


def show(console: Console, timeline: Timeline) -> None:
    """Print the timeline, the hours saved and the notes."""
    console.print()
    for line in _chart(timeline, console.width):
        console.print(_encodable(console, line), no_wrap=True, overflow="crop")
    console.print()
    console.print(_hours(timeline))
    console.print()
    console.print(Text("Not a matter of routine, each for the first time:", "bold"))
    for note in timeline.notes:
        decision = note.decision
        when = f"{decision.at:%a %d %b %H:%M}"
        console.print(
            Text.assemble((note.mark, _MARK), f"  {when}  ", (decision.cluster, "bold"), f": {decision.reason}")
        )
        console.print(Padding(Text(decision.message), (0, 0, 0, 3), expand=False))


def _encodable(console: Console, line: Text) -> Text:
    try:
        line.plain.encode(console.encoding)
    except UnicodeEncodeError:
        line.plain = line.plain.translate(_ASCII)
    return line


def _chart(timeline: Timeline, width: int) -> Iterator[Text]:
    per_day = max((cells for cells in (8, 12, 24) if _NAME + DAYS * cells <= width), default=6)
    days = (START + timedelta(days=day) for day in range(DAYS))
    yield Text(" " * _NAME + "".join(f"{day:%a %d}".ljust(per_day) for day in days), "bold")
    for row in timeline.rows:
        marks = [note for note in timeline.notes if note.decision.cluster == row.cluster.name]
        yield Text.assemble((f"{row.cluster.name:{_NAME}.{_NAME - 1}}", "bold"), _happened(row, per_day, marks))
        yield Text.assemble((f"{_wants(row):{_NAME}}", "dim"), _wanted(row, per_day))
    yield Text()
    key = (part for glyph, meaning in _KEY for part in ((glyph, _STYLES[glyph]), f" {meaning}  "))
    yield Text.assemble(" " * _NAME, *key, ("a", _MARK), " below")


def _wants(row: Row) -> str:
    if row.wanted:
        return "  wanted"
    return "  untagged" if row.cluster.tag is None else "  unreadable"


def _happened(row: Row, per_day: int, notes: list[Note]) -> Text:
    line = Text()
    wanted = _cells(row.wanted, per_day)
    for cell, halves in enumerate(_cells(row.happened, per_day)):
        glyph = _HAPPENED[halves]
        if row.wanted and glyph == "█" and not any(wanted[cell]):
            glyph = _UNWANTED_RUNNING
        if row.wanted and glyph == "·" and all(wanted[cell]):
            glyph = _UNWANTED_STOPPED
        line.append(glyph, _STYLES[glyph])
    for note in notes:
        cell = int((note.decision.at - START) / timedelta(days=1) * per_day)
        line = Text.assemble(line[:cell], (note.mark, _MARK), line[cell + 1 :])
    return line


def _wanted(row: Row, per_day: int) -> Text:
    return Text("".join(_WANTED[halves] for halves in _cells(row.wanted, per_day)), _STYLES["━"])


def _cells(spans: tuple[Span, ...], per_day: int) -> list[tuple[bool, bool]]:
    """For each half of each cell: whether the cluster runs for the better part of it."""
    half = timedelta(days=1) / per_day / 2
    halves = [Span(START + half * number, START + half * (number + 1), "half") for number in range(DAYS * per_day * 2)]
    running = [span for span in spans if not span.stopped]
    runs = [sum(span.hours for span in both([each], running)) > each.hours / 2 for each in halves]
    return list(zip(runs[::2], runs[1::2], strict=True))


def _hours(timeline: Timeline) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_footer=True, footer_style="bold")
    table.add_column("Hours saved", "in all", no_wrap=True)
    table.add_column("", f"{timeline.hours_stopped:,.0f} h", justify="right", no_wrap=True)
    table.add_column("", f"{timeline.share_stopped:.0%}", justify="right", no_wrap=True)
    table.add_column("Tag")
    for row in timeline.rows:
        name, tag = Text(row.cluster.name, "bold"), row.cluster.tag
        about = Text.assemble(tag or ("no tag", "dim"), (f"\n{row.cluster.about}", "dim"))
        table.add_row(name, f"{row.hours_stopped:.0f} h", f"{row.share_stopped:.0%}", about)
    return table
