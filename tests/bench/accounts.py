"""The central status over an organization: each account has ten clusters in each of three Regions."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.measure import Child, Program, Run, Server
from bench.results import Machine
from bench.scenario import REGIONS, Scenario

ACCOUNTS, CLUSTERS = 60, 10
LATENCY = 0.1  # seconds
GOAL = 20  # seconds
MEMORY_MB = 1024  # the status function's
# The memory for which Lambda gives a whole processor. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MB_PER_PROCESSOR = 1769
WARM = 3
ASKED: Mapping[str, object] = {"JSON": {}, "page": {"widgetContext": {"width": 1200}}}


@dataclass(frozen=True)
class Figure:
    """One way to ask: the first time in a process, or the median of later ones."""

    what: str
    run: Run

    @property
    def at_lambda(self) -> float:
        """What its processor time comes to with the function's memory, in seconds."""
        return self.run.cpu * MB_PER_PROCESSOR / MEMORY_MB

    @property
    def is_met(self) -> bool:
        return max(self.run.wall, self.at_lambda) <= GOAL


def measure(rds: Server, program: Program, accounts: int = ACCOUNTS, clusters: int = CLUSTERS) -> Iterator[Figure]:
    """Ask for both forms of the status over so many accounts, beside the central one."""
    rds.control(latency=LATENCY, accounts=accounts)
    rds.load(Scenario(3 * clusters, due=3, regions=3))
    units = json.dumps({"units": ["ou-1"]})
    for form, event in ASKED.items():
        asked = {"BENCH_EVENT": json.dumps(event), "OFFICE_HOURS_ORGANIZATION": units}
        child = Child(program, rds, rds.environment({"regions": REGIONS[:3]}) | asked)
        cold, *warm = [child.run() for _ in range(1 + WARM)]
        child.end()
        yield Figure(f"{form}, cold", cold)
        yield Figure(f"{form}, warm", sorted(warm, key=lambda run: run.wall)[WARM // 2])


def report(figures: list[Figure]) -> str:
    machine = Machine()
    lines = [
        f"| {each.what} | {each.run.wall:.1f} s | {each.run.cpu:.1f} s | {each.at_lambda:.1f} s | "
        f"{each.run.memory / 2**20:.0f} MB | {sum(each.run.seen.calls.values()):,} | "
        f"{'yes' if each.is_met else '**no**'} |"
        for each in figures
    ]
    return "\n".join(
        [
            f"{machine.date:%Y-%m-%d}, {machine.text}, Python {machine.python}.",
            "",
            f"| {ACCOUNTS} accounts | took | processor | the same at {MEMORY_MB:,} MB | memory | calls | ≤ {GOAL} s |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            *lines,
        ]
    )
