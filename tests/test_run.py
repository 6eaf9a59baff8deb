"""A run against RDS at the wire: what is listed and acted on, in which Regions, and what goes wrong.

The 23rd of November 2026 is a Monday.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from aws_server import ACCESS_DENIED, HOME, INTERNAL_FAILURE, Account, Call, Damage, Fault, Refusal
from invocation import Answer, Context, decisions, settings, start, stop
from office_hours import rds
from office_hours.answer import RunError
from office_hours.regions import Invocation, Region, side_by_side
from office_hours.settings import Cluster, Settings

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00"
OPENING, CLOSING = "2026-11-23T08:00:00Z", "2026-11-23T18:00:00Z"
ARN = "arn:aws:rds:eu-west-1:123456789012:cluster:"
CHANGING = {"StopDBCluster", "StartDBCluster", "AddTagsToResource"}


# What is listed


def test_listing_takes_a_call_for_each_hundred_clusters_and_those_on_every_page_are_acted_on(account: Account) -> None:
    for number in range(250):
        account.add(f"c{number:03}", f"{OFFICE} enforced" if number % 50 == 0 else None)
    answer = stop(CLOSING)
    due = ["c000", "c050", "c100", "c150", "c200"]
    assert [entry["cluster"] for entry in answer["clusters"]] == account.named("StopDBCluster") == due
    assert account.counts() == {"DescribeDBClusters": 3, "StopDBCluster": 5}


# What is acted on


@pytest.mark.parametrize(
    ("run", "at", "status", "decision"), [(stop, OPENING, "stopped", "start"), (start, CLOSING, "available", "stop")]
)
def test_what_the_other_function_is_to_do_is_listed_and_not_done(
    account: Account, run: Callable[[str], Answer], at: str, status: str, decision: str
) -> None:
    account.add("a", OFFICE, Status=status)
    answer = run(at)
    assert decisions(answer) == {"a": (decision, "scheduled")}
    assert f"The {decision} function {decision}s it." in answer["clusters"][0]["message"]
    assert not CHANGING & account.counts().keys()


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_any_time_can_be_asked_about(account: Account, day: str) -> None:
    account.add("a", "mon-fri 08:00-18:00 Europe/Berlin")
    account.add("b", "-18:00", Status="stopped")
    found = decisions(stop(CLOSING, {"time": day}))
    assert len(found) == 2
    assert found["a"][1] != "in-use", "it has no grace"


def test_actions_are_under_way_together_and_no_more_than_there_are_connections(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    together = threading.Barrier(16)
    account.before("StopDBCluster", lambda _: together.wait(20))
    for number in range(96):
        account.add(f"c{number}", f"{OFFICE} enforced")
    stop(CLOSING)
    assert account.counts()["StopDBCluster"] == 96
    assert not together.broken
    assert "Connection pool is full" not in caplog.text


@pytest.mark.parametrize(
    "code",
    ["InvalidDBClusterStateFault", "InvalidDBInstanceState", "InvalidDBShardGroupState", "DBClusterNotFoundFault"],
)
def test_each_refusal_is_one_that_rds_knows_and_told_in_its_own_words(account: Account, code: str) -> None:
    modelled = rds.client("rds", None).meta.service_model.operation_model("StopDBCluster").error_shapes
    assert code in {error.metadata["error"]["code"] for error in modelled}
    account.add("a", OFFICE)
    account.fail("StopDBCluster", Refusal(code, "It is part of a blue/green deployment."))
    (entry,) = stop(CLOSING)["clusters"]
    assert entry["error"] == f"{code}: It is part of a blue/green deployment."
    assert "RDS refused: It is part of a blue/green deployment." in entry["message"]


# Regions


def everywhere(account: Account) -> None:
    account.enabled_regions = ["ap-south-1", "eu-west-1", "us-east-1"]
    for region in account.enabled_regions:
        account.add("a", OFFICE, region=region)


def stopped(account: Account) -> list[str]:
    """Where a call to stop something was made."""
    return sorted(call.region for call in account.calls if call.operation == "StopDBCluster")


@pytest.mark.parametrize(
    ("regions", "handled"),
    [
        ([], [HOME]),
        (["us-east-1", "eu-west-1"], ["eu-west-1", "us-east-1"]),
        (["*"], ["ap-south-1", "eu-west-1", "us-east-1"]),
    ],
    ids=str,
)
def test_the_regions_of_the_settings_are_handled(
    account: Account, monkeypatch: pytest.MonkeyPatch, regions: list[str], handled: list[str]
) -> None:
    settings(monkeypatch, regions=regions)
    everywhere(account)
    assert [entry["region"] for entry in stop(CLOSING)["clusters"]] == stopped(account) == handled


def test_a_region_that_hangs_or_fails_costs_no_other(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=["ap-south-1", "eu-west-1", "us-east-1"])
    everywhere(account)
    account.fail("DescribeDBClusters", INTERNAL_FAILURE, region="ap-south-1")
    over = threading.Event()
    account.before("DescribeDBClusters", lambda _: over.wait(20), region="us-east-1")
    with pytest.raises(RunError) as caught:
        stop(CLOSING, context=Context(remaining=6_000))
    over.set()
    assert stopped(account) == ["eu-west-1"]
    told = str(caught.value)
    assert told.startswith("2 failed and 1 clusters were handled.")
    assert "Region ap-south-1, listing its clusters: InternalFailure" in told
    assert "Region us-east-1: TimeoutError: it did not answer in time" in told


def test_what_breaks_after_a_place_was_given_up_is_no_second_failure() -> None:
    over, ended = threading.Event(), threading.Event()

    def work(theirs: Invocation, region: Region) -> Iterator[None]:
        over.wait(20)
        with theirs.guard(Cluster(region.name, "a", {}, None)):
            int("x")
        ended.set()
        yield

    invocation = Invocation(Settings(), datetime.now(UTC), ends=datetime.now(UTC))
    assert side_by_side(invocation, [Region("us-east-1", rds.client("rds", "us-east-1"))], work) == []
    over.set()
    ended.wait(20)
    assert [each.what for each in invocation.failures] == ["Region us-east-1"]


@pytest.mark.parametrize("fault", [ACCESS_DENIED, Damage.TRUNCATED])
def test_without_the_list_of_regions_the_own_one_is_handled_and_the_failure_told(
    account: Account, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    settings(monkeypatch, regions=["*"])
    everywhere(account)
    account.fail("ListRegions", fault)
    with pytest.raises(RunError, match=r"^1 failed and 1 clusters were handled"):
        stop(CLOSING)
    assert stopped(account) == [HOME]


@pytest.mark.parametrize("there", [True, False], ids=["clusters elsewhere", "no clusters"])
def test_of_all_regions_one_that_is_denied_is_named_and_no_failure(
    account: Account, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    settings(monkeypatch, regions=["*"])
    everywhere(account)
    if not there:
        account.clusters.clear()
    account.fail("DescribeDBClusters", ACCESS_DENIED, region="us-east-1")
    assert stop(CLOSING)["denied_regions"] == ["us-east-1"]
    assert stopped(account) == (["ap-south-1", "eu-west-1"] if there else [])


@pytest.mark.parametrize(
    ("regions", "denied"), [(["*"], {}), ([HOME, "us-east-1"], {"region": "us-east-1"})], ids=["all", "one of a list"]
)
def test_it_is_a_failure_where_all_are_denied_or_the_settings_name_it(
    account: Account, monkeypatch: pytest.MonkeyPatch, regions: list[str], denied: dict[str, Any]
) -> None:
    settings(monkeypatch, regions=regions)
    everywhere(account)
    account.fail("DescribeDBClusters", ACCESS_DENIED, **denied)
    with pytest.raises(RunError, match=r"Region us-east-1, listing its clusters: AccessDenied"):
        stop(CLOSING)


# Failures


def test_failures_of_one_cause_are_one_line_with_the_clusters_names(account: Account) -> None:
    for name in ("c1", "c2", "other", "fine"):
        account.add(name, OFFICE)
    role = "arn:aws:sts::123456789012:assumed-role/AuroraOfficeHours-StopRole/aurora-office-hours-stop"

    def deny(call: Call) -> Refusal | None:
        words = f"User: {role} is not authorized to perform: rds:StopDBCluster on resource: {ARN}{call.cluster}"
        return Refusal("AccessDenied", words, status=403) if call.cluster.startswith("c") else None

    account.before("StopDBCluster", deny)
    account.fail("StopDBCluster", Refusal("KMSKeyNotAccessibleFault", "No key."), cluster="other")
    with pytest.raises(RunError) as caught:
        stop(CLOSING)
    head, denied, other = str(caught.value).splitlines()
    assert head.startswith("3 failed and 1 clusters were handled.")
    assert denied.startswith(f"eu-west-1/c1, eu-west-1/c2: AccessDenied: User: {role} is not authorized")
    assert other == "eu-west-1/other: KMSKeyNotAccessibleFault: No key."
    assert account.clusters[HOME]["fine"]["Status"] == "stopping"
