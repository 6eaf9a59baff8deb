"""The results as a picture, with colours that can be seen on white and on black."""

from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.report import run_goal
from bench.results import Results

PICTURE = Path(__file__).with_name("speed.svg")
OURS, FLOOR, CUSTODIAN, GOAL, TEXT = "#2f81f7", "#c98a1b", "#c9489a", "#2da44e", "#7d8590"
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
        figure = Figure(figsize=(7, 4.2), layout="constrained")
        axes = figure.subplots()
        draw_runs(axes, results)
        axes.grid(visible=True, axis="x")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
        figure.savefig(to, transparent=True, metadata={"Date": None, "Creator": None})


def draw_runs(axes: mpl.axes.Axes, results: Results) -> None:
    """Each run in times of the floor, from the least to the greatest, beside its goal."""
    places = range(len(results.runs))
    ratios = [pairs.ratio() for _, pairs in results.runs]
    goals = [(goal, place) for place, (scenario, _) in enumerate(results.runs) if (goal := run_goal(scenario))]
    middles = [ratio.median for ratio in ratios]
    reach = [[ratio.median - ratio.least for ratio in ratios], [ratio.greatest - ratio.median for ratio in ratios]]
    axes.axvline(1, color=FLOOR, label="boto3 alone")
    axes.errorbar(middles, places, xerr=reach, fmt="o", color=OURS, markersize=5, capsize=3, label="office hours")
    if goals:
        axes.plot(*zip(*goals, strict=True), "|", color=GOAL, markersize=14, markeredgewidth=2, label="goal, at most")
    for place, (scenario, pairs) in enumerate(results.runs):
        if results.custodian and results.custodian[0] == scenario:
            floor = median(run.wall for run in pairs.first)
            custodian = median(run.wall for run in results.custodian[2].first)
            axes.plot(custodian / floor, place, "D", color=CUSTODIAN, label="Cloud Custodian")
    axes.set_yticks(places, [f"{scenario.clusters:,}, {scenario.told}" for scenario, _ in results.runs])
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set(title="A run, by clusters", xlabel="times what boto3 alone takes")
