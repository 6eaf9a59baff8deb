"""The faults of real accounts, at the wire, and what may be relied on after each of them.

botocore tries again, eight times in all, and nothing else does. The next run does what a fault leaves.
After two runs nothing is due any more, no cluster was handled twice, and every snapshot is in the log, whole. One
broken cluster, event, page or Region costs no other: `Trial.check` looks at all of it. Nobody sleeps: time is what the
test's clock shows, and retries do not wait.

The 23rd of November 2026 is a Monday.
"""

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import pytest
import time_machine
from botocore.retries import bucket

import aws_server as aws
from aws_server import ACCESS_DENIED, EXPIRED, HOME, RESET, THROTTLED, Account, Call, Damage, Fault, Refusal, Rewritten
from invocation import Answer, Context, Log, start, stop
from office_hours import rds
from office_hours.answer import RunError
from snapshots import STRUCTURE, difference, filled

pytest_plugins = ["aws_server", "invocation"]

OFFICE, ENFORCED = "mon-fri 08:00-18:00", "mon-fri 08:00-18:00 enforced"
OPENING, CLOSING = "2026-11-23T08:00:00Z", "2026-11-23T18:00:00Z"
CHANGES, ATTEMPTS = ("StopDBCluster", "StartDBCluster"), 8
# A snapshot with every member that there is, but for those of clusters that RDS cannot stop.
WHOLE = filled(STRUCTURE, "", count()) | dict.fromkeys(("GlobalClusterIdentifier", "ReplicationSourceIdentifier"), "")
WHOLE |= {"ReadReplicaIdentifiers": []}
# What passes, before a call is carried out and after it: botocore tries again by itself.
BEFORE: list[Fault] = [THROTTLED, aws.INTERNAL_FAILURE, RESET]
AFTER: list[Fault] = [Damage.LOST, Damage.CUT, Damage.FAILED]


@dataclass(frozen=True)
class Way:
    """A function, how it is invoked, when its clusters are due, and what they are before and after."""

    run: Callable[..., Answer]
    event: dict[str, object]
    operation: str
    at: str
    status: str
    settled: str


STOP = Way(stop, {}, "StopDBCluster", CLOSING, "available", "stopped")
START = Way(start, {"clusters": ["*"]}, "StartDBCluster", OPENING, "stopped", "available")
both = pytest.mark.parametrize("way", [STOP, START], ids=["stop by schedule", "start by hand"])
CALLS = [(STOP, each) for each in ("DescribeDBClusters", "DescribeEvents", "LookupEvents", "StopDBCluster")]
CALLS += [(START, each) for each in ("DescribeDBClusters", "AddTagsToResource", "StartDBCluster")]
each_call = pytest.mark.parametrize(("way", "operation"), CALLS)


def named(fault: object) -> str:
    return (fault.code or "Reset") if isinstance(fault, Refusal) else str(fault)


