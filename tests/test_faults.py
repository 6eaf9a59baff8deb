"""The faults of real accounts, at the wire, and what may be relied on after each of them.

Every cluster that could be handled was, none twice; every snapshot is in the log, whole; and what failed is told once,
in words: `Trial.check` looks at all four. Where chance has a part in it, the seed is in the test's name, and alone says
what happens. Nobody sleeps: time is what the test's clock shows, and retries do not wait.

The 23rd of November 2026 is a Monday.
"""

import copy
import json
import random
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from xml.etree import ElementTree as ET

import pytest
import time_machine
from botocore.retries import bucket

from aws_server import (
    ACCESS_DENIED,
    EXPIRED,
    HOME,
    INTERNAL_FAILURE,
    RESET,
    THROTTLED,
    Account,
    Call,
    Damage,
    Fault,
    Refusal,
    Rewritten,
    Structure,
    end_what_was_given_up,
)
from invocation import Answer, Context, Log, decisions, start, stop
from office_hours import rds
from office_hours.answer import RunError
from snapshots import STRUCTURE, difference, filled

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00"
OPENING, CLOSING = "2026-11-23T08:00:00Z", "2026-11-23T18:00:00Z"
CHANGES = ("StopDBCluster", "StartDBCluster")
# What RDS cannot stop has other values here.
NO_OBSTACLES: Structure = {
    "GlobalClusterIdentifier": "",
    "ReplicationSourceIdentifier": "",
    "ReadReplicaIdentifiers": [],
}
WHOLE = filled(STRUCTURE, "", count()) | NO_OBSTACLES
# What passes: botocore tries again by itself.
PASSING: dict[str, Fault] = {
    "throttled": THROTTLED,
    "500": INTERNAL_FAILURE,
    "reset": RESET,
    "lost": Damage.LOST,
    "cut": Damage.CUT,
    "ended": Damage.ENDED,
    "done and 500": Damage.FAILED,
}


@dataclass(frozen=True)
class Way:
    """One of the two functions, as its schedule invokes it, or a person does for every cluster, or for some by name."""

    run: Callable[..., Answer]
    by: str
    operation: str
    at: str  # when its clusters are due
    status: str  # theirs, before
    under_way: str
    settled: str


WAYS = {
    f"{run.__name__} by {by}": Way(run, by, *rest)
    for run, *rest in (
        (stop, "StopDBCluster", CLOSING, "available", "stopping", "stopped"),
        (start, "StartDBCluster", OPENING, "stopped", "starting", "available"),
    )
    for by in ("schedule", "star", "name")
}


def ways(*such: str) -> pytest.MarkDecorator:
    """Run a test in each of these ways: all, where none is named; those of both functions, where only "by" is."""
    names = [name for name in WAYS if not such or name in such or name.partition(" by ")[2] in such]
    return pytest.mark.parametrize("way", [WAYS[name] for name in names], ids=names)


# Where it makes no difference to a fault, this is enough of both functions, and of schedules and commands.
two_ways = ways("stop by schedule", "start by star")


