"""The week as one self-contained HTML file: no script, no font, no network."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from html import escape
from urllib.parse import quote

from demo.account import DAYS, END, START, YOURS
from demo.timeline import NOTES, Row, Span, Timeline, figures
from office_hours.reporting.hours import Period
from office_hours.schedule import State, Transition

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2733; --faint: #5f6d7c; --line: #dfe4ea; --off: #e9edf1;
  --run: #2f9e62; --change: #8a4fbf; --over: #e0a100; --missed: #d64545; --wish: #3b82c4; }
@media (prefers-color-scheme: dark) { :root { --paper: #14191f; --ink: #e4e9ee; --faint: #93a1b0; --line: #2c3540;
  --off: #252d36; --run: #3fb777; --change: #c08cf0; --over: #e6b422; --missed: #ef6b6b; --wish: #63a9e8; } }
body { margin: 2rem auto; max-width: 90rem; padding: 0 1.5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
p { margin: .3rem 0; }
.faint, small, code { color: var(--faint); }
code { font: 12px ui-monospace, monospace; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-top: 1px solid var(--line); }
thead th { border: 0; color: var(--faint); font-weight: normal; }
tfoot td { font-weight: 600; }
.cluster { width: 21rem; min-width: 13rem; }
.bar { min-width: 32rem; position: relative; vertical-align: middle; }
.bar svg { display: block; width: 100%; height: 30px; }
.bar .mark { position: absolute; top: calc(50% - 15px); transform: translateX(-50%); }
.hours { text-align: right; white-space: nowrap; padding-right: 0; width: 11rem; font-variant-numeric: tabular-nums; }
.hours span { display: inline-block; width: 3.6rem; }
.days { display: flex; }
.days span { flex: 1; }
.days small { display: flex; font-size: 10px; }
.days i { flex: 1; font-style: normal; }
.yours { background: color-mix(in srgb, var(--wish) 14%, transparent); }
.when { white-space: nowrap; }
.mark { background: var(--ink); color: var(--paper); border-radius: 50%; display: inline-block; width: 1.25rem;
  font: 600 11px/1.25rem system-ui, sans-serif; text-align: center; }
.off { fill: var(--off); background: var(--off); }
.run { fill: var(--run); background: var(--run); }
.change { fill: var(--change); background: var(--change); }
.over { fill: var(--over); background: var(--over); }
.missed { fill: var(--missed); background: var(--missed); }
.wish { fill: var(--wish); background: var(--wish); }
svg .change { stroke: var(--change); stroke-width: 1.5px; vector-effect: non-scaling-stroke; }
line { stroke: var(--paper); stroke-width: 24; }
line.hour { stroke-width: 8; opacity: .6; }
.key i { display: inline-block; width: 1.4rem; height: .7rem; margin: 0 .4rem 0 1.2rem; }
.wish-text { color: var(--wish); margin-left: 1.2rem; }
.key .wish { height: .25rem; }
"""
_KEY = {
    "run": "running",
    "change": "starting or stopping",
    "over": "running, but should be stopped",
    "missed": "stopped, but should be running",
    "off": "stopped",
    "wish": "should run, by its tag or a hold",
}
_QUARTERS = "".join(f"<i>{hour:02}</i>" for hour in range(0, 24, 6))


def page(timeline: Timeline, about: Iterable[str], log: str) -> str:
    """The whole document. `about` says what was simulated; `log` is the name of the log file next to it."""
    days = (START + timedelta(days=day) for day in range(DAYS))
    return f"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Aurora Office Hours: a simulated week and a day</title>
<style>{_STYLE}</style>
<h1>Aurora Office Hours: a simulated week and a day</h1>
{"".join(f"<p>{escape(line)}</p>" for line in about)}
<div class="wide"><table>
<thead><tr><th class="cluster">Cluster <small>(days and times: UTC)</small><th class="bar"><div class="days">{
        "".join(f"<span>{day:%a %d}<small>{_QUARTERS}</small></span>" for day in days)
    }</div><th class="hours">Stopped, saved<br><small>at sample prices</small></thead>
