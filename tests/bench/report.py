"""The results as tables of Markdown, each figure beside its goal, and their place in the README.md beside this."""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from bench.measure import HERE, Pairs, Run, Spread
from bench.results import Cold, Results, within_budget
from bench.scenario import Scenario

README = HERE / "README.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
# By clusters, and by those of them that are due (None: any): at most so many times the floor.
RUN_GOALS = {(100, None): 1.1, (1000, 100): 0.75}
MEMORY_GOAL = 1.2
COLD_GOAL = 1.0
CUSTODIAN_GOAL = 5
TYPICAL_GOAL, DISTINCT_GOAL, WORST_GOAL = 50e-6, 0.2, 0.02
RUN_LIMIT = 300  # seconds
# The memory for which Lambda gives a whole processor. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MB_PER_PROCESSOR = 1769


class Row(NamedTuple):
    """A figure beside its goal."""

    what: str
    found: str
    goal: str
    met: bool


def report(results: Results) -> str:
    machine = results.machine
    versions = ", ".join(f"{name} {number}" for name, number in {"Python": machine.python, **machine.versions}.items())
    return "\n\n".join(
        (
            f"{machine.date:%Y-%m-%d}, {machine.text} (load {machine.load:.1f} before it began), {versions}.",
            in_short(results),
            runs_table(results.runs),
            _table(
                ("what", "measured", "goal", "met"),
                ((*row[:3], "yes" if row.met else "**no**") for row in rows(results)),
            ),
            f"The server's processor was busy for {results.busiest():.0%} of a run at most.",
        )
    )


def in_short(results: Results) -> str:
    """The figures that say most."""
    runs = [(scenario, pairs) for scenario, pairs in results.runs if scenario.clusters == 1000]
    runs = runs or list(results.runs)
    taken = [
        f"over {scenario.clusters:,} clusters, {scenario.due:,} of them due, took "
        f"{_middle([run.wall for run in pairs.second])}"
        for scenario, pairs in runs
    ]
    wide, _, cold = results.scale[0]
    return (
        f"A run {', '.join(taken)}; one over {wide.clusters:,} clusters in {wide.regions} Regions, cold, "
        f"{cold.run.wall:.0f} s of the {RUN_LIMIT} that the function has."
    )


def write(text: str) -> None:
    """Put the report into README.md, in place of the one that is there."""
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def runs_table(runs: Sequence[tuple[Scenario, Pairs]]) -> str:
    heads = ("clusters", "due", "floor", "ours", "ours / floor", "processor", "memory", "calls", "goal")
    lines = []
    for scenario, pairs in runs:
        ratio, goal = pairs.ratio(), run_goal(scenario)
        lines.append(
            (
                f"{scenario.clusters:,}",
                f"{scenario.due:,}{' apart' * scenario.apart}",
                _middle([run.wall for run in pairs.first]),
                _middle([run.wall for run in pairs.second]),
                _times(ratio),
                f"{pairs.ratio(lambda run: run.cpu).median:.2f}",
                f"{pairs.memory_ratio():.2f}",
                _calls(pairs.second[0]),
                f"≤ {goal}: {'met' if ratio.median <= goal else '**missed**'}" if goal else "",
            )
        )
    return _table(heads, lines)


def run_goal(scenario: Scenario) -> float | None:
    """At most so many times the floor."""
    return RUN_GOALS.get((scenario.clusters, scenario.due), RUN_GOALS.get((scenario.clusters, None)))


