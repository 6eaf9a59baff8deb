"""The faults of real accounts, at the wire, and what may be relied on after each of them.

botocore tries again; what a fault leaves all the same, the next run does. After two runs nothing is due any more, no
cluster was handled twice, and every snapshot is in the log, whole: `Trial.check` looks at all of it. One broken
cluster, page or Region costs no other. Nobody sleeps: time is what the test's clock shows, and retries do not wait.

The 23rd of November 2026 is a Monday.
"""

import copy
import json
import re
import socket
import threading
import time
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
ENFORCED = f"{OFFICE} enforced"
OPENING, CLOSING = "2026-11-23T08:00:00Z", "2026-11-23T18:00:00Z"
CHANGES = ("StopDBCluster", "StartDBCluster")
# A snapshot with every member that there is, but for those of clusters that RDS cannot stop.
WHOLE = filled(STRUCTURE, "", count()) | {
    "GlobalClusterIdentifier": "",
    "ReplicationSourceIdentifier": "",
    "ReadReplicaIdentifiers": [],
}
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
    """A function, and how it is invoked.

    at: when its clusters are due.
    status, under_way, settled: what they are before, during and after.
    """

    run: Callable[..., Answer]
    event: dict[str, object]
    operation: str
    at: str
    status: str
    under_way: str
    settled: str


STOP = Way(stop, {}, "StopDBCluster", CLOSING, "available", "stopping", "stopped")
START = Way(start, {"clusters": ["*"]}, "StartDBCluster", OPENING, "stopped", "starting", "available")
both = pytest.mark.parametrize("way", [STOP, START], ids=["stop by schedule", "start by hand"])
by_schedule = pytest.mark.parametrize("way", [STOP], ids=["stop by schedule"])
by_hand = pytest.mark.parametrize("way", [START], ids=["start by hand"])


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
        self, due: int = 6, *, regions: Sequence[str] = (HOME,), tags: Sequence[str] = (OFFICE, ENFORCED)
    ) -> list[str]:
        """Put so many clusters that are due into each Region, and some that are not. Returns those that are."""
        self.monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps({"regions": list(regions)}))
        for region in regions:
            for number in range(due):
                self.add(f"c{number:02}", tags[number % len(tags)], region, whole=number < 2)
            for name, tag, members in (
                ("c00-done", OFFICE, {"Status": self.way.settled}),
                ("c01-busy", OFFICE, {"Status": "modifying"}),
                ("c02-bad", "mno-fri 08:00-18:00", {}),
                ("c03-untagged", None, {}),
                ("c04-other", OFFICE, {"Engine": "postgres"}),
            ):
                cluster = self.account.add(name, tag, region=region, **{"Status": self.way.status} | members)
                self.neighbours[f"{region}/{name}"] = copy.deepcopy(cluster)
        return list(self.due)

    def add(self, name: str, tag: str, region: str = HOME, *, whole: bool = False) -> Structure:
        """Put a cluster that is due into the account: with every member that there is, or only the usual ones."""
        cluster = self.account.add(name, tag, region=region, Status=self.way.status)
        if whole:
            self.account.clusters[region][name] = cluster = WHOLE | cluster
        self.due.append(f"{region}/{name}")
        return cluster

    def cluster(self, name: str) -> Structure:
        region, _, identifier = name.partition("/")
        return self.account.clusters[region][identifier]

    def run(self, event: dict[str, object] | None = None, *, seconds: float = 900) -> None:
        """Invoke the function, which has so many seconds."""
        try:
            self.way.run(event=self.way.event if event is None else event, context=Context(round(seconds * 1000)))
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
        """The clusters that RDS stopped or started, as often as it did."""
        return [f"{call.region}/{call.cluster}" for call in self.account.carried_out if call.operation in CHANGES]

    def logged(self) -> list[str]:
        """The clusters whose snapshots are in the log."""
        return [f"{line['region']}/{line['cluster']}" for line in self.log.lines("INFO") if "db_cluster" in line]

    def is_done(self, names: Collection[str]) -> bool:
        """Whether all that is to be done about these clusters is, and about their neighbours, which a command holds."""
        regions = {name.partition("/")[0] for name in names}
        held = {f"{line['region']}/{line['cluster']}" for line in self.log.lines("INFO") if "hold" in line}
        others = {f"{region}/{name}" for region in regions for name in ("c00-done", "c01-busy")}
        return set(names) <= set(self.logged()) and (self.way is STOP or others <= held)

    def check(self, handled: Collection[str] | None = None, failed: Mapping[str, str] | None = None) -> None:
        """Check what has to hold after any fault, and after any number of runs.

        handled: the clusters that could be; without them, all that were due. None was handled twice, nor any other, and
            the snapshot of each is in the log, whole.
        failed: what could not be, a cluster or a Region, and words of why. The errors and the log tell of these alone.
        """
        handled = self.due if handled is None else handled
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
        if failed is not None:
            self.check_failures(failed)

    def check_failures(self, failed: Mapping[str, str]) -> None:
        told = "\n".join(self.errors), "\n".join(line["message"] for line in self.log.lines("ERROR"))
        assert "DBClusterIdentifier" not in str(told), "words, and no dump of what arrived"
        for text in told:
            for name, words in failed.items():
                assert re.search(rf"{name}(?![\w/-])", text), f"{name} is not in: {text}"
                assert words in text
            for name in {*self.due, *self.neighbours} - {*failed}:
                assert not re.search(rf"{name}(?![\w-])", text), f"{name} is in: {text}"
            assert failed or not text


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


