"""The results as a picture, with colours that can be seen on white and on black."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.results import Results

PICTURE = Path(__file__).with_name("speed.svg")
OURS, FLOOR, CUSTODIAN, TEXT = "#2f81f7", "#c98a1b", "#c9489a", "#7d8590"
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "speed",  # the same figures give the same file
    "font.family": "sans-serif",
    "font.size": 10,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), TEXT),
    **dict.fromkeys(("xtick.minor.size", "ytick.minor.size"), 0),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": TEXT,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 9,
}


def draw(results: Results, to: Path = PICTURE) -> None:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        runs, look_ups = figure.subplots(1, 2)
        _draw_runs(runs, results)
        _draw_look_ups(look_ups, results)
        for axes in (runs, look_ups):
            axes.set(xscale="log", yscale="log", xlabel="clusters")
            axes.grid(visible=True, which="major")
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.yaxis.set_major_formatter("{x:g} s")
            axes.legend()
        figure.savefig(to, transparent=True, metadata={"Date": None, "Creator": None})


def _draw_runs(axes: mpl.axes.Axes, results: Results) -> None:
    axes.set_title("A run")
    for share, style in ((0.1, "-"), (0, ":")):
        chosen = [(scenario, pairs) for scenario, pairs in results.runs if scenario.due == scenario.clusters * share]
        words = "a tenth due" if share else "nothing due"
        for name, colour, which in (("boto3 alone", FLOOR, "first"), ("office hours", OURS, "second")):
            axes.plot(
                [scenario.clusters for scenario, _ in chosen],
                [sorted(run.wall for run in getattr(pairs, which))[len(pairs.first) // 2] for _, pairs in chosen],
                style,
                color=colour,
                marker="o",
                markersize=4,
                label=f"{name}, {words}",
            )
    if results.custodian:
        scenario, _, pairs = results.custodian
        middle = sorted(run.wall for run in pairs.first)[len(pairs.first) // 2]
        axes.plot([scenario.clusters], [middle], "D", color=CUSTODIAN, label="Cloud Custodian, a tenth due")


def _draw_look_ups(axes: mpl.axes.Axes, results: Results) -> None:
    axes.set_title("Reading the events of some clusters")
    clusters, seconds, _ = zip(*results.crossover.single, strict=True)
    axes.plot(clusters, seconds, color=OURS, marker="o", markersize=4, label="a look-up for each")
    shown = [line for line in results.crossover.whole if line[0] in (100, 500, 2000)]
    for (events, taken, _), style in zip(shown, ("-", "--", ":"), strict=False):
        axes.axhline(taken, linestyle=style, color=FLOOR, label=f"one for all, {events:,} events")