@dataclass
class Trial:
    """An account in which clusters are due, and what a run makes of it.

    due: the clusters that are to be stopped or started, as region/identifier.
    neighbours: the others, which are not to be.
    errors: the text of each run's error.
    over: set when what hangs is to end.
    """

    account: Account
    log: Log
    way: Way
    clock: time_machine.Traveller
    monkeypatch: pytest.MonkeyPatch
    due: list[str] = field(default_factory=list)
    neighbours: dict[str, Structure] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def furnish(
        self,
        due: int = 6,
        *,
        regions: Sequence[str] = (HOME,),
        tags: Sequence[str] = (OFFICE, f"{OFFICE} enforced"),
        whole: int = 2,
    ) -> list[str]:
        """Put so many clusters that are due into each Region, so many of them whole, and some that are not due.

        Returns those that are.
        """
        self.monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps({"regions": list(regions)}))
        for region in regions:
            for number in range(due):
                self.add(f"c{number:02}", tags[number % len(tags)], region, whole=number < whole)
            self._stand_by("c00-done", OFFICE, region, Status=self.way.settled)
            self._stand_by("c01-busy", OFFICE, region, Status="modifying")
            self._stand_by("c02-bad", "mno-fri 08:00-18:00", region)
            self._stand_by("c03-untagged", None, region)
            self._stand_by("c04-other", OFFICE, region, Engine="postgres")
        return list(self.due)

    def add(self, name: str, tag: str, region: str = HOME, *, whole: bool = True, **members: object) -> Structure:
        """A cluster that is due: with every member that there is, or only those that there usually are."""
        cluster = self.account.add(name, tag, region=region, Status=self.way.status, **members)
        if whole:
            self.account.clusters[region][name] = cluster = WHOLE | cluster
        self.due.append(f"{region}/{name}")
        return cluster

    def _stand_by(self, name: str, tag: str | None, region: str, **members: object) -> None:
        cluster = self.account.add(name, tag, region=region, **{"Status": self.way.status} | members)
        self.neighbours[f"{region}/{name}"] = copy.deepcopy(cluster)

    def cluster(self, name: str) -> Structure:
        region, _, identifier = name.partition("/")
        return self.account.clusters[region][identifier]

    @property
    def event(self) -> dict[str, object]:
        """What the function is sent."""
        events: dict[str, dict[str, object]] = {
            "schedule": {},
            "star": {"clusters": ["*"]},
            "name": {"clusters": list(self.due)},
        }
        return events[self.way.by]

    def run(self, event: dict[str, object] | None = None, *, seconds: float = 900) -> None:
        """Invoke the function, which has so many seconds."""
        try:
            self.way.run(event=self.event if event is None else event, context=Context(round(seconds * 1000)))
        except RunError as error:
            self.errors.append(str(error))

    def next_run(self) -> None:
        """Have nothing go wrong any more, and invoke the function as its schedule does five minutes later."""
        self.account.heal()
        self.over.set()
        end_what_was_given_up()
        self.clock.move_to(datetime.fromisoformat(self.way.at) + timedelta(minutes=5))
        self.run({})

    def carried_out(self) -> list[str]:
        """The clusters that RDS was had to stop or start, as often as it was."""
        return [f"{call.region}/{call.cluster}" for call in self.account.carried_out if call.operation in CHANGES]

    def logged(self) -> list[str]:
        """The clusters whose snapshots are in the log."""
        return [f"{line['region']}/{line['cluster']}" for line in self.log.lines("INFO") if "db_cluster" in line]

    def is_done(self, names: Collection[str]) -> bool:
        """Whether all that is to be done about these clusters is, and about their neighbours, which a command holds."""
        regions = {name.partition("/")[0] for name in names}
        held = {f"{line['region']}/{line['cluster']}" for line in self.log.lines("INFO") if "hold" in line}
        others = {f"{region}/{name}" for region in regions for name in ("c00-done", "c01-busy")}
        return set(names) <= set(self.logged()) and (self.way.by != "star" or others <= held)

    def check(self, handled: Collection[str] | None = None, failed: Mapping[str, str] | None = None) -> None:
        """Check what has to hold after any fault, and after any number of runs.

        handled: the clusters that could be; without them, all that were due.
        failed: what could not be, a cluster or a Region, and words that are told of it.
        """
        self.check_changes(self.due if handled is None else handled)
        self.check_failures(failed or {})

    def check_changes(self, handled: Collection[str]) -> None:
        """Check that these clusters were handled, none twice, and no others, and that the log has their snapshots."""
        assert {call.operation for call in self.account.carried_out} & set(CHANGES) <= {self.way.operation}
        assert sorted(self.carried_out()) == sorted(handled)
        for name in self.due:
            state = (self.way.under_way, self.way.settled) if name in handled else (self.way.status,)
            assert self.cluster(name)["Status"] in state, name
        for name, before in self.neighbours.items():
            assert {**self.cluster(name), "TagList": None} == {**before, "TagList": None}
        assert sorted(self.logged()) == sorted(handled)
        for line in self.log.lines("INFO"):
            if "db_cluster" in line:
                assert difference(line["db_cluster"], self.cluster(f"{line['region']}/{line['cluster']}")) == []

    def check_failures(self, failed: Mapping[str, str]) -> None:
        """Check that each of these failures is told once, in an error and in the log, and no other."""
        beginning = re.compile(r"(?ms).*?^(\d+ failed and|Nothing was done\.)[^\n]*\n")
        told = [line for text in self.errors for line in beginning.sub("", text, count=1).splitlines()]
        errors = self.log.lines("ERROR")
        assert "DBClusterIdentifier" not in json.dumps(errors), "words, and no dump of what arrived"
        for lines in (told, [line["message"] for line in errors]):
            for name, words in failed.items():
                (line,) = (line for line in lines if re.match(rf"(Region )?{name}(?![\w/-])", line))
                assert words in line
            assert len(lines) == len(failed)
        counted = [int(number) for text in self.errors for number in re.findall(r"^(\d+) failed and ", text)]
        of_runs = [line["failures"] for line in self.log.lines("INFO") if "counts" in line and line["failures"]]
        assert counted == of_runs
        if counted:
            assert sum(counted) == len(failed)


def is_so(condition: Callable[[], object]) -> bool:
    """Whether something comes about that the threads of the run are at."""
    return any(condition() or threading.Event().wait(0.01) for _ in range(500))


@pytest.fixture
def waits_end_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have whoever waits for so many seconds give up once the test's clock says that they have passed."""
    wait = threading.Event.wait

    def by_the_clock(event: threading.Event, timeout: float | None = None) -> bool:
        if timeout is None:
            return wait(event)
        end, at_the_latest = time.time() + timeout, time.monotonic() + timeout
        while not wait(event, 0.005) and time.time() < end and time.monotonic() < at_the_latest:
            pass
        # What was done by then may still be on its way to whoever waits.
        return any(wait(event, 0.005) for _ in range(40))

    monkeypatch.setattr(threading.Event, "wait", by_the_clock)


