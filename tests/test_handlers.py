"""The two functions as Lambda calls them: the event, the answer, the sentences of what went wrong."""

import json
from collections.abc import Callable, Iterator

import boto3
import pytest
import time_machine
from moto import mock_aws
from types_boto3_rds import RDSClient

from aws_server import ACCESS_DENIED, HOME, Account
from invocation import Answer, Log, decisions, start, stop
from office_hours import rds
from office_hours.event import EventError
from office_hours.answer import RunError

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00"
MONDAY_NOON, MONDAY_EVENING = "2026-11-23T12:00:00Z", "2026-11-23T18:00:00Z"

both = pytest.mark.parametrize("run", [stop, start], ids=["stop", "start"])
Run = Callable[..., Answer]


# The event


def test_a_hostile_event_is_refused_in_a_few_plain_words(account: Account, log: Log) -> None:
    event = {"\ud800": 1, "x" * 3_000_000: 2} | {f"key{number}": number for number in range(20_000)}
    with pytest.raises(EventError) as caught:
        stop(MONDAY_EVENING, event)
    assert '"\\ud800"' in str(caught.value)
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 1_000
    assert account.calls == []
    assert len(log.lines()) == 1


@both
@pytest.mark.parametrize(
    "event",
    [
        {"key1": "value1"},
        {"key1": "value1", "key2": "value2", "key3": "value3"},
        {"dry_run": True, "dryRun": True},
        {"Time": MONDAY_EVENING},
        {"": True},
    ],
    ids=str,
)
def test_an_unknown_key_is_refused_and_nothing_is_called(account: Account, run: Run, event: dict[str, object]) -> None:
    account.add("a", "never")
    account.add("b", "always", Status="stopped")
    with pytest.raises(EventError) as caught:
        run(MONDAY_EVENING, event)
    assert account.calls == []
    unknown = next(key for key in event if key not in ("dry_run", "time"))
    for word in (f'"{unknown}"', "dry_run", "time"):
        assert word in str(caught.value)


@both
@pytest.mark.parametrize("event", [[], ["dry_run"], "dry_run", 1, True], ids=repr)
def test_an_event_that_is_no_object_is_refused_and_nothing_is_called(account: Account, run: Run, event: object) -> None:
    account.add("a", "never")
    account.add("b", "always", Status="stopped")
    with pytest.raises(EventError, match="dry_run"):
        run(MONDAY_EVENING, event)
    assert account.calls == []


@both
@pytest.mark.parametrize("value", ["true", "false", "", 1, 0, None, [], {}], ids=repr)
def test_dry_run_is_true_or_false_and_nothing_else(account: Account, run: Run, value: object) -> None:
    account.add("a", "never")
    account.add("b", "always", Status="stopped")
    with pytest.raises(EventError, match="dry_run"):
        run(MONDAY_EVENING, {"dry_run": value})
    assert account.calls == []


@both
@pytest.mark.parametrize(
    "value",
    [
        "tomorrow",
        "",
        "2026-11-23",
        "18:00",
        "2026-11-23T18:00:00",
        "2026-11-31T18:00:00Z",
        "2026-11-23T18:00Europe/Berlin",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        5,
        True,
        None,
        [],
    ],
    ids=repr,
)
def test_a_time_without_a_date_or_an_offset_is_refused(account: Account, run: Run, value: object) -> None:
    account.add("a", "never")
    account.add("b", "always", Status="stopped")
    with pytest.raises(EventError, match="time"):
        run(MONDAY_EVENING, {"time": value})
    assert account.calls == []


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23T18:00:00Z", "2026-11-23T18:00:00Z"),
        ("2026-11-23T18:00Z", "2026-11-23T18:00:00Z"),
        ("2026-11-23t18:00z", "2026-11-23T18:00:00Z"),
        ("2026-12-24T12:00:00+01:00", "2026-12-24T11:00:00Z"),
        ("2026-11-23T20:00:00-05:30", "2026-11-24T01:30:00Z"),
        ("2026-11-23T18:00:00.000Z", "2026-11-23T18:00:00Z"),
    ],
)
def test_a_time_is_an_iso_date_time_with_an_offset(account: Account, text: str, instant: str) -> None:
    answer = stop(MONDAY_NOON, {"time": text})
    assert (answer["time"], answer["dry_run"]) == (instant, True)
    assert account.counts() == {"DescribeDBClusters": 1}


@pytest.mark.parametrize(("event", "dry"), [({}, False), ({"dry_run": False}, False), ({"dry_run": True}, True)])
def test_without_a_time_it_is_the_clocks(account: Account, event: dict[str, object], dry: bool) -> None:
    account.add("a", "never")
    answer = stop(MONDAY_NOON, event)
    assert (answer["time"], answer["dry_run"]) == (MONDAY_NOON, dry)
    assert account.named("StopDBCluster") == ([] if dry else ["a"])