# Whatever goes wrong


@both
@pytest.mark.parametrize("one_in", [1, 2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_two_runs_leave_nothing_due_and_lose_no_snapshot(trial: Trial, seed: int, one_in: int) -> None:
    trial.furnish(12)
    trial.account.page = 4
    trial.account.trouble(str(seed), [*PASSING.values()], one_in=one_in)
    trial.run()
    trial.next_run()
    trial.check()


@both
def test_neither_do_they_where_botocore_gives_up_because_too_much_fails(trial: Trial) -> None:
    trial.furnish(60, tags=[ENFORCED])
    trial.account.trouble("", [THROTTLED, Damage.FAILED], one_in=1, in_a_row=5, operation=trial.way.operation)
    trial.run()
    trial.next_run()
    trial.check()


# What passes


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
@pytest.mark.parametrize(
    ("way", "operation"),
    [
        *((STOP, operation) for operation in ("DescribeDBClusters", "DescribeEvents", "StopDBCluster")),
        *((START, operation) for operation in ("AddTagsToResource", "StartDBCluster")),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_each_kind_of_call_is_made_again_after_each_kind_of_fault(trial: Trial, operation: str, fault: Fault) -> None:
    trial.furnish(2)
    trial.account.fail(operation, fault, times=2)
    trial.run()
    trial.check(failed={})
    assert trial.log.lines("WARNING") == []


@both
@pytest.mark.parametrize("then", ["refused", "it is over", "it cannot be read", "throttled for ever", "too late"])
def test_what_was_done_though_no_answer_came_is_logged_whole(trial: Trial, then: str) -> None:
    """However its answer was lost, it was done: the next run finds nothing to do, and nothing else tells of it."""
    trial.furnish(1)
    operation = trial.way.operation

    def settle(call: Call) -> None:
        if call in trial.account.carried_out:
            trial.account.settle(trial.way.at)

    if then == "it is over":
        trial.account.before(operation, settle)
    if then == "too late":
        trial.account.before(operation, lambda _: trial.clock.shift(56))
    trial.account.fail(operation, Damage.TRUNCATED if then == "it cannot be read" else Damage.LOST, times=1)
    if then == "throttled for ever":
        trial.account.fail(operation, THROTTLED)
    trial.run(seconds=60)
    trial.check()
    trial.next_run()
    trial.check()


@both
def test_a_refusal_after_a_lost_answer_stays_a_refusal_where_nothing_is_under_way(trial: Trial) -> None:
    trial.furnish(2)
    trial.account.fail(trial.way.operation, RESET, times=1, cluster="c00")
    trial.account.fail(trial.way.operation, Refusal("InvalidDBClusterStateFault", "Not now."), cluster="c00")
    trial.run()
    trial.check([f"{HOME}/c01"], {})
    (line,) = trial.log.lines("WARNING")
    assert (line["cluster"], line["error_message"]) == ("c00", "Not now.")
    trial.next_run()
    trial.check()


# What does not pass


@both
@pytest.mark.parametrize(
    "fault", [THROTTLED, INTERNAL_FAILURE, ACCESS_DENIED, EXPIRED, RESET], ids=lambda fault: fault.code or "reset"
)
def test_what_never_passes_for_one_cluster_is_told_and_the_others_are_handled(trial: Trial, fault: Refusal) -> None:
    trial.furnish(3)
    trial.account.fail(trial.way.operation, fault, cluster="c01")
    failed = {f"{HOME}/c01": "Connection was closed" if fault is RESET else fault.words}
    trial.run()
    trial.check([f"{HOME}/c00", f"{HOME}/c02"], failed)
    attempts = trial.account.named(trial.way.operation).count("c01")
    assert (attempts > 1) is (fault in (THROTTLED, INTERNAL_FAILURE, RESET))
    trial.next_run()
    trial.check(failed=failed)


@both
def test_a_region_that_fails_costs_no_other(trial: Trial) -> None:
    due = trial.furnish(2, regions=(HOME, "sa-east-1", "us-east-1"))
    trial.account.fail("DescribeDBClusters", ACCESS_DENIED, region="sa-east-1")
    trial.account.fail(trial.way.operation, THROTTLED, cluster="c00")
    trial.run()
    failed = {"sa-east-1": ACCESS_DENIED.words, f"{HOME}/c00": THROTTLED.words, "us-east-1/c00": THROTTLED.words}
    trial.check([f"{HOME}/c01", "us-east-1/c01"], failed)
    trial.next_run()
    trial.check(due)


@both
@pytest.mark.parametrize("operation", ["DescribeDBClusters", "*", "a change"])
def test_what_is_denied_altogether_is_told_and_the_next_run_makes_it_good(trial: Trial, operation: str) -> None:
    trial.furnish(2)
    trial.account.fail(trial.way.operation if operation == "a change" else operation, EXPIRED)
    trial.run()
    trial.check([], dict.fromkeys(trial.due if operation == "a change" else [HOME], EXPIRED.words))
    trial.next_run()
    trial.check()


@by_schedule
def test_where_events_are_denied_what_needs_none_is_handled(trial: Trial) -> None:
    trial.furnish(4)
    trial.account.fail("DescribeEvents", ACCESS_DENIED)
    trial.run()
    failed = dict.fromkeys(trial.due[0::2], ACCESS_DENIED.words)
    trial.check(trial.due[1::2], failed)
    trial.next_run()
    trial.check(failed=failed)


@by_hand
def test_where_the_hold_is_denied_nothing_is_done(trial: Trial) -> None:
    trial.furnish(3)
    trial.account.fail("AddTagsToResource", ACCESS_DENIED)
    trial.run()
    # A command for all holds these as well, though they need no call.
    also = (f"{HOME}/c00-done", f"{HOME}/c01-busy")
    trial.check([], dict.fromkeys((*trial.due, *also), ACCESS_DENIED.words))


@both
def test_where_the_list_of_regions_fails_it_is_told(trial: Trial) -> None:
    trial.furnish(1, regions=["*"])
    trial.account.fail("ListRegions", ACCESS_DENIED)
    trial.run()
    assert ACCESS_DENIED.words in trial.errors[0]
    trial.monkeypatch.setenv("OFFICE_HOURS_SETTINGS", "{}")
    trial.next_run()


@both
def test_where_nobody_answers_at_all_it_is_told(trial: Trial) -> None:
    trial.furnish(1)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        trial.monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        trial.run()
    trial.check([], {HOME: "Could not connect to the endpoint URL"})


@both
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(ACCESS_DENIED, ACCESS_DENIED.words, id="denied"),
        pytest.param(THROTTLED, THROTTLED.words, id="throttled"),
        pytest.param(Damage.CUT, "Connection was closed", id="cut"),
        pytest.param(Damage.TRUNCATED, "Unable to parse response", id="truncated"),
        pytest.param(Rewritten(lambda _: b"A proxy's"), "Unable to parse response", id="not RDS's"),
    ],
)
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


@by_hand
def test_where_not_all_could_be_listed_a_name_may_mean_another_cluster_and_is_not_called_unknown(trial: Trial) -> None:
    trial.furnish(2)
    trial.account.page = 4
    trial.account.fail("DescribeDBClusters", Damage.CUT, Marker="4")
    for name in ("c00", "elsewhere"):
        trial.run({"clusters": [name]})
    trial.check([], {HOME: "Connection was closed"})
    assert "unknown" not in str(trial.errors)


# What is not as it usually is

NOVELTY = b"<Novelty><Since>2031-01-01T00:00:00Z</Since><Of><member>a</member></Of></Novelty>"


@both
def test_members_that_nobody_knows_yet_are_no_fault(trial: Trial) -> None:
    trial.furnish(3)
    for name in trial.due:
        trial.account.log(name.rpartition("/")[2], "Something else.", trial.way.at)
    structures = rb"<(DBCluster|Event|ResponseMetadata|Describe\w+Result)>"
    trial.account.fail("*", Rewritten(lambda body: re.sub(structures, rb"\g<0>" + NOVELTY, body)))
    trial.run()
    trial.check(failed={})


@by_schedule
def test_a_time_that_cannot_be_read_is_the_case_of_its_cluster_alone(trial: Trial) -> None:
    first, spoilt, last = trial.furnish(3, tags=[OFFICE])
    trial.account.clusters[HOME]["c01"]["ClusterCreateTime"] = datetime(2001, 2, 3, tzinfo=UTC)
    trial.account.fail("DescribeDBClusters", Rewritten(lambda body: body.replace(b"2001-02-03T00:00:00Z", b"long ago")))
    trial.run()
    trial.check([first, last], {spoilt: "TypeError"})


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


@both
@pytest.mark.parametrize("member", ["DBClusterMembers", "Engine", "Status", "TagList"])
def test_a_cluster_without_what_a_decision_needs_is_left_and_costs_no_other(trial: Trial, member: str) -> None:
    trial.furnish(3)
    trial.account.fail("DescribeDBClusters", lacking("c01", [member]))
    trial.run()
    trial.check([f"{HOME}/c00", f"{HOME}/c02"])
    trial.next_run()
    trial.check()


@by_schedule
def test_a_cluster_of_which_nothing_else_is_known_is_handled(trial: Trial) -> None:
    trial.furnish(3)
    needed = {"DBClusterIdentifier", "DBClusterMembers", "Engine", "Status", "TagList"}
    trial.account.fail("DescribeDBClusters", lacking("c00", trial.cluster(f"{HOME}/c00").keys() - needed))
    trial.run()
    trial.check(failed={})


@by_schedule
@pytest.mark.parametrize("member", ["Date", "EventCategories", "Message", "SourceArn", "SourceIdentifier"])
def test_an_event_that_lacks_a_member_is_no_fault(trial: Trial, member: str) -> None:
    trial.furnish(3)
    trial.account.log("c00", "Something else.", trial.way.at)
    without = re.compile(rf"<{member}>.*?</{member}>".encode())
    trial.account.fail("DescribeEvents", Rewritten(lambda body: without.sub(b"", body)))
    trial.run()
    trial.check(failed={})


@both
def test_an_answer_without_the_cluster_is_as_good_as_none(trial: Trial) -> None:
    trial.furnish(2)
    empty = Rewritten(lambda body: re.sub(rb"(?s)<DBCluster>.*</DBCluster>", b"", body))
    trial.account.fail(trial.way.operation, empty, cluster="c01")
    trial.run()
    trial.check(failed={})


@both
def test_what_a_cluster_that_comes_pushes_onto_two_pages_is_handled_once(trial: Trial) -> None:
    listed = trial.furnish(3)
    trial.account.page = 3  # on the first: c00, c00-done, c01, which is then on the second, too
    trial.account.before("DescribeDBClusters", lambda _: trial.add("b00", OFFICE), Marker="3")
    trial.run()
    assert trial.log.lines("WARNING") == []
    trial.check(listed, {})
    trial.next_run()
    trial.check()


@both
def test_what_a_cluster_that_goes_pushes_off_the_pages_is_the_next_runs(trial: Trial) -> None:
    first, second, _ = trial.furnish(3)
    trial.account.page = 4  # on the first: c00, c00-done, c01, c01-busy; then c02 is on neither
    del trial.neighbours[f"{HOME}/c00-done"]
    trial.account.before("DescribeDBClusters", lambda _: trial.account.clusters[HOME].pop("c00-done"), Marker="4")
    trial.run()
    trial.check([first, second], {})
    trial.next_run()
    trial.check()


# What is slow


@both
def test_a_slow_answer_holds_up_no_other_cluster(trial: Trial) -> None:
    trial.furnish(5)
    in_time = []

    def wait_for_the_others(_: Call) -> None:
        in_time.append(is_so(lambda: len(trial.carried_out()) == 4))

    trial.account.before(trial.way.operation, wait_for_the_others, cluster="c00")
    trial.run()
    assert in_time == [True]
    trial.check(failed={})


@both
@pytest.mark.parametrize("hangs", ["DescribeDBClusters", "a change"])
@pytest.mark.usefixtures("waits_end_by_the_clock")
def test_a_region_that_does_not_answer_is_told_in_time_and_costs_no_other(trial: Trial, hangs: str) -> None:
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
    assert "sa-east-1" in trial.errors[0]
    trial.check(reachable)
    # Lambda lets what one invocation left behind go on in a later one: nothing may come of it.
    trial.over.set()
    end_what_was_given_up()
    trial.check(reachable)
    trial.next_run()
    trial.check()


@by_hand
@pytest.mark.usefixtures("waits_end_by_the_clock")
def test_a_command_waits_for_no_region_but_those_that_it_names(trial: Trial) -> None:
    trial.furnish(2, regions=(HOME, "sa-east-1"))
    trial.account.before("*", lambda _: trial.over.wait(), region="sa-east-1")
    at_home = [name for name in trial.due if name.startswith(HOME)]
    trial.run({"clusters": at_home}, seconds=60)
    trial.check(at_home, {})


# When there is no time left


@pytest.mark.parametrize(
    ("way", "during"),
    [
        *((STOP, operation) for operation in ("DescribeDBClusters", "DescribeEvents", "StopDBCluster")),
        *((START, operation) for operation in ("DescribeDBClusters", "AddTagsToResource", "StartDBCluster")),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_when_the_functions_time_runs_out_nothing_is_begun_and_the_next_run_does_what_is_left(
    trial: Trial, during: str
) -> None:
    due = trial.furnish(30)
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
    trial.check(handled)
    # Each that is left is told of: as left for the next run, or as a failure.
    told = " ".join(line["message"] for level in ("WARNING", "ERROR") for line in trial.log.lines(level))
    assert [name for name in set(due) - set(handled) if name.rpartition("/")[2] not in told] == []
    trial.next_run()
    trial.check(due)


@both
def test_what_could_not_be_listed_in_time_is_a_failure(trial: Trial) -> None:
    trial.furnish(5, tags=[ENFORCED])
    trial.account.page = 4
    trial.account.before("DescribeDBClusters", lambda _: trial.clock.shift(56), Marker="4")
    trial.run(seconds=60)
    assert f"{HOME}, listing" in trial.errors[0]
    # By the time that the second page is there it is too late for anything.
    trial.check([])
    trial.next_run()
    trial.check()


@pytest.mark.parametrize(
    ("way", "brief", "long"),
    [
        (STOP, "daily 08:00-18:00 18:10-22:00 enforced", "daily 08:00-18:00 18:11-22:00 enforced"),
        (START, "daily 08:00-08:10 enforced", "daily 08:00-08:11 enforced"),
    ],
    ids=["stop", "start"],
)
def test_no_action_is_begun_once_the_next_transition_has_passed(trial: Trial, brief: str, long: str) -> None:
    trial.add("brief", brief)
    trial.add("long", long)
    trial.account.before("DescribeDBClusters", lambda _: trial.clock.shift(600))
    trial.run({})
    trial.check([f"{HOME}/long"], {})
    (line,) = trial.log.lines("WARNING")
    assert line["cluster"] == "brief"


@both
def test_no_attempt_is_made_again_once_it_is_too_late(trial: Trial) -> None:
    trial.furnish(1)
    trial.account.before(trial.way.operation, lambda _: trial.clock.shift(60))
    trial.account.fail(trial.way.operation, THROTTLED)
    trial.run(seconds=60)
    failed = {f"{HOME}/c00": "too late"}
    trial.check([], failed)
    assert trial.account.named(trial.way.operation) == ["c00"]
    trial.next_run()
    trial.check(failed=failed)


@both
def test_nothing_is_sent_that_became_too_late_while_it_waited_for_its_turn(trial: Trial) -> None:
    trial.furnish(1, tags=[ENFORCED])
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
    trial.check()


def test_all_of_a_run_is_decided_for_the_instant_at_which_it_began(account: Account) -> None:
    account.add("a", "mon-fri 08:00-18:01 enforced")
    with time_machine.travel(CLOSING, tick=False) as clock:
        account.before("DescribeDBClusters", lambda _: clock.shift(60))
        answer = stop(context=Context(remaining=900_000))
    assert (answer["time"], decisions(answer)) == (CLOSING, {"a": ("leave", "as-scheduled")})


@both
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
    trial.check(failed={})
    assert len(trial.account.named(trial.way.operation)) == 2 * len(due), "both tried"
    # The other one's turn is no failure, nor is it told of as what this one did.
    assert len(trial.log.lines("WARNING")) == len(due)