@pytest.fixture
def trial(account: Account, log: Log, way: Way, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    with time_machine.travel(way.at, tick=False) as clock:
        trial = Trial(account, log, way, clock, monkeypatch)
        yield trial
        trial.over.set()


# What passes


@ways("stop by schedule", "stop by name", "start by schedule", "start by star")
@pytest.mark.parametrize(
    ("faults", "one_in", "seed"),
    [
        pytest.param((THROTTLED,), 1, 0, id="each thrice throttled"),
        pytest.param((THROTTLED,), 3, 1, id="every third throttled, seed 1"),
        pytest.param((THROTTLED,), 3, 2, id="every third throttled, seed 2"),
        pytest.param(tuple(PASSING.values()), 2, 3, id="every second of any kind, seed 3"),
        pytest.param(tuple(PASSING.values()), 2, 4, id="every second of any kind, seed 4"),
    ],
)
def test_a_bad_day_costs_no_cluster_but_the_one_that_is_refused(
    trial: Trial, faults: tuple[Fault, ...], one_in: int, seed: int
) -> None:
    *others, denied = trial.furnish()
    trial.account.page = 4
    trial.account.fail(trial.way.operation, ACCESS_DENIED, cluster="c05")
    trial.account.trouble(str(seed), faults, one_in=one_in)
    trial.run()
    trial.check(others, {denied: ACCESS_DENIED.words})


@ways("stop by schedule")
def test_many_clusters_are_handled_though_each_call_is_throttled_several_times(trial: Trial) -> None:
    trial.furnish(40, tags=[f"{OFFICE} enforced"], whole=0)
    trial.account.trouble("", [THROTTLED], one_in=1, in_a_row=4)
    trial.run()
    trial.check()


@ways("stop by schedule", "start by star")
def test_what_was_done_when_no_retries_were_left_is_logged_whole_and_no_failure(trial: Trial) -> None:
    trial.furnish(60, tags=[f"{OFFICE} enforced"], whole=0)
    attempts = Counter[str]()

    def is_done_at_the_fourth(call: Call) -> Fault | None:
        attempts[call.cluster] += 1
        if attempts[call.cluster] < 4:
            return INTERNAL_FAILURE
        return Damage.FAILED if attempts[call.cluster] == 4 else None

    trial.account.before(trial.way.operation, is_done_at_the_fourth)
    trial.run()
    trial.check()
    assert trial.log.lines("WARNING") == []


@two_ways
def test_a_listing_that_has_no_retries_left_goes_on(trial: Trial) -> None:
    trial.furnish(30, tags=[f"{OFFICE} enforced"], whole=0)
    trial.account.page = 1
    attempts = Counter[str | None]()

    def is_throttled_five_times(call: Call) -> Fault | None:
        page = call.parameters.get("Marker")
        attempts[page] += "DBClusterIdentifier" not in call.parameters
        return THROTTLED if attempts[page] <= 5 else None

    trial.account.before("DescribeDBClusters", is_throttled_five_times)
    trial.run()
    trial.check()


@pytest.mark.parametrize(
    ("way", "operation", "fault"),
    [
        pytest.param(WAYS[name], operation, fault, id=f"{name}, {operation}, {kind}")
        for name, operations in {
            "stop by schedule": ("DescribeDBClusters", "DescribeEvents", "StopDBCluster"),
            "start by star": ("AddTagsToResource", "StartDBCluster"),
        }.items()
        for operation in operations
        for kind, fault in PASSING.items()
    ],
)
def test_each_kind_of_call_is_made_again_after_each_kind_of_fault(trial: Trial, operation: str, fault: Fault) -> None:
    """What was done though the answer was lost is neither a failure nor a warning, and its snapshot is in the log."""
    trial.furnish(2)
    trial.account.fail(operation, fault, times=2)
    trial.run()
    trial.check()
    assert trial.log.lines("WARNING") == []


@two_ways
def test_what_is_over_by_the_time_that_it_is_asked_for_again_is_no_failure(trial: Trial) -> None:
    trial.furnish(1)

    def is_lost_and_ends(call: Call) -> Fault | None:
        if call not in trial.account.carried_out:
            return Damage.LOST
        trial.account.settle(trial.way.at)
        return None

    trial.account.before(trial.way.operation, is_lost_and_ends)
    trial.run()
    trial.check()
    assert trial.cluster(f"{HOME}/c00")["Status"] == trial.way.settled
    assert trial.log.lines("WARNING") == []


@two_ways
def test_a_refusal_after_a_lost_answer_stays_a_refusal_where_nothing_is_under_way(trial: Trial) -> None:
    trial.furnish(2)
    trial.account.fail(trial.way.operation, RESET, times=1, cluster="c00")
    trial.account.fail(trial.way.operation, Refusal("InvalidDBClusterStateFault", "Not now."), cluster="c00")
    trial.run()
    trial.check([f"{HOME}/c01"])
    (line,) = trial.log.lines("WARNING")
    assert (line["cluster"], line["error_message"]) == ("c00", "Not now.")
    trial.next_run()
    trial.check()


# What does not pass


@two_ways
@pytest.mark.parametrize(
    "fault", [THROTTLED, INTERNAL_FAILURE, ACCESS_DENIED, EXPIRED, RESET], ids=lambda fault: fault.code or "reset"
)
def test_what_never_passes_for_one_cluster_is_given_up_and_told_and_the_others_are_handled(
    trial: Trial, fault: Refusal
) -> None:
    trial.furnish(3)
    trial.account.fail(trial.way.operation, fault, cluster="c01")
    failed = {f"{HOME}/c01": "Connection was closed" if fault is RESET else fault.words}
    trial.run()
    trial.check([f"{HOME}/c00", f"{HOME}/c02"], failed)
    # What may pass has two turns of eight attempts.
    may_pass = fault in (THROTTLED, INTERNAL_FAILURE, RESET)
    assert trial.account.named(trial.way.operation).count("c01") == (16 if may_pass else 1)
    trial.next_run()
    trial.check(failed=failed)


@two_ways
def test_failures_of_several_kinds_are_each_told_once(trial: Trial) -> None:
    due = trial.furnish(2, regions=(HOME, "sa-east-1", "us-east-1"))
    trial.account.fail("DescribeDBClusters", ACCESS_DENIED, region="sa-east-1")
    trial.account.fail(trial.way.operation, THROTTLED, cluster="c00")
    trial.run()
    failed = {
        "sa-east-1": ACCESS_DENIED.words,
        f"{HOME}/c00": THROTTLED.words,
        "us-east-1/c00": THROTTLED.words,
    }
    trial.check([f"{HOME}/c01", "us-east-1/c01"], failed)
    trial.next_run()
    trial.check(due, failed)


@ways()
def test_a_change_that_is_denied_is_a_failure_of_each_cluster_and_the_next_run_makes_it_good(trial: Trial) -> None:
    trial.furnish(3)
    trial.account.fail(trial.way.operation, ACCESS_DENIED)
    trial.run()
    failed = dict.fromkeys(trial.due, ACCESS_DENIED.words)
    trial.check([], failed)
    trial.next_run()
    trial.check(failed=failed)


@ways("schedule")
def test_where_events_are_denied_what_needs_none_is_handled(trial: Trial) -> None:
    trial.furnish(4)
    trial.account.fail("DescribeEvents", ACCESS_DENIED)
    trial.run()
    failed = dict.fromkeys(trial.due[0::2], ACCESS_DENIED.words)
    trial.check(trial.due[1::2], failed)
    trial.next_run()
    trial.check(failed=failed)


@ways("star", "name")
def test_where_the_hold_is_denied_nothing_is_done(trial: Trial) -> None:
    trial.furnish(3)
    trial.account.fail("AddTagsToResource", ACCESS_DENIED)
    trial.run()
    # A command for all holds these as well, though they need no call.
    also = (f"{HOME}/c00-done", f"{HOME}/c01-busy") if trial.way.by == "star" else ()
    trial.check([], dict.fromkeys((*trial.due, *also), ACCESS_DENIED.words))


@ways("stop by schedule", "stop by name", "start by star")
@pytest.mark.parametrize("fault", [ACCESS_DENIED, EXPIRED], ids=lambda fault: fault.code)
def test_where_nothing_can_be_listed_it_is_one_failure_a_region(trial: Trial, fault: Refusal) -> None:
    trial.furnish(1, regions=(HOME, "us-east-1"))
    trial.account.fail("*" if fault is EXPIRED else "DescribeDBClusters", fault)
    trial.run()
    failed = dict.fromkeys((HOME, "us-east-1"), fault.words)
    trial.check([], failed)
    trial.next_run()
    trial.check(failed=failed)


@ways("stop by name")
def test_where_a_region_cannot_be_listed_no_name_in_it_is_called_unknown(trial: Trial) -> None:
    trial.furnish(2)
    trial.account.fail("DescribeDBClusters", ACCESS_DENIED)
    trial.run()
    (text,) = trial.errors
    assert "unknown" not in text


@ways("schedule", "name")
def test_credentials_that_expire_in_the_middle_leave_done_what_was_done(trial: Trial) -> None:
    trial.furnish(12, tags=[f"{OFFICE} enforced"])
    trial.account.before("*", lambda _: EXPIRED if len(trial.carried_out()) >= 3 else None)
    trial.run()
    handled = trial.carried_out()
    assert 3 <= len(handled) < len(trial.due)
    failed = dict.fromkeys(set(trial.due) - set(handled), EXPIRED.words)
    trial.check(handled, failed)
    trial.next_run()
    trial.check(failed=failed)


@two_ways
def test_where_the_list_of_regions_fails_nothing_is_done_and_it_is_told(trial: Trial) -> None:
    trial.furnish(1, regions=["*"])
    trial.account.fail("ListRegions", ACCESS_DENIED)
    trial.run()
    trial.check([], {"The list of the account's Regions": ACCESS_DENIED.words})
    assert trial.account.calls == [Call("ListRegions", HOME, trial.account.calls[0].parameters)]


@two_ways
def test_where_nobody_answers_at_all_it_is_told(trial: Trial) -> None:
    trial.furnish(1)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        trial.monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        trial.run()
    trial.check([], {HOME: "Could not connect to the endpoint URL"})


broken_pages = pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(ACCESS_DENIED, ACCESS_DENIED.words, id="denied"),
        pytest.param(EXPIRED, EXPIRED.words, id="expired"),
        pytest.param(THROTTLED, THROTTLED.words, id="throttled"),
        pytest.param(INTERNAL_FAILURE, INTERNAL_FAILURE.words, id="500"),
        pytest.param(RESET, "Connection was closed", id="reset"),
        pytest.param(Damage.CUT, "Connection was closed", id="cut"),
        pytest.param(Damage.ENDED, "Connection was closed", id="ended"),
        pytest.param(Damage.TRUNCATED, "Unable to parse response", id="truncated"),
        pytest.param(Rewritten(lambda _: b"A proxy's"), "Unable to parse response", id="not RDS's"),
        pytest.param(Rewritten(lambda _: b""), "Unable to parse response", id="empty"),
    ],
)