@dataclass
class Trial:
    """An account in which clusters are due, as region/identifier; neighbours that are not; what a run makes of it."""

    account: Account
    log: Log
    way: Way
    clock: time_machine.Traveller
    monkeypatch: pytest.MonkeyPatch
    due: list[str] = field(default_factory=list)
    neighbours: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)  # when what hangs is to end

    def furnish(self, due: int = 6, *, regions: Sequence[str] = (HOME,), tag: str = OFFICE) -> list[str]:
        """Put so many clusters that are due into each Region, every second one enforced, and some that are not due."""
        self.monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps({"regions": list(regions)}))
        for region in regions:
            for number in range(due):
                self.add(f"c{number:02}", ENFORCED if number % 2 else tag, region)
            for name, tag_of_it, status in (
                ("c00-done", OFFICE, self.way.settled),
                ("c01-busy", OFFICE, "modifying"),
                ("c02-bad", "mno-fri 08:00-18:00", self.way.status),
                ("c03-untagged", None, self.way.status),
            ):
                self.account.add(name, tag_of_it, region=region, Status=status)
                self.neighbours[f"{region}/{name}"] = status
        return list(self.due)

    def add(self, name: str, tag: str, region: str = HOME) -> None:
        """Put a cluster that is due into the account: the first two with every member that there is."""
        cluster = self.account.add(name, tag, region=region, Status=self.way.status)
        self.account.clusters[region][name] = WHOLE | cluster if name in ("c00", "c01") else cluster
        self.due.append(f"{region}/{name}")

    def cluster(self, name: str) -> aws.Structure:
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
        aws.end_what_was_given_up()
        self.clock.move_to(datetime.fromisoformat(self.way.at) + timedelta(minutes=5))
        self.run({})

    def prove(self, handled: Collection[str], failed: Mapping[str, str]) -> None:
        """Run, and check what that did; and that the next run does the rest, and has nothing to tell."""
        self.run()
        self.check(handled, failed)
        self.next_run()
        self.check(self.due, failed)

    def carried_out(self) -> list[str]:
        """The clusters that RDS stopped or started, as often as it did."""
        return [f"{call.region}/{call.cluster}" for call in self.account.carried_out if call.operation in CHANGES]

    def check(self, handled: Collection[str] | None = None, failed: Mapping[str, str] | None = None) -> None:
        """Check what has to hold after any fault, and after any number of runs.

        handled: the clusters that could be, by default all that were due: none twice, no other, each logged whole.
        failed: what could not be, a cluster or a Region, and words of why. The errors and the log tell of no other.
        """
        handled = self.due if handled is None else handled
        assert {call.operation for call in self.account.carried_out} & set(CHANGES) <= {self.way.operation}
        assert sorted(self.carried_out()) == sorted(handled)
        assert {name: self.cluster(name)["Status"] for name in self.neighbours} == self.neighbours
        assert sorted(name for name, _ in self.logged()) == sorted(handled)
        assert [name for name, snapshot in self.logged() if difference(snapshot, self.cluster(name))] == []
        for text in ("\n".join(self.errors), "\n".join(line["message"] for line in self.log.lines("ERROR"))):
            assert "DBClusterIdentifier" not in text, "words, and no dump of what arrived"
            if failed is None:
                continue
            for name in {*self.due, *self.neighbours, *failed}:
                assert bool(re.search(rf"{name}(?![\w-])", text)) is (name in failed), f"{name} in: {text}"
            assert all(words in text for words in failed.values())
            assert failed or not text

    def logged(self) -> list[tuple[str, aws.Structure]]:
        """The clusters whose snapshots are in the log, and these."""
        lines = [line for line in self.log.lines("INFO") if "db_cluster" in line]
        return [(f"{line['region']}/{line['cluster']}", line["db_cluster"]) for line in lines]


def is_so(condition: Callable[[], object]) -> bool:
    """Whether something comes about that the threads of the run are at."""
    return any(condition() or threading.Event().wait(0.01) for _ in range(500))


