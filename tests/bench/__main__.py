"""Measures the product's speed, and writes it beside this module: `make bench`, or `make bench ARGS=--quick`.
With `ARGS=--accounts` it measures the central status over an organization, and nothing else.

Everything runs against one server (`server.py`), in fresh processes, each beside what it is compared with, by turns.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import distribution, distributions

import asset
from bench import report, tags
from bench.measure import PROJECT, Child, Pairs, Program, Run, Server, by_turns, cold, server, warm
from bench.report import Row
from bench.scenario import REGIONS, Scenario

BUILD = PROJECT / "build"
PACKAGE = BUILD / "bench-package"
BOTO3 = str(distribution("boto3").locate_file(""))
COMPARED = Scenario(1000, 100)  # with Cloud Custodian
# The central status: accounts with ten clusters in each of three Regions, at 100 ms a call.
ACCOUNTS, CLUSTERS, LATENCY = 60, 10, 0.1
STOP_MB, STATUS_MB = 512, 1024  # the functions' memory, as the stack has it
WARM = 3


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    runs: for each account, the rounds of fresh processes, and the pairs of runs in each.
    cold: pairs of cold starts, 0 for none.
    custodian: rounds and pairs.
    hostile: tags that are made up by chance.
    scale: clusters.
    """

    runs: Sequence[tuple[Scenario, int, int]]
    cold: int
    custodian: tuple[int, int]
    hostile: int
    scale: int


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
    hostile=600,
    scale=10_000,
)
QUICK = Plan(
    runs=(*((Scenario(100, due), 1, 4) for due in (0, 10, 100)), *((Scenario(1000, due), 1, 2) for due in (0, 100))),
    cold=3,
    custodian=(1, 2),
    hostile=200,
    scale=2000,
)


def main(arguments: Sequence[str]) -> None:
    if arguments not in ([], ["--quick"], ["--accounts"]):
        sys.exit(f"Unknown arguments {' '.join(arguments)}: expected --quick, --accounts, or none.")
    shutil.rmtree(PACKAGE, ignore_errors=True)
    PACKAGE.mkdir(parents=True)
    (BUILD / "custodian").mkdir(exist_ok=True)
    asset.build(PACKAGE)
    options = ("-X", f"pycache_prefix={BUILD / 'bench-bytecode'}")
    ours = Program("ours", (str(PACKAGE),), options)
    if arguments == ["--accounts"]:
        text, section = pages(ours), "accounts"
    else:
        custodian = Program("custodian", (str(next((BUILD / "c7n").glob("lib/*/site-packages"))),), options)
        floor, plan = Program("floor", (BOTO3,), options), QUICK if arguments else FULL
        text, section = measure(plan, floor=floor, ours=ours, custodian=custodian), "bench"
    print(f"\n{text}")
    if arguments != ["--quick"]:
        report.write(text, section)
        print(f"\nWritten to {report.README.relative_to(PROJECT)}.")


def measure(plan: Plan, *, floor: Program, ours: Program, custodian: Program | None = None) -> str:
    """Measure all but the central status, and tell it in Markdown."""
    machine = report.machine()
    with server() as rds:
        rds.load(Scenario(clusters=100))
        rows = [*cold_starts(rds, (floor, ours), plan.cold)]
        runs = [(scenario, told(rds, scenario, (floor, ours), *times)) for scenario, *times in plan.runs]
        rows = [*report.run_rows(runs), *rows]
        if custodian:
            number = next(each.version for each in distributions(path=list(custodian.folders)) if each.name == "c7n")
            pairs = told(rds, COMPARED, (custodian, ours), *plan.custodian)
            rows.append(report.custodian_row(COMPARED, number, pairs))
        print("measuring tags", flush=True)
        rows += [*report.tag_rows(tags.measure(plan.hostile)), *scaled(rds, ours, plan.scale)]
    busiest = max(run.seen.cpu / run.wall for _, pairs in runs for run in (*pairs.first, *pairs.second))
    busy = f"The server's processor was busy for {busiest:.0%} of a run at most."
    return "\n\n".join((machine, report.runs_table(runs), report.rows_table(rows), busy))


def cold_starts(rds: Server, programs: tuple[Program, Program], pairs: int) -> Iterator[Row]:
    # Lambda's package is read-only, so each cold start compiles what it imports. Measure it with bytecode as well.
    without = ("-B", "-X", f"pycache_prefix={BUILD / 'none'}")
    ways = {
        "compiling, as Lambda does": [replace(each, options=without) for each in programs],
        "bytecode at hand": programs,
    }
    for words, (floor, ours) in ways.items() if pairs else ():
        print(f"measuring cold starts, {words}", flush=True)
        # The first of each is not counted: it may write the bytecode, and warms the disk's cache.
        first, second = by_turns(partial(cold, rds, floor), partial(cold, rds, ours), 1 + pairs)
        yield report.cold_row(words, Pairs(first[1:], second[1:]))


def told(rds: Server, scenario: Scenario, programs: tuple[Program, Program], rounds: int, pairs: int) -> Pairs:
    names = " and ".join(each.name for each in programs)
    print(f"measuring {names}: {scenario.clusters:,} clusters, {scenario.told}", flush=True)
    found = warm(rds, scenario, programs, rounds=rounds, pairs=pairs)
    ratio = found.ratio()
    print(f"  {ratio.median:.2f} times ({ratio.least:.2f} to {ratio.greatest:.2f})", flush=True)
    return found


def scaled(rds: Server, program: Program, clusters: int) -> Iterator[Row]:
    """A run over every Region, without limits and throttled."""
    scenario = Scenario(clusters, clusters // 10, regions=len(REGIONS))
    for words, rate in (("30 ms a call", 0), ("throttled to 20 calls a second a Region", 20)):
        print(f"measuring {clusters:,} clusters in {len(REGIONS)} Regions, {words}", flush=True)
        rds.control(rate=rate)
        rds.load(scenario)
        yield report.scale_row(scenario, words, cold(rds, program, {"regions": REGIONS}), STOP_MB)
    rds.control(rate=0)


def pages(program: Program, accounts: int = ACCOUNTS) -> str:
    """Ask for both forms of the central status, the first time in a process and later."""
    asked = {"JSON": {}, "page": {"widgetContext": {"width": 1200}}}
    runs: list[tuple[str, Run]] = []
    with server() as rds:
        rds.control(latency=LATENCY, accounts=accounts)
        rds.load(Scenario(3 * CLUSTERS, due=3, regions=3))
        for form, event in asked.items():
            central = {"BENCH_EVENT": json.dumps(event), "OFFICE_HOURS_ORGANIZATION": json.dumps({"units": ["ou-1"]})}
            child = Child(program, rds, rds.environment({"regions": REGIONS[:3]}) | central)
            first, *later = [child.run() for _ in range(1 + WARM)]
            child.end()
            runs += [(f"{form}, cold", first), (f"{form}, warm", sorted(later, key=lambda run: run.wall)[WARM // 2])]
    return f"{report.machine()}\n\n{report.pages_table(accounts, STATUS_MB, runs)}"


if __name__ == "__main__":
    main(sys.argv[1:])
