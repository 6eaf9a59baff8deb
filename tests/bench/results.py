"""What was measured, in one place for whoever tells of it."""

import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.measure import ColdStart, Pairs, Run, Spread
from bench.scenario import Scenario

# The listings that may be made beside one for each 100 clusters: one for each engine.
MORE_LISTINGS = 2
# The event look-ups that may be made in a Region where many clusters need one at once.
HANDFUL = 10


@dataclass(frozen=True)
class Machine:
    """Where and when it was measured."""

    text: str = field(default_factory=lambda: f"{os.cpu_count()} cores of {_processor()}, {platform.system()}")
    python: str = field(default_factory=platform.python_version)
    versions: Mapping[str, str] = field(default_factory=lambda: {name: version(name) for name in ("boto3", "botocore")})
    date: datetime = field(default_factory=lambda: datetime.now(UTC))
    load: float = field(default_factory=lambda: os.getloadavg()[0])


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


@dataclass(frozen=True)
class Cold:
    """Cold starts by turns, the floor's and ours. `words` tells of the bytecode."""

    words: str
    floor: Sequence[ColdStart]
    ours: Sequence[ColdStart]

    def ratio(self) -> Spread:
        """How many times as long ours takes for import and first run."""
        return Spread.of([b.run.wall / a.run.wall for a, b in zip(self.floor, self.ours, strict=True)])


@dataclass(frozen=True)
class Tags:
    """The processor's seconds: for a typical tag, the hardest, 1,000 distinct ones, and each hostile one."""

    typical: float
    hardest: float
    distinct: float
    hostile: Mapping[str, float]

    @classmethod
    def least(cls, found: Sequence["Tags"]) -> "Tags":
        """Of several processes' figures the least, which other programs on this machine have disturbed the least."""
        return cls(
            typical=min(each.typical for each in found),
            hardest=min(each.hardest for each in found),
            distinct=min(each.distinct for each in found),
            hostile={tag: min(each.hostile[tag] for each in found) for tag in found[0].hostile},
        )

    def worst(self) -> tuple[float, str]:
        """The slowest hostile tag."""
        return max((taken, tag) for tag, taken in self.hostile.items())


@dataclass(frozen=True)
class Results:
    """All of it. What was not measured is None, or not there."""

    machine: Machine
    runs: Sequence[tuple[Scenario, Pairs]]
    cold: Sequence[Cold]
    custodian: tuple[Scenario, str, Pairs] | None
    tags: Tags
    scale: Sequence[tuple[Scenario, str, ColdStart]]
    memory_mb: int

    def busiest(self) -> float:
        """The greatest share of a measured run in which the server's processor was at work."""
        return max(run.seen.cpu / run.wall for _, pairs in self.runs for run in (*pairs.first, *pairs.second))


def within_budget(scenario: Scenario, run: Run) -> bool:
    """Whether a run made no more calls than it needs to."""
    calls = run.seen.calls
    listings = scenario.regions * (math.ceil(scenario.clusters / scenario.regions / 100) + MORE_LISTINGS)
    return (
        calls.get("DescribeDBClusters", 0) <= listings
        and calls.get("StopDBCluster", 0) <= scenario.due
        and calls.get("DescribeEvents", 0) <= min(scenario.due, scenario.regions * HANDFUL)
    )