<tbody>{"".join(_row(row, timeline) for row in timeline.rows)}</tbody>
<tfoot><tr><td>All<td><td class="hours">{_figures(timeline.total)}</tfoot>
</table></div>
<p class="key faint">{"".join(f'<i class="{kind}"></i>{meaning}' for kind, meaning in _KEY.items())}
<span class="wish-text">▲ ▼</span> start, stop of a one-sided schedule: what people do afterwards is left alone</p>
<h2>{NOTES}</h2>
<div class="wide"><table>{"".join(_notes(timeline))}</table></div>
<p class="faint">Every line that the functions logged: <a href="{quote(log)}">{escape(log)}</a></p>
</html>
"""


def _row(row: Row, timeline: Timeline) -> str:
    tag = "<small>no tag</small>" if row.cluster.tag is None else f"<code>{escape(row.cluster.tag)}</code>"
    marks = "".join(
        f'<span class="mark" style="left:{_minutes(note.decision.at) / _minutes(END):.2%}">{note.mark}</span>'
        for note in timeline.notes
        if note.decision.cluster == row.cluster.name
    )
    kind = ' class="yours"' if row.cluster.name == YOURS else ""
    return f"""
<tr{kind}><td class="cluster"><b>{escape(row.cluster.name)}</b> <small>{escape(row.cluster.about)}</small><br>{tag}
<td class="bar"><svg viewBox="0 0 {_minutes(END)} 30" preserveAspectRatio="none">{"".join(_bars(row))}</svg>{marks}
<td class="hours">{_figures(row.period)}"""


def _figures(period: Period) -> str:
    return "".join(f"<span>{figure}</span>" for figure in figures(period))


def _bars(row: Row) -> Iterator[str]:
    for span in row.stretches:
        yield _rect(span.state, span)
    for span in row.wanted:
        if span.state == State.RUNNING:
            yield _rect("wish", span, top=24, height=4)
    for edge in row.asked:
        yield _arrow(edge)
    for quarter in range(1, DAYS * 4):
        kind = ' class="hour"' if quarter % 4 else ""
        yield f'<line{kind} x1="{quarter * 360}" x2="{quarter * 360}" y1="0" y2="30"/>'


def _rect(kind: str, span: Span, top: int = 0, height: int = 20) -> str:
    start, end = _minutes(span.start), _minutes(span.end)
    title = f"{_KEY[kind]}: {span.start:%a %d %b %H:%M} to {span.end:%a %d %b %H:%M} UTC"
    shape = f'class="{kind}" x="{start}" width="{end - start}" y="{top}" height="{height}"'
    return f"<rect {shape}><title>{title}</title></rect>"


def _arrow(edge: Transition) -> str:
    """An edge of a one-sided schedule, which changes the state once."""
    at, (base, tip) = _minutes(edge.at), (22, 29) if edge.to == State.STOPPED else (29, 22)
    title = f"due to be {edge.to}: {edge.at:%a %d %b %H:%M} UTC"
    return f'<path class="wish" d="M{at - 70} {base}h140L{at} {tip}z"><title>{title}</title></path>'


def _notes(timeline: Timeline) -> Iterator[str]:
    for note in timeline.notes:
        decision = note.decision
        command = f"<code>{escape(decision.command)}</code><br>" if decision.command else ""
        yield f"""
<tr><td><span class="mark">{note.mark}</span><td class="when">{decision.at:%a %d %b %H:%M} UTC
<td class="when"><b>{escape(decision.cluster)}</b><td class="when">{escape(decision.reason)}
<td>{command}{escape(decision.message)}"""


def _minutes(at: datetime) -> int:
    return int((at - START) / timedelta(minutes=1))