@pytest.fixture
def nobody_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have whoever waits for so many seconds give up after three."""
    wait = threading.Event.wait
    monkeypatch.setattr(threading.Event, "wait", lambda event, timeout=None: wait(event, timeout and min(timeout, 3)))


@pytest.fixture
def trial(account: Account, log: Log, way: Way, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    with time_machine.travel(way.at, tick=False) as clock:
        trial = Trial(account, log, way, clock, monkeypatch)
        yield trial
        trial.over.set()


@both
@pytest.mark.parametrize("seed", range(4))
def test_two_runs_leave_nothing_due_and_lose_no_snapshot(trial: Trial, seed: int) -> None:
    trial.furnish(12)
    trial.account.page = 4
    attempts = Counter[str]()

    def meet(call: Call) -> Fault | None:
        """Have the first attempts at a call fail, chosen by the seed alone, in whatever order the threads come."""
        subject = f"{call.operation} {call.cluster} {call.parameters.get('Marker')}"
        attempts[subject] += 1
        chance = random.Random(f"{seed} {subject}")  # noqa: S311  no secret
        most = ATTEMPTS + 1 if call.operation in CHANGES else 3
        return chance.choice(BEFORE + AFTER) if attempts[subject] <= chance.randint(0, most) else None

    trial.account.before("*", meet)
    trial.run()
    trial.next_run()
    trial.check()


@pytest.mark.parametrize(("before", "after"), [*zip(BEFORE, AFTER, strict=True)], ids=named)
@each_call
def test_each_kind_of_call_is_made_again_after_each_kind_of_fault(
    trial: Trial, operation: str, before: Fault, after: Fault
) -> None:
    trial.furnish(1)
    trial.account.fail(operation, before, times=1)
    trial.account.fail(operation, after, times=1)
    trial.run()
    trial.check(failed={})
    made = [str(call.parameters) for call in trial.account.calls if call.operation == operation]
    assert len(made) == len({*made}) + 2
    assert trial.log.lines("WARNING") == []


@both
@pytest.mark.parametrize("then", ["refused", "it is over", "it cannot be read", "throttled for ever", "too late"])
def test_what_was_done_though_no_answer_came_is_logged_whole(trial: Trial, then: str) -> None:
    """However its answer was lost, it was done: the next run finds nothing to do, and nothing else tells of it."""
    trial.furnish(1)
    operation = trial.way.operation

    def happen(call: Call) -> None:
        if then == "it is over" and call in trial.account.carried_out:
            trial.account.settle(trial.way.at)
        elif then == "too late":
            trial.clock.shift(56)

    trial.account.before(operation, happen)
    trial.account.fail(operation, Damage.TRUNCATED if then == "it cannot be read" else Damage.LOST, times=1)
    if then == "throttled for ever":
        trial.account.fail(operation, THROTTLED)
    trial.run(seconds=60)
    trial.check(failed={})
    trial.next_run()
    trial.check(failed={})


@both
def test_a_refusal_after_a_lost_answer_stays_a_refusal_where_nothing_is_under_way(trial: Trial) -> None:
    trial.furnish(2)
    trial.account.fail(trial.way.operation, RESET, times=1, cluster="c00")
    trial.account.fail(trial.way.operation, Refusal("InvalidDBClusterStateFault", "Not now."), cluster="c00")
    trial.prove([f"{HOME}/c01"], {})
    (line,) = trial.log.lines("WARNING")
    told = (line["cluster"], line["error_code"], line["error_message"])
    assert told == ("c00", "InvalidDBClusterStateFault", "Not now.")


@pytest.mark.parametrize("way", [STOP])
@pytest.mark.parametrize("fault", [*BEFORE, ACCESS_DENIED, EXPIRED], ids=named)
def test_a_call_is_made_eight_times_and_no_more(trial: Trial, fault: Refusal) -> None:
    trial.furnish(3)
    trial.account.fail(trial.way.operation, fault, cluster="c01")
    words = "Connection was closed" if fault is RESET else fault.words
    trial.prove([f"{HOME}/c00", f"{HOME}/c02"], {f"{HOME}/c01": words})
    assert trial.account.named("StopDBCluster").count("c01") == (ATTEMPTS if fault in BEFORE else 1) + 1


@pytest.mark.parametrize(
    ("way", "operation", "left"),
    [
        (START, "DescribeDBClusters", [HOME]),
        (STOP, "DescribeEvents", [f"{HOME}/c00", f"{HOME}/c02"]),  # the others are enforced
        (STOP, "StopDBCluster", [f"{HOME}/c{number:02}" for number in range(4)]),
        # A command for all holds also the cluster that is done, and the busy one.
        (START, "AddTagsToResource", [f"{HOME}/c{each}" for each in ("00", "01", "02", "03", "00-done", "01-busy")]),
    ],
)
def test_what_is_denied_costs_only_what_needs_it(trial: Trial, operation: str, left: list[str]) -> None:
    due = trial.furnish(4, regions=(HOME, "us-east-1"))
    trial.account.fail(operation, ACCESS_DENIED, region=HOME)
    handled = [name for name in due if not name.startswith(tuple(left))]
    trial.prove(handled, dict.fromkeys(left, ACCESS_DENIED.words))


@pytest.mark.parametrize("way", [STOP])
@pytest.mark.parametrize(
    ("fault", "words"),
    [(THROTTLED, THROTTLED.words), (Damage.CUT, "Connection was closed"), (Damage.TRUNCATED, "Unable to parse")],
)
def test_a_page_that_never_comes_whole_leaves_the_clusters_before_it_handled(
    trial: Trial, fault: Fault, words: str
) -> None:
    trial.furnish(4)
    trial.account.page = 4  # on the first: c00, c00-done, c01, c01-busy
    trial.account.fail("DescribeDBClusters", fault, Marker="4")
    trial.prove([f"{HOME}/c00", f"{HOME}/c01"], {HOME: words})


@both
@pytest.mark.parametrize(
    ("operation", "pattern", "instead"),
    [
        ("*", rb"<(DBCluster|Event|ResponseMetadata|Describe\w+Result)>", rb"\g<0><Novelty><Of>a</Of></Novelty>"),
        ("DescribeEvents", rb"<(Date|EventCategories|SourceArn)>.*?</\1>", b""),
        ("DescribeEvents", rb"<(Message|SourceIdentifier)>.*?</\1>", b""),
        ("a change", rb"(?s)<DBCluster>.*</DBCluster>", b""),
    ],
    ids=["members that nobody knows yet", "events without a date", "events of nobody", "a change without its cluster"],
)
def test_answers_that_have_more_or_less_than_usual_are_no_fault(
    trial: Trial, operation: str, pattern: bytes, instead: bytes
) -> None:
    trial.furnish(3)
    for name in trial.due:
        trial.account.log(name.rpartition("/")[2], "Something else.", trial.way.at)
    operation = trial.way.operation if operation == "a change" else operation
    trial.account.fail(operation, Rewritten(lambda body: re.sub(pattern, instead, body)))
    trial.run()
    trial.check(failed={})


@pytest.mark.parametrize("way", [STOP])
@pytest.mark.parametrize("tag", [OFFICE, ENFORCED])
def test_a_cluster_that_cannot_be_read_costs_no_other(trial: Trial, tag: str) -> None:
    spoilt, *others = trial.furnish(3, tag=tag)
    created = trial.cluster(spoilt)["ClusterCreateTime"].isoformat().replace("+00:00", "Z").encode()
    trial.account.fail("DescribeDBClusters", Rewritten(lambda body: body.replace(created, b"long ago", 1)))
    trial.prove(others, {spoilt: "TypeError"})


@both
def test_what_comes_or_goes_between_two_pages_costs_nothing_and_is_handled_once(trial: Trial) -> None:
    listed = trial.furnish(3)
    trial.account.page = 3  # on the first: c00, c00-done, c01
    trial.account.before("DescribeDBClusters", lambda _: trial.add("b00", OFFICE), Marker="3")  # c01 comes twice
    trial.account.before("DescribeDBClusters", lambda _: trial.account.clusters[HOME].pop("c03-untagged"), Marker="6")
    del trial.neighbours[f"{HOME}/c03-untagged"]
    trial.prove(listed, {})
    assert trial.log.lines("WARNING") == []


@both
@pytest.mark.usefixtures("nobody_waits_long")
def test_a_change_that_is_not_answered_is_told_in_time_and_costs_no_other(trial: Trial) -> None:
    trial.furnish(2, regions=(HOME, "sa-east-1", "us-east-1"))
    reachable = [name for name in trial.due if name != "sa-east-1/c00"]
    in_time = []

    def hang(_: Call) -> Refusal:
        in_time.append(is_so(lambda: len(trial.logged()) == len(reachable)))
        trial.clock.shift(60)
        trial.over.wait()
        return RESET

    trial.account.before(trial.way.operation, hang, region="sa-east-1", cluster="c00")
    trial.run(seconds=60)
    assert in_time == [True]
    assert "sa-east-1" in trial.errors[0]
    trial.check(reachable)
    # Lambda lets what one invocation left behind go on in a later one: nothing may come of it.
    trial.over.set()
    aws.end_what_was_given_up()
    trial.check(reachable)
    trial.next_run()
    trial.check()


@each_call
def test_when_the_functions_time_runs_out_nothing_is_begun_and_the_next_run_does_the_rest(
    trial: Trial, operation: str
) -> None:
    due = trial.furnish(30)
    is_late, afterwards = threading.Event(), []

    def look(call: Call) -> None:
        if is_late.is_set() and call.operation in ("AddTagsToResource", *CHANGES):
            afterwards.append(call)
        if call.operation == operation:
            trial.clock.move_to(datetime.fromisoformat(trial.way.at) + timedelta(seconds=56))
            is_late.set()

    trial.account.before("*", look)
    trial.run(seconds=60)
    assert len(afterwards) < rds.THREADS, "more than what was on its way already"
    handled = trial.carried_out()
    trial.check(handled)
    told = " ".join(line["message"] for level in ("WARNING", "ERROR") for line in trial.log.lines(level))
    assert [name for name in set(due) - set(handled) if name.rpartition("/")[2] not in told] == []
    trial.next_run()
    trial.check(due)


@pytest.mark.parametrize("way", [STOP])
def test_nothing_is_begun_once_the_next_transition_has_passed(trial: Trial) -> None:
    trial.add("brief", "daily 08:00-18:00 18:10-22:00 enforced")
    trial.add("long", "daily 08:00-18:00 18:11-22:00 enforced")
    trial.account.before("DescribeDBClusters", lambda _: trial.clock.shift(600))
    trial.run()
    trial.check([f"{HOME}/long"], {})
    assert [line["cluster"] for line in trial.log.lines("WARNING")] == ["brief"]


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
    trial.furnish(1, tag=ENFORCED)
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
