"""Measures the product's speed, and writes it beside this module: `make bench`, or `make bench ARGS=--quick`.

Everything runs against one server (`server.py`), in fresh processes, each beside what it is compared with, by turns.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import distribution, distributions

import asset
from bench import report
from bench.measure import PROJECT, ColdStart, Pairs, Program, Server, by_turns, cold, figures, server, warm
from bench.results import Cold, Machine, Results, Tags
from bench.scenario import REGIONS, Scenario

BUILD = PROJECT / "build"
PACKAGE = BUILD / "bench-package"
BOTO3 = str(distribution("boto3").locate_file(""))


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    runs: for each account, the rounds of fresh processes, and the pairs of runs in each.
    cold: pairs of cold starts, 0 for none.
    custodian: rounds and pairs, 0 for none.
    tags: processes that measure tags, and how many hostile ones they make up.
    scale: clusters, and how often.
    """

    runs: Sequence[tuple[Scenario, int, int]]
    cold: int
    custodian: tuple[int, int]
    tags: tuple[int, int]
    scale: tuple[int, int]


FULL = Plan(
    runs=(
        *((Scenario(100, due), 3, 6) for due in (0, 10, 100)),
        (Scenario(100, 10, apart=True), 3, 6),
        *((Scenario(1000, due), 3, 3) for due in (0, 100)),
        (Scenario(1000, 1000), 3, 2),
        *((Scenario(10_000, due), 2, 1) for due in (0, 1000, 10_000)),
    ),
    cold=8,
    custodian=(3, 3),
    tags=(5, 600),
    scale=(10_000, 2),
)
QUICK = Plan(
    runs=(*((Scenario(100, due), 1, 4) for due in (0, 10, 100)), *((Scenario(1000, due), 1, 2) for due in (0, 100))),
    cold=3,
    custodian=(1, 2),
    tags=(2, 200),
    scale=(2000, 1),
)


def main(arguments: Sequence[str]) -> None:
    if arguments not in ([], ["--quick"]):
        sys.exit(f"Unknown arguments {' '.join(arguments)}: expected --quick, or none.")
    shutil.rmtree(PACKAGE, ignore_errors=True)
    PACKAGE.mkdir(parents=True)
    (BUILD / "custodian").mkdir(exist_ok=True)
    asset.build(PACKAGE)
    options = ("-X", f"pycache_prefix={BUILD / 'bench-bytecode'}")
    results = measure(
        QUICK if arguments else FULL,
        floor=Program("floor", (BOTO3,), options),
        ours=Program("ours", (str(PACKAGE),), options),
        custodian=Program("custodian", (str(next((BUILD / "c7n").glob("lib/*/site-packages"))),), options),
    )
    text = report.report(results)
    print(f"\n{text}")
    if not arguments:
        report.write(text)
        print(f"\nWritten to {report.README.relative_to(PROJECT)}.")


def measure(plan: Plan, *, floor: Program, ours: Program, custodian: Program | None = None) -> Results:
    machine, pair = Machine(), (floor, ours)
    if machine.load > 0.5:
        print(f"This machine is busy (its load is {machine.load:.1f}): the figures will be worse than they should be.")
    with server() as rds:
        rds.load(Scenario(clusters=100))
        # Lambda's package is read-only: what is imported is compiled each time. Both ways are told.
        without = ("-B", "-X", f"pycache_prefix={BUILD / 'none'}")
        compiling = (replace(floor, options=without), replace(ours, options=without))
        cold_starts = [
            *cold_pairs(rds, "compiling, as Lambda does", compiling, plan.cold),
            *cold_pairs(rds, "bytecode at hand", pair, plan.cold),
        ]
        runs = [(scenario, told(rds, scenario, pair, rounds, pairs)) for scenario, rounds, pairs in plan.runs]
        compared = None
        if custodian:
            scenario = Scenario(1000, 100)
            found = told(rds, scenario, (custodian, ours), *plan.custodian)
            compared = (scenario, version_in(custodian, "c7n"), found)
        tell("tags")
        processes, hostile = plan.tags
        tags = [Tags(**figures("tags", rds, str(hostile))) for _ in range(processes)]
        scale = scaled(rds, ours, *plan.scale)
    return Results(machine, runs, cold_starts, compared, Tags.least(tags), scale, memory_mb())


def tell(what: str) -> None:
    print(f"measuring {what}", flush=True)


def cold_pairs(rds: Server, words: str, programs: tuple[Program, Program], pairs: int) -> Iterator[Cold]:
    if pairs:
        tell(f"cold starts, {words}")
        # The first of each is not counted: it may write the bytecode, and warms the disk's cache.
        floor, ours = by_turns(partial(cold, rds, programs[0]), partial(cold, rds, programs[1]), 1 + pairs)
        yield Cold(words, floor[1:], ours[1:])


def told(rds: Server, scenario: Scenario, programs: tuple[Program, Program], rounds: int, pairs: int) -> Pairs:
    tell(f"{programs[0].name} and {programs[1].name}: {scenario.clusters:,} clusters, {scenario.told}")
    found = warm(rds, scenario, programs, rounds=rounds, pairs=pairs)
    ratio = found.ratio()
    print(f"  {ratio.median:.2f} times ({ratio.least:.2f} to {ratio.greatest:.2f})", flush=True)
    return found


def scaled(rds: Server, program: Program, clusters: int, times: int) -> list[tuple[Scenario, str, ColdStart]]:
    """A run over every Region, without limits and throttled."""
    scenario = Scenario(clusters, clusters // 10, regions=len(REGIONS))
    settings = {"regions": REGIONS}
    found = []
    for words, rate, repeats in (("30 ms a call", 0, times), ("throttled to 20 calls a second a Region", 20, 1)):
        tell(f"{clusters:,} clusters in {len(REGIONS)} Regions, {words}")
        rds.control(rate=rate)
        rds.load(scenario)
        starts = [cold(rds, program, settings) for _ in range(repeats)]
        found.append((scenario, words, max(starts, key=lambda start: start.run.wall)))
    rds.control(rate=0)
    return found


def version_in(program: Program, name: str) -> str:
    return next(each.version for each in distributions(path=list(program.folders)) if each.name == name)


def memory_mb() -> int:
    """The function's memory, as the stack has it: read, since importing the stack starts the CDK."""
    found = re.search(r"^MEMORY_MB = (\d+)$", (PROJECT / "infra" / "stack.py").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


if __name__ == "__main__":
    main(sys.argv[1:])