def rows(results: Results) -> list[Row]:
    memory = max(pairs.memory_ratio() for _, pairs in results.runs)
    ours = [(scenario, run) for scenario, pairs in results.runs for run in pairs.second]
    ours += [(scenario, cold.run) for scenario, _, cold in results.scale if not cold.run.seen.throttled]
    beyond = [(scenario, run) for scenario, run in ours if not within_budget(scenario, run)]
    found = [
        Row(
            "Peak memory, the highest of these runs",
            f"{memory:.2f} times the floor's",
            f"≤ {MEMORY_GOAL}",
            memory <= MEMORY_GOAL,
        ),
        Row(
            "Runs that made more calls than needed",
            f"{len(beyond)} of {len(ours)}" + (f", such as {_calls(beyond[-1][1])}" if beyond else ""),
            "none",
            not beyond,
        ),
        *(cold_row(cold) for cold in results.cold),
    ]
    if results.custodian:
        scenario, version, pairs = results.custodian
        ratio = pairs.ratio(lambda run: 1 / run.wall)
        found.append(
            Row(
                f"Cloud Custodian {version}, {scenario.clusters:,} clusters, {scenario.due:,} due",
                f"{_middle([run.wall for run in pairs.first])}, ours beside it "
                f"{_middle([run.wall for run in pairs.second])}: {_times(ratio)} times as fast",
                f"≥ {CUSTODIAN_GOAL}",
                ratio.median >= CUSTODIAN_GOAL,
            )
        )
    return [*found, *_tags(results), *_scale(results)]


def cold_row(cold: Cold) -> Row:
    ratio = cold.ratio()
    floor = _middle([each.run.wall for each in cold.floor])
    cpu = median(b.cpu / a.cpu for a, b in zip(cold.floor, cold.ours, strict=True))
    whole = median(b.wall / a.wall for a, b in zip(cold.floor, cold.ours, strict=True))
    return Row(
        f"Cold start, {cold.words}: import and first run",
        f"{_times(ratio)} times the floor's {floor}; process from start to end {whole:.2f}, processor {cpu:.2f}",
        f"≤ {COLD_GOAL:.1f}",
        ratio.median <= COLD_GOAL,
    )


def _tags(results: Results) -> list[Row]:
    tags = results.tags
    worst, which = tags.worst()
    return [
        Row(
            "A typical tag, parsed and decided by, after the first time",
            f"{tags.typical * 1e6:.0f} µs; the hardest {tags.hardest * 1e6:.0f} µs",
            f"< {TYPICAL_GOAL * 1e6:.0f} µs",
            tags.typical < TYPICAL_GOAL,
        ),
        Row(
            "1,000 distinct tags",
            f"{tags.distinct:.2f} s in all",
            f"≤ {DISTINCT_GOAL} s",
            tags.distinct <= DISTINCT_GOAL,
        ),
        Row(
            f"The worst of {len(tags.hostile)} hostile tags (`{which[:40]}…`)",
            f"{worst * 1e3:.1f} ms",
            f"≤ {WORST_GOAL * 1e3:.0f} ms",
            worst <= WORST_GOAL,
        ),
    ]


def _scale(results: Results) -> Iterable[Row]:
    for scenario, words, cold in results.scale:
        computed = cold.run.cpu * MB_PER_PROCESSOR / results.memory_mb
        memory = cold.run.memory / 2**20
        longest = max(cold.run.wall, computed)
        yield Row(
            f"{scenario.clusters:,} clusters in {scenario.regions} Regions, {scenario.due:,} due, {words}: "
            "import and one run",
            f"{cold.run.wall:.1f} s and {memory:.0f} MB here; its {cold.run.cpu:.1f} s of a processor are "
            f"{computed:.0f} s at {results.memory_mb} MB",
            f"≤ {RUN_LIMIT} s, {results.memory_mb} MB",
            longest <= RUN_LIMIT and memory <= results.memory_mb,
        )


def _calls(run: Run) -> str:
    """Listings, look-ups of events, and actions."""
    operations = ("DescribeDBClusters", "DescribeEvents", "StopDBCluster")
    return " + ".join(f"{run.seen.calls.get(operation, 0):,}" for operation in operations)


def _middle(seconds: Sequence[float]) -> str:
    """Their median."""
    middle = median(seconds)
    return f"{middle * 1e3:.0f} ms" if middle < 1 else f"{middle:.2f} s"


def _times(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.least:.2f} to {spread.greatest:.2f})"


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    separators = ["---", *("---:" for _ in heads[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, separators, *lines))