@two_ways
@broken_pages
def test_a_page_that_never_comes_whole_leaves_the_clusters_before_it_handled(
    trial: Trial, fault: Fault, words: str
) -> None:
    trial.furnish(4)
    trial.account.page = 4  # on the first: c00, c00-done, c01, c01-busy
    trial.account.fail("DescribeDBClusters", fault, Marker="4")
    trial.run()
    trial.check([f"{HOME}/c00", f"{HOME}/c01"], {HOME: words})
    trial.next_run()
    trial.check(failed={HOME: words})


@ways("name")
def test_where_a_page_never_comes_whole_a_name_may_mean_another_cluster(trial: Trial) -> None:
    trial.furnish(2)
    trial.account.page = 4
    trial.account.fail("DescribeDBClusters", Damage.CUT, Marker="4")
    trial.run({"clusters": ["c00"]})
    trial.check([], {HOME: "Connection was closed"})


@two_ways
@pytest.mark.parametrize("then", ["it cannot be read", "it is too late", "throttled for ever"])
def test_what_was_done_though_no_answer_came_is_logged_whole(trial: Trial, then: str) -> None:
    """Where it was done, that is what is to be told, however the answer was lost: the next run finds nothing to do."""
    trial.furnish(1)
    if then == "it is too late":
        trial.account.before(trial.way.operation, lambda _: trial.clock.shift(56))
    trial.account.fail(trial.way.operation, Damage.TRUNCATED if then == "it cannot be read" else Damage.LOST, times=1)
    if then == "throttled for ever":
        trial.account.fail(trial.way.operation, THROTTLED)
    trial.run(seconds=60)
    trial.check_changes(trial.due)


