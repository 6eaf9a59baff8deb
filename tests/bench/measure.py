"""The instruments: the server, the processes that are measured, and figures taken by turns."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

from bench.scenario import REGIONS, Scenario

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
T = TypeVar("T")


@dataclass(frozen=True)
class Report:
    """What the server saw since it was last reset: calls by operation, and its own processor's seconds."""

    calls: Mapping[str, int]
    cpu: float


@dataclass(frozen=True)
class Run:
    """One run of a program: seconds that passed, the processor's, the most memory until then, what the server saw."""

    wall: float
    cpu: float
    memory: int
    seen: Report


@dataclass(frozen=True)
class Spread:
    """The median of some figures, the least and the greatest."""

    median: float
    least: float
    greatest: float


class Server:
    """The RDS that is measured against, in a process of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._control = http.client.HTTPConnection("127.0.0.1", port)

    def close(self) -> None:
        self._control.close()

    def control(self, **order: object) -> Report:
        self._control.request("POST", "/control", json.dumps(order))
        return Report(**json.load(self._control.getresponse()))

    def load(self, scenario: Scenario) -> None:
        self.control(load=asdict(scenario))

    def reset(self) -> Report:
        """Put every cluster back to how it was, and tell what was seen until now."""
        return self.control(reset=True)

    def environment(self, settings: Mapping[str, object] | None = None) -> dict[str, str]:
        """All that a program which is measured finds in its environment: that of the function, and where RDS is."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_REGION": REGIONS[0],
            "AWS_DEFAULT_REGION": REGIONS[0],
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "OFFICE_HOURS_SETTINGS": json.dumps(settings or {}),
            "POWERTOOLS_SERVICE_NAME": "aurora-office-hours",
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }


@contextmanager
def server() -> Iterator[Server]:
    imports = {"PYTHONPATH": os.pathsep.join(str(PROJECT / folder) for folder in ("lambda", "infra", "tests"))}
    command = [sys.executable, "-m", "bench.server"]
    process = subprocess.Popen(command, env=os.environ | imports, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        with closing(Server(int(process.stdout.readline()))) as made:
            yield made
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@dataclass(frozen=True)
class Program:
    """What is measured.

    name: the module beside this one that has its `run`.
    folders: what it is imported from, beside Python's own library.
    options: for Python, such as where bytecode is kept.
    """

    name: str
    folders: tuple[str, ...]
    options: tuple[str, ...] = ()

    def command(self) -> list[str]:
        return [sys.executable, "-I", "-S", *self.options, str(HERE / "child.py"), *self.folders, "--", self.name]


class Child:
    """A program's process, which runs it whenever it is asked to."""

    def __init__(self, program: Program, server: Server, environment: Mapping[str, str]) -> None:
        self._server = server
        self._process = subprocess.Popen(
            program.command(), env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self) -> Run:
        """Run it once over the account as it was loaded."""
        assert self._process.stdin
        assert self._process.stdout
        self._server.reset()
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"What is measured ended with {self._process.wait()}: its own words are above.")
        wall, cpu, memory = json.loads(answer)
        return Run(wall, cpu, memory, self._server.reset())

    def end(self) -> None:
        self._process.communicate()


@dataclass(frozen=True)
class Pairs:
    """Two programs over the same account, by turns: the runs of each, in pairs."""

    first: Sequence[Run]
    second: Sequence[Run]

    def ratio(self, of: Callable[[Run], float] = lambda run: run.wall) -> Spread:
        """How many times the first's figure the second's is, pair by pair."""
        ratios = [of(second) / of(first) for first, second in zip(self.first, self.second, strict=True)]
        return Spread(median(ratios), min(ratios), max(ratios))

    def memory_ratio(self) -> float:
        """How many times the first's peak memory the second's is."""
        first, second = (max(run.memory for run in runs) for runs in (self.first, self.second))
        return second / first


def by_turns(first: Callable[[], T], second: Callable[[], T], pairs: int, begin: int = 0) -> tuple[list[T], list[T]]:
    """Run both in each pair, in alternating order, so that drift affects both. With an odd `begin` the second leads."""
    found: tuple[list[T], list[T]] = ([], [])
    for number in range(begin, begin + pairs):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            found[which].append((first, second)[which]())
    return found


def warm(server: Server, scenario: Scenario, programs: tuple[Program, Program], *, rounds: int, pairs: int) -> Pairs:
    """Several rounds of fresh processes, in each of which both programs run once unmeasured, then by turns."""
    runs: tuple[list[Run], list[Run]] = ([], [])
    for number in range(rounds):
        # The first run of a process, its imports and first connections, is another measurement's.
        server.load(Scenario(clusters=min(scenario.clusters, 100), due=min(scenario.due, 20), regions=scenario.regions))
        children = [Child(program, server, server.environment()) for program in programs]
        for child in children:
            child.run()
        server.load(scenario)
        found = by_turns(children[0].run, children[1].run, pairs, begin=number)
        for which, program in enumerate(programs):
            runs[which].extend(found[which])
            stops = {run.seen.calls.get("StopDBCluster", 0) for run in found[which]}
            if stops != {scenario.due}:
                raise RuntimeError(f"{program.name} made {stops} stops, where {scenario.due} are due.")
            children[which].end()
    return Pairs(*runs)


def cold(server: Server, program: Program, settings: Mapping[str, object] | None = None) -> Run:
    """The import and first run of a fresh process, over the account as it was loaded."""
    child = Child(program, server, server.environment(settings))
    run = child.run()
    child.end()
    return run
