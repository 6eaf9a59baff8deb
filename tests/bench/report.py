"""The results as tables of Markdown, each figure beside its goal, and their place in the README.md beside this."""

import math
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.measure import HERE, Pairs, Run, Spread
from bench.scenario import Scenario
from bench.tags import Costs

README = HERE / "README.md"
# By clusters, and by those of them that are due (None: any): at most so many times the floor.
RUN_GOALS = {(100, None): 1.1, (1000, 100): 0.75}
MEMORY_GOAL = 1.2
COLD_GOAL = 1.0
CUSTODIAN_GOAL = 5
RUN_LIMIT, PAGE_LIMIT = 300, 20  # seconds
# The listings that may be made beside one for each 100 clusters, and the look-ups of events in a Region.
MORE_LISTINGS, HANDFUL = 2, 10
# The memory for which Lambda gives a whole processor. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MB_PER_PROCESSOR = 1769


class Row(NamedTuple):
    """A figure beside its goal."""

    what: str
    found: str
    goal: str
    met: bool


def machine() -> str:
    """Where and when it was measured."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    processor = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    versions = ", ".join(f"{name} {version(name)}" for name in ("boto3", "botocore"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {processor}, {platform.system()} "
        f"(load {os.getloadavg()[0]:.1f}), Python {platform.python_version()}, {versions}."
    )


def write(text: str, section: str = "bench") -> None:
    """Put a report into its section of README.md, in place of the one that is there."""
    begin, end = f"<!-- {section} -->", f"<!-- /{section} -->"
    before, _, rest = README.read_text().partition(begin)
    _, _, after = rest.partition(end)
    README.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def runs_table(runs: Sequence[tuple[Scenario, Pairs]]) -> str:
    heads = ("clusters", "due", "floor", "ours", "ours / floor", "processor", "memory", "calls", "goal")
    lines = []
    for scenario, pairs in runs:
        ratio = pairs.ratio()
        goal = RUN_GOALS.get((scenario.clusters, scenario.due), RUN_GOALS.get((scenario.clusters, None)))
        lines.append(
            (
                f"{scenario.clusters:,}",
                f"{scenario.due:,}{' apart' * scenario.apart}",
                _middle(pairs.first),
                _middle(pairs.second),
                _times(ratio),
                f"{pairs.ratio(lambda run: run.cpu).median:.2f}",
                f"{pairs.memory_ratio():.2f}",
                _calls(pairs.second[0]),
                f"≤ {goal}: {'met' if ratio.median <= goal else '**missed**'}" if goal else "",
            )
        )
    return _table(heads, lines)


def rows_table(rows: Iterable[Row]) -> str:
    lines = ((*row[:3], "yes" if row.met else "**no**") for row in rows)
    return _table(("what", "measured", "goal", "met"), lines)


def run_rows(runs: Sequence[tuple[Scenario, Pairs]]) -> Iterable[Row]:
    memory = max(pairs.memory_ratio() for _, pairs in runs)
    found = f"{memory:.2f} times the floor's"
    yield Row("Peak memory, the highest of these runs", found, f"≤ {MEMORY_GOAL}", memory <= MEMORY_GOAL)
    ours = [(scenario, run) for scenario, pairs in runs for run in pairs.second]
    beyond = [run for scenario, run in ours if not within_budget(scenario, run)]
    found = f"{len(beyond)} of {len(ours)}" + (f", such as {_calls(beyond[-1])}" if beyond else "")
    yield Row("Runs that made more calls than needed", found, "none", not beyond)


def within_budget(scenario: Scenario, run: Run) -> bool:
    """Whether a run made no more calls than it needs to."""
    calls = run.seen.calls
    listings = scenario.regions * (math.ceil(scenario.clusters / scenario.regions / 100) + MORE_LISTINGS)
    return (
        calls.get("DescribeDBClusters", 0) <= listings
        and calls.get("StopDBCluster", 0) <= scenario.due
        and calls.get("DescribeEvents", 0) <= min(scenario.due, scenario.regions * HANDFUL)
    )


def cold_row(words: str, pairs: Pairs) -> Row:
    ratio = pairs.ratio()
    found = f"{_times(ratio)} times the floor's {_middle(pairs.first)}"
    return Row(f"Cold start, {words}: import and first run", found, f"≤ {COLD_GOAL:.1f}", ratio.median <= COLD_GOAL)


def custodian_row(scenario: Scenario, number: str, pairs: Pairs) -> Row:
    ratio = pairs.ratio(lambda run: 1 / run.wall)
    return Row(
        f"Cloud Custodian {number}, {scenario.clusters:,} clusters, {scenario.due:,} due",
        f"{_middle(pairs.first)}, ours beside it {_middle(pairs.second)}: {_times(ratio)} times as fast",
        f"≥ {CUSTODIAN_GOAL}",
        ratio.median >= CUSTODIAN_GOAL,
    )


def tag_rows(costs: Costs) -> Iterable[Row]:
    tag = max(costs.hostile, key=costs.hostile.__getitem__)
    worst = costs.hostile[tag]
    typical, distinct = f"{costs.typical * 1e6:.0f} µs", f"{costs.distinct:.2f} s in all"
    hostile = f"The worst of {len(costs.hostile)} hostile tags (`{tag[:40]}…`)"
    yield Row("A typical tag, decided by, after the first time", typical, "< 50 µs", costs.typical < 50e-6)
    yield Row("1,000 distinct tags, parsed and decided by", distinct, "≤ 0.2 s", costs.distinct <= 0.2)
    yield Row(hostile, f"{worst * 1e3:.1f} ms", "≤ 20 ms", worst <= 0.02)


def scale_row(scenario: Scenario, words: str, run: Run, memory_mb: int) -> Row:
    computed, memory = run.cpu * MB_PER_PROCESSOR / memory_mb, run.memory / 2**20
    return Row(
        f"{scenario.clusters:,} clusters in {scenario.regions} Regions, {scenario.due:,} due, {words}: "
        "import and one run",
        f"{run.wall:.1f} s and {memory:.0f} MB here; its {run.cpu:.1f} s of a processor are "
        f"{computed:.0f} s at {memory_mb} MB",
        f"≤ {RUN_LIMIT} s, {memory_mb} MB",
        max(run.wall, computed) <= RUN_LIMIT and memory <= memory_mb,
    )


def pages_table(accounts: int, memory_mb: int, runs: Iterable[tuple[str, Run]]) -> str:
    """The central status over so many accounts, and what its processor time comes to with the function's memory."""
    heads = (f"{accounts} accounts", "took", "processor", f"the same at {memory_mb:,} MB", "memory", "calls")
    lines = []
    for what, run in runs:
        computed = run.cpu * MB_PER_PROCESSOR / memory_mb
        seconds = [f"{each:.1f} s" for each in (run.wall, run.cpu, computed)]
        met = "yes" if max(run.wall, computed) <= PAGE_LIMIT else "**no**"
        lines.append((what, *seconds, f"{run.memory / 2**20:.0f} MB", f"{sum(run.seen.calls.values()):,}", met))
    return _table((*heads, f"≤ {PAGE_LIMIT} s"), lines)


def _calls(run: Run) -> str:
    """Listings, look-ups of events, and actions."""
    operations = ("DescribeDBClusters", "DescribeEvents", "StopDBCluster")
    return " + ".join(f"{run.seen.calls.get(operation, 0):,}" for operation in operations)


def _middle(runs: Sequence[Run]) -> str:
    """What they took, in the median."""
    middle = median(run.wall for run in runs)
    return f"{middle * 1e3:.0f} ms" if middle < 1 else f"{middle:.2f} s"


def _times(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.least:.2f} to {spread.greatest:.2f})"


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    separators = ["---", *("---:" for _ in heads[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, separators, *lines))