# What is not as it usually is

NOVELTY = b"<Novelty><Since>2031-01-01T00:00:00Z</Since><Of><member>a</member></Of></Novelty>"


@ways()
def test_members_that_nobody_knows_yet_are_no_fault(trial: Trial) -> None:
    trial.furnish(3)
    for name in trial.due:
        trial.account.log(name.rpartition("/")[2], "Something else.", trial.way.at)
    structures = rb"<(DBCluster|Event|ResponseMetadata|Describe\w+Result)>"
    trial.account.fail("*", Rewritten(lambda body: re.sub(structures, rb"\g<0>" + NOVELTY, body)))
    trial.run()
    trial.check()


@two_ways
def test_a_status_that_nobody_knows_is_left_until_it_is_one_that_is_known(trial: Trial) -> None:
    trial.furnish(5)
    *strange, known = trial.due
    for name, status in zip(strange, ("", "teleporting", "AVAILABLE?", "\N{SNOWMAN} <b>&amp;"), strict=True):
        trial.cluster(name)["Status"] = status
    trial.run()
    assert (trial.carried_out(), trial.errors) == ([known], [])
    for name in strange:
        trial.cluster(name)["Status"] = trial.way.status
    trial.next_run()
    trial.check()


@two_ways
def test_a_time_that_cannot_be_read_is_the_case_of_its_cluster_alone(trial: Trial) -> None:
    _, spoilt, _ = trial.furnish(3, tags=[OFFICE], whole=0)
    trial.cluster(spoilt)["ClusterCreateTime"] = datetime(2001, 2, 3, tzinfo=UTC)
    trial.account.fail("DescribeDBClusters", Rewritten(lambda body: body.replace(b"2001-02-03T00:00:00Z", b"long ago")))
    trial.run()
    # A command by hand has no need of it.
    by_schedule = trial.way.by == "schedule"
    handled = [name for name in trial.due if name != spoilt or not by_schedule]
    trial.check(handled, {spoilt: "TypeError"} if by_schedule else {})


@two_ways
def test_an_answer_without_the_cluster_is_as_good_as_none(trial: Trial) -> None:
    trial.furnish(2)
    empty = Rewritten(lambda body: re.sub(rb"(?s)<DBCluster>.*</DBCluster>", b"", body))
    trial.account.fail(trial.way.operation, empty, cluster="c01")
    trial.run()
    trial.check()


def lacking(name: str, members: Collection[str]) -> Rewritten:
    """An answer in which this cluster lacks these members."""

    def by(body: bytes) -> bytes:
        root = ET.fromstring(body)  # noqa: S314  our own server's
        for cluster in root.iterfind(".//{*}DBCluster"):
            if cluster.findtext("{*}DBClusterIdentifier") == name:
                for member in [each for each in cluster if each.tag.rpartition("}")[2] in members]:
                    cluster.remove(member)
        return ET.tostring(root)

    return Rewritten(by)


@two_ways
@pytest.mark.parametrize("member", ["DBClusterMembers", "Engine", "Status", "TagList"])
def test_a_cluster_without_what_a_decision_needs_is_left_and_costs_no_other(trial: Trial, member: str) -> None:
    trial.furnish(3)
    trial.account.fail("DescribeDBClusters", lacking("c01", [member]))
    trial.run()
    trial.check([f"{HOME}/c00", f"{HOME}/c02"])
    trial.next_run()
    trial.check()


