"""The faults of real accounts, at the wire, and what may be relied on after each of them.

botocore tries again; what a fault leaves all the same, the next run does. After two runs nothing is due any more, no
cluster was handled twice, and every snapshot is in the log, whole: `Trial.check` looks at all of it. One broken
cluster, page or Region costs no other. Nobody sleeps: time is what the test's clock shows, and retries do not wait.

The 23rd of November 2026 is a Monday.
"""

import copy
import json
import re
import threading
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

    def next_run(self, failed: Mapping[str, str] | None = None) -> None:
        """Have nothing go wrong any more, and invoke the function as its schedule does five minutes later."""
        self.account.heal()
        self.over.set()
        end_what_was_given_up()
        self.clock.move_to(datetime.fromisoformat(self.way.at) + timedelta(minutes=5))
        self.run({})
        self.check(failed=failed)

    def carried_out(self) -> list[str]:
        """The clusters that RDS stopped or started, as often as it did."""
        return [f"{call.region}/{call.cluster}" for call in self.account.carried_out if call.operation in CHANGES]

    def logged(self) -> list[str]:
        """The clusters whose snapshots are in the log."""
        return [f"{line['region']}/{line['cluster']}" for line in self.log.lines("INFO") if "db_cluster" in line]

    def check(self, handled: Collection[str] | None = None, failed: Mapping[str, str] | None = None) -> None:
        """Check that these clusters, or else all that were due, were handled, once, and no other; the log is whole.

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


@both
def test_neither_do_they_where_botocore_gives_up_because_too_much_fails(trial: Trial) -> None:
    trial.furnish(60, tags=[ENFORCED])
    trial.account.trouble("", [THROTTLED, Damage.FAILED], one_in=1, in_a_row=5, operation=trial.way.operation)
    trial.run()
    trial.next_run()


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
    trial.next_run(failed)


@both
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (ACCESS_DENIED, ACCESS_DENIED.words),
        (Damage.CUT, "Connection was closed"),
        (Rewritten(lambda _: b"A proxy's"), "Unable to parse response"),
    ],
    ids=["denied", "cut", "not RDS's"],
)
def test_a_page_that_never_comes_whole_leaves_the_clusters_before_it_handled(
    trial: Trial, fault: Fault, words: str
) -> None:
    trial.furnish(4)
    trial.account.page = 4  # on the first: c00, c00-done, c01, c01-busy
    trial.account.fail("DescribeDBClusters", fault, Marker="4")
    trial.run()
    trial.check([f"{HOME}/c00", f"{HOME}/c01"], {HOME: words})
    trial.next_run({HOME: words})


# What is not as it usually is

NOVELTY = rb"\g<0><Novelty><Since>2031-01-01T00:00:00Z</Since><Of><member>a</member></Of></Novelty>"
EVENT_MEMBERS = ("Date", "EventCategories", "Message", "SourceArn", "SourceIdentifier")
ODD = {
    "members that nobody knows yet": ("*", rb"<(DBCluster|Event|ResponseMetadata|Describe\w+Result)>", NOVELTY),
    "an answer without the cluster": ("a change", rb"(?s)<DBCluster>.*</DBCluster>", b""),
    **{
        f"an event without {name}": ("DescribeEvents", b"<%b>.*?</%b>" % ((name.encode(),) * 2), b"")
        for name in EVENT_MEMBERS
    },
}


@both
@pytest.mark.parametrize(("operation", "pattern", "instead"), ODD.values(), ids=ODD)
def test_what_is_not_as_it_usually_is_is_no_fault(trial: Trial, operation: str, pattern: bytes, instead: bytes) -> None:
    trial.furnish(3)
    trial.account.log("c00", "Something else.", trial.way.at)
    odd = Rewritten(lambda body: re.sub(pattern, instead, body))
    trial.account.fail(trial.way.operation if operation == "a change" else operation, odd)
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


@both
def test_what_a_cluster_that_comes_pushes_onto_two_pages_is_handled_once(trial: Trial) -> None:
    listed = trial.furnish(3)
    trial.account.page = 3  # on the first: c00, c00-done, c01, which is then on the second, too
    trial.account.before("DescribeDBClusters", lambda _: trial.add("b00", OFFICE), Marker="3")
    trial.run()
    assert trial.log.lines("WARNING") == []
    trial.check(listed, {})
    trial.next_run()


@both
def test_a_call_that_hangs_costs_no_other_and_nothing_comes_of_it_later(trial: Trial) -> None:
    trial.furnish(2, regions=(HOME, "sa-east-1"))
    others = [name for name in trial.due if name != "sa-east-1/c00"]
    where = {"region": "sa-east-1", "cluster": "c00"}
    trial.account.before(trial.way.operation, lambda _: RESET if trial.over.wait(20) else None, **where)
    trial.run(seconds=5.5)
    assert "sa-east-1" in trial.errors[0]
    trial.check(others)
    # Lambda lets what one invocation left behind go on in a later one: nothing may come of it.
    trial.clock.shift(60)
    trial.over.set()
    end_what_was_given_up()
    trial.check(others)
    trial.next_run()


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
    trial.next_run(failed)


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