def test_a_time_implies_a_dry_run_whatever_dry_run_says(account: Account) -> None:
    account.add("a", "never")
    assert stop(MONDAY_NOON, {"time": MONDAY_EVENING, "dry_run": False})["dry_run"] is True
    assert "StopDBCluster" not in account.counts()


# The answer


def test_an_answer_counts_the_reasons_and_says_all_about_each_cluster(account: Account) -> None:
    account.add("closing", f"{OFFICE} Europe/Berlin")
    account.add("closing-too", OFFICE, Status="stopped")
    account.add("never", "never")
    account.add("twice", OFFICE, Status="stopped")
    answer = stop("2026-11-23T17:00:00Z")
    for entry in answer["clusters"]:
        assert entry.pop("message").endswith(".")
    assert answer == {
        "action": "stop",
        "time": "2026-11-23T17:00:00Z",
        "dry_run": False,
        "counts": {"scheduled": 3, "enforced": 1},
        "clusters": [
            {
                "cluster": "closing",
                "region": HOME,
                "status": "available",
                "decision": "stop",
                "reason": "scheduled",
                "next": "2026-11-24T07:00:00Z",
            },
            {
                "cluster": "closing-too",
                "region": HOME,
                "status": "stopped",
                "decision": "start",
                "reason": "scheduled",
                "next": "2026-11-23T18:00:00Z",
            },
            {
                "cluster": "never",
                "region": HOME,
                "status": "available",
                "decision": "stop",
                "reason": "enforced",
                "next": None,
            },
            {
                "cluster": "twice",
                "region": HOME,
                "status": "stopped",
                "decision": "start",
                "reason": "scheduled",
                "next": "2026-11-23T18:00:00Z",
            },
        ],
    }


def test_the_end_of_a_hold_is_the_next_transition(account: Account) -> None:
    tags = {"office-hours": "never", "office-hours-hold": "stopped until 2026-11-23T20:00Z"}
    account.add("a", TagList=[{"Key": key, "Value": value} for key, value in tags.items()])
    (entry,) = stop(MONDAY_NOON)["clusters"]
    assert (entry["reason"], entry["next"]) == ("held", "2026-11-23T20:00:00Z")


def test_a_cluster_whose_tag_is_bad_has_no_next_transition(account: Account) -> None:
    account.add("a", "mno 08:00-18:00")
    (entry,) = stop(MONDAY_NOON)["clusters"]
    assert (entry["reason"], entry["next"]) == ("invalid-tag", None)


@both
def test_an_answer_is_json(account: Account, run: Run) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE, Status="stopped")
    answer = run(MONDAY_EVENING)
    assert json.loads(json.dumps(answer)) == answer
    assert answer["action"] == run.__name__


# What is raised


def test_failures_are_counted_and_named_in_a_sentence(account: Account) -> None:
    for name in ("a", "b", "c"):
        account.add(name, OFFICE)
    account.fail("StopDBCluster", ACCESS_DENIED, cluster="a")
    account.fail("StopDBCluster", ACCESS_DENIED, cluster="c")
    with pytest.raises(RunError) as caught:
        stop(MONDAY_EVENING)
    sentence = str(caught.value)
    assert sentence.startswith("2 ")
    assert sentence.endswith(".")
    assert "eu-west-1/a" in sentence
    assert "eu-west-1/c" in sentence
    assert "eu-west-1/b" not in sentence
    assert "AccessDenied" in sentence


# Against moto


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[RDSClient]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_REGION", HOME)
    monkeypatch.setenv("AWS_DEFAULT_REGION", HOME)
    with mock_aws():
        rds.client.cache_clear()
        yield boto3.client("rds")
    rds.client.cache_clear()


def test_a_cluster_of_motos_is_stopped_and_started_again(moto: RDSClient) -> None:
    with time_machine.travel("2026-11-20T12:00:00Z", tick=False):
        moto.create_db_cluster(
            DBClusterIdentifier="reporting",
            Engine="aurora-postgresql",
            MasterUsername="owner",
            MasterUserPassword="not-a-secret",
            Tags=[{"Key": "office-hours", "Value": OFFICE}],
        )
        moto.create_db_instance(
            DBClusterIdentifier="reporting",
            DBInstanceIdentifier="reporting-1",
            DBInstanceClass="db.r6g.large",
            Engine="aurora-postgresql",
        )

    def status() -> str:
        return moto.describe_db_clusters(DBClusterIdentifier="reporting")["DBClusters"][0]["Status"]

    assert decisions(stop("2026-11-23T17:55:00Z")) == {"reporting": ("leave", "as-scheduled")}
    assert decisions(stop("2026-11-23T18:00:00Z")) == {"reporting": ("stop", "scheduled")}
    assert status() == "stopped"
    assert decisions(start("2026-11-24T08:00:00Z")) == {"reporting": ("start", "scheduled")}
    assert status() == "available"