@ways("stop by schedule")
@pytest.mark.parametrize("seed", range(4))
def test_a_cluster_without_what_a_decision_does_not_need_is_handled(trial: Trial, seed: int) -> None:
    trial.furnish(3)
    needed = {"DBClusterIdentifier", "DBClusterMembers", "Engine", "Status", "TagList"}
    members = sorted(trial.cluster(f"{HOME}/c00").keys() - needed)
    missing = random.Random(seed).sample(members, k=len(members) // 2)  # noqa: S311  no secret
    trial.account.fail("DescribeDBClusters", lacking("c00", missing))
    trial.run()
    trial.check()


@ways("stop by schedule")
@pytest.mark.parametrize(
    "member", ["Date", "EventCategories", "Message", "SourceArn", "SourceIdentifier", "SourceType"]
)
def test_an_event_that_lacks_a_member_is_no_fault(trial: Trial, member: str) -> None:
    trial.furnish(3)
    for name in ("c00", "c02"):
        trial.account.log(name, "Something else.", trial.way.at)
    without = re.compile(rf"<{member}>.*?</{member}>".encode())
    trial.account.fail("DescribeEvents", Rewritten(lambda body: without.sub(b"", body)))
    trial.run()
    trial.check()


@two_ways
@pytest.mark.parametrize("seed", range(4))
def test_a_listing_that_changes_between_its_pages_costs_no_cluster(trial: Trial, seed: int) -> None:
    """What was pushed past a page's edge, or was not as it had been listed, is the next run's."""
    trial.furnish(9, whole=0)
    trial.account.page = 4
    chance = random.Random(seed)  # noqa: S311  no secret
    numbers = count()

    def goes(name: str) -> None:
        trial.due.remove(name)
        trial.account.clusters[HOME].pop(name.rpartition("/")[2])

    happenings: list[Callable[[str], object]] = [
        goes,
        lambda name: trial.cluster(name).update(Status="modifying"),
        lambda name: trial.cluster(name).update(Status=trial.way.under_way),
        lambda name: trial.cluster(name).update(TagList=[]),
        lambda _: trial.add(f"b{next(numbers)}", OFFICE, whole=False),
    ]

    def change(_: Call) -> None:
        for name in chance.sample(sorted(set(trial.due) - set(trial.carried_out())), 3):
            chance.choice(happenings)(name)

    trial.account.before("DescribeDBClusters", change)
    trial.run()
    assert trial.errors == []
    assert len(set(trial.carried_out())) == len(trial.carried_out())
    for name in set(trial.due) - set(trial.carried_out()):
        trial.cluster(name).update(Status=trial.way.status, TagList=[{"Key": "office-hours", "Value": OFFICE}])
    trial.next_run()
    trial.check()


# What is slow


@two_ways
@pytest.mark.parametrize("seed", range(2))
def test_slow_answers_cost_no_cluster_while_there_is_time(trial: Trial, seed: int) -> None:
    trial.furnish()
    trial.account.page = 4
    chance = random.Random(seed)  # noqa: S311  no secret
    trial.account.before("*", lambda _: trial.clock.shift(chance.randrange(20)))
    trial.run(seconds=900)
    trial.check()


@two_ways
def test_a_slow_answer_holds_up_no_other_cluster(trial: Trial) -> None:
    trial.furnish(5)
    in_time = []

    def wait_for_the_others(_: Call) -> None:
        in_time.append(is_so(lambda: len(trial.carried_out()) == 4))

    trial.account.before(trial.way.operation, wait_for_the_others, cluster="c00")
    trial.run()
    assert in_time == [True]
    trial.check()


@two_ways
def test_a_slow_page_holds_up_none_of_the_clusters_before_it(trial: Trial) -> None:
    trial.furnish(4)
    trial.account.page = 4
    in_time = []

    def wait_for_the_others(_: Call) -> None:
        in_time.append(is_so(trial.carried_out))

    trial.account.before("DescribeDBClusters", wait_for_the_others, Marker="4")
    trial.run()
    assert in_time == [True]
    trial.check()


@two_ways
@pytest.mark.parametrize("hangs", ["DescribeDBClusters", "a change"])
@pytest.mark.usefixtures("waits_end_by_the_clock")
def test_a_region_that_does_not_answer_is_one_failure_and_costs_no_other(trial: Trial, hangs: str) -> None:
    trial.furnish(2, regions=(HOME, "sa-east-1", "us-east-1"))
    reachable = [name for name in trial.due if not name.startswith("sa-east-1")]
    if hangs == "a change":
        reachable.append("sa-east-1/c01")

    in_time = []

    def hang(_: Call) -> Refusal:
        in_time.append(is_so(lambda: trial.is_done(reachable)))
        trial.clock.shift(60)
        trial.over.wait()
        return RESET

    operation, where = (trial.way.operation, {"cluster": "c00"}) if hangs == "a change" else (hangs, {})
    trial.account.before(operation, hang, region="sa-east-1", **where)
    trial.run(seconds=60)
    assert in_time == [True]
    failed = {"sa-east-1": "not all of it was done when the function's time was up"}
    trial.check(reachable, failed)
    # What there is to tell of in a Region is the due, and three of their neighbours.
    assert f"1 failed and {len(reachable) + 3 * (3 if hangs == 'a change' else 2)} clusters" in trial.errors[0]
    # Lambda lets what one invocation left behind go on in a later one: nothing may come of it.
    trial.over.set()
    end_what_was_given_up()
    trial.check_changes(reachable)
    trial.next_run()
    trial.check_changes(trial.due)


@ways("name")
@pytest.mark.usefixtures("waits_end_by_the_clock")
def test_while_a_region_does_not_answer_a_command_reaches_those_that_do(trial: Trial) -> None:
    trial.furnish(2, regions=(HOME, "sa-east-1"))
    trial.account.before("*", lambda _: trial.over.wait(), region="sa-east-1")
    at_home = [name for name in trial.due if name.startswith(HOME)]
    trial.run({"clusters": at_home}, seconds=60)
    trial.check(at_home)


@ways("name")
@pytest.mark.usefixtures("waits_end_by_the_clock")
def test_a_command_that_nobody_answers_is_told_of_in_time(trial: Trial) -> None:
    trial.furnish(1)

    def hang(_: Call) -> None:
        trial.clock.shift(60)
        trial.over.wait()

    trial.account.before("DescribeDBClusters", hang)
    trial.run(seconds=60)
    trial.check([], {HOME: "not all of it was done when the function's time was up"})


# When there is no time left


@pytest.mark.parametrize(
    ("way", "during"),
    [
        pytest.param(WAYS[name], during, id=f"{name}, {during}")
        for name, operations in {
            "stop by schedule": ("DescribeDBClusters", "DescribeEvents", "StopDBCluster"),
            "start by star": ("DescribeDBClusters", "AddTagsToResource", "StartDBCluster"),
        }.items()
        for during in operations
    ],
)
def test_when_the_functions_time_runs_out_nothing_is_begun_and_the_next_run_does_what_is_left(
    trial: Trial, during: str
) -> None:
    due = trial.furnish(30, whole=0)
    is_late = threading.Event()
    afterwards = []

    def look(call: Call) -> None:
        if is_late.is_set() and call.operation in ("AddTagsToResource", *CHANGES):
            afterwards.append(call)
        if call.operation == during:
            trial.clock.move_to(datetime.fromisoformat(trial.way.at) + timedelta(seconds=56))
            is_late.set()

    trial.account.before("*", look)
    trial.run(seconds=60)
    assert len(afterwards) < rds.THREADS, "more than what was on its way already"
    handled = trial.carried_out()
    trial.check_changes(handled)
    # Each that is left is told of once: as left for the next run, or as a failure where nobody knows what it needs, and
    # where a person has to ask again.
    left, failed = trial.log.lines("WARNING"), trial.log.lines("ERROR")
    told = [f"{HOME}/{line['cluster']}" for line in (*left, *failed)]
    assert len(told) == len(set(told))
    assert set(told) - trial.neighbours.keys() == set(due) - set(handled)
    assert all("next run" in line["message"] for line in left)
    trial.check_failures({f"{HOME}/{line['cluster']}": "TimeoutError: " for line in failed})
    if trial.way.by == "star":
        assert all(trial.account.tag(line["cluster"]) for line in left)
    trial.next_run()
    trial.check_changes(due)


@two_ways
def test_what_could_not_be_listed_in_time_is_a_failure(trial: Trial) -> None:
    due = trial.furnish(5, tags=[f"{OFFICE} enforced"])
    trial.account.page = 4  # c00, c00-done, c01, c01-busy; c02, c02-bad, c03, c03-untagged; c04

    in_time = []

    def is_slow(_: Call) -> None:
        in_time.append(is_so(lambda: trial.is_done(due[:2])))
        trial.clock.shift(56)

    trial.account.before("DescribeDBClusters", is_slow, Marker="4")
    trial.run(seconds=60)
    assert in_time == [True]
    # By the time that the second page is there it is too late for what is on it.
    unheld = {} if trial.way.by == "schedule" else dict.fromkeys(due[2:4], "too late to begin")
    failed = {HOME: "the function's time was up before all were listed"} | unheld
    trial.check(due[:2], failed)
    trial.next_run()
    trial.check(failed=failed)


@ways("stop by schedule", "start by schedule")
def test_no_action_is_begun_once_the_next_transition_has_passed(trial: Trial) -> None:
    brief, long = {
        "StopDBCluster": ("daily 08:00-18:00 18:10-22:00 enforced", "daily 08:00-18:00 18:11-22:00 enforced"),
        "StartDBCluster": ("daily 08:00-08:10 enforced", "daily 08:00-08:11 enforced"),
    }[trial.way.operation]
    trial.add("brief", brief)
    trial.add("long", long)
    trial.account.before("DescribeDBClusters", lambda _: trial.clock.shift(600))
    trial.run()
    trial.check([f"{HOME}/long"])
    (line,) = trial.log.lines("WARNING")
    assert line["message"].startswith("brief: Left for the next run")


@ways("stop by schedule", "start by name")
def test_no_attempt_is_made_again_once_it_is_too_late(trial: Trial) -> None:
    trial.furnish(1)
    trial.account.before(trial.way.operation, lambda _: trial.clock.shift(60))
    trial.account.fail(trial.way.operation, THROTTLED)
    trial.run(seconds=60)
    failed = {f"{HOME}/c00": "it was too late to send it"}
    trial.check([], failed)
    assert trial.account.named(trial.way.operation) == ["c00"]
    trial.next_run()
    trial.check(failed=failed)


@two_ways
def test_nothing_is_sent_that_became_too_late_while_it_waited_for_its_turn(trial: Trial) -> None:
    trial.furnish(1, tags=[f"{OFFICE} enforced"])
    # Once throttled, botocore has each call wait for a token.
    trial.account.fail("DescribeDBClusters", THROTTLED, times=1)

    def wait(*_: object, **__: object) -> bool:
        if trial.account.counts()["DescribeDBClusters"] == 2:  # the one that was throttled, and the one that was not
            trial.clock.shift(60)
        return True

    trial.monkeypatch.setattr(bucket.TokenBucket, "acquire", wait)
    trial.run(seconds=60)
    assert set(trial.account.counts()) == {"DescribeDBClusters"}
    trial.next_run()
    trial.check_changes(trial.due)


def test_all_of_a_run_is_decided_for_the_instant_at_which_it_began(account: Account) -> None:
    account.add("a", "mon-fri 08:00-18:01 enforced")
    with time_machine.travel(CLOSING, tick=False) as clock:
        account.before("DescribeDBClusters", lambda _: clock.shift(60))
        answer = stop(context=Context(remaining=900_000))
    assert (answer["time"], decisions(answer)) == (CLOSING, {"a": ("leave", "as-scheduled")})


# What comes twice


@ways()
def test_a_run_that_is_delivered_twice_at_once_does_each_thing_once(trial: Trial) -> None:
    due = trial.furnish()
    trial.run({"dry_run": True})
    together = threading.Barrier(2, timeout=5)
    # Both have listed all clusters before either does anything.
    trial.account.before("DescribeDBClusters", lambda _: together.wait())
    deliveries = [threading.Thread(target=trial.run) for _ in range(2)]
    for delivery in deliveries:
        delivery.start()
    for delivery in deliveries:
        delivery.join()
    trial.check()
    assert len(trial.account.named(trial.way.operation)) == 2 * len(due), "both tried"
    # The other one's turn is no failure, nor is it told of as what this one did.
    assert len(trial.log.lines("WARNING")) == len(due)


@pytest.mark.parametrize(
    ("zone", "tags", "runs", "done"),
    [
        pytest.param(
            "Europe/Berlin",  # 02:00 is 03:00, at 01:00 UTC
            ["01:30-02:30", "02:30-03:30"],
            ("2026-03-29T00:20Z", "2026-03-29T01:45Z"),
            ["00:30 start a", "01:00 start b", "01:00 stop a", "01:30 stop b"],
            id="Berlin, forward",
        ),
        pytest.param(
            "Europe/Berlin",  # 03:00 is 02:00, at 01:00 UTC
            ["01:30-02:30", "02:30-03:30"],
            ("2026-10-24T23:20Z", "2026-10-25T02:45Z"),
            ["23:30 start a", "00:30 start b", "00:30 stop a", "02:30 stop b"],
            id="Berlin, back",
        ),
        pytest.param(
            "America/New_York",  # 02:00 is 03:00, at 07:00 UTC
            ["01:30-02:30", "02:30-03:30"],
            ("2026-03-08T06:20Z", "2026-03-08T07:45Z"),
            ["06:30 start a", "07:00 start b", "07:00 stop a", "07:30 stop b"],
            id="New York, forward",
        ),
        pytest.param(
            "America/New_York",  # 02:00 is 01:00, at 06:00 UTC
            ["00:30-01:30", "01:30-02:30"],
            ("2026-11-01T04:20Z", "2026-11-01T07:45Z"),
            ["04:30 start a", "05:30 start b", "05:30 stop a", "07:30 stop b"],
            id="New York, back",
        ),
        pytest.param(
            "Australia/Lord_Howe",  # 02:00 is 02:30, at 15:30 UTC the day before
            ["01:30-02:15", "02:15-03:00"],
            ("2026-10-03T14:50Z", "2026-10-03T16:15Z"),
            ["15:00 start a", "15:30 start b", "15:30 stop a", "16:00 stop b"],
            id="Lord Howe, forward",
        ),
        pytest.param(
            "Australia/Lord_Howe",  # 02:00 is 01:30, at 15:00 UTC the day before
            ["01:00-01:45", "01:45-02:30"],
            ("2026-04-04T13:50Z", "2026-04-04T16:15Z"),
            ["14:00 start a", "14:45 start b", "14:45 stop a", "16:00 stop b"],
            id="Lord Howe, back",
        ),
    ],
)
def test_where_the_clocks_change_each_thing_is_done_once(
    account: Account, zone: str, tags: list[str], runs: tuple[str, str], done: list[str]
) -> None:
    for name, hours in zip("ab", tags, strict=True):
        account.add(name, f"daily {hours} {zone}", Status="stopped")
    at, end = (datetime.fromisoformat(text) for text in runs)
    seen: list[str] = []
    account.before("StartDBCluster", lambda call: seen.append(f"{at:%H:%M} start {call.cluster}"))
    account.before("StopDBCluster", lambda call: seen.append(f"{at:%H:%M} stop {call.cluster}"))
    while at <= end:
        start(at.isoformat())
        stop(at.isoformat())
        account.settle((at + timedelta(minutes=4)).isoformat())
        at += timedelta(minutes=5)
    assert seen == done
