"""RDS's event log in a run, at the wire: who is looked up alone, who together, and that both come to the same."""

import json

import pytest
import time_machine

from aws_server import ACCESS_DENIED, HOME, Account, Refusal, Rewritten
from invocation import Context, decisions, stop
from office_hours.answer import RunError

pytest_plugins = ["aws_server", "invocation"]

OFFICE, LATER = "mon-fri 08:00-18:00", "mon-fri 08:00-18:20"
EVENING = "2026-11-23T18:30:00Z"
STARTED = "DB cluster started."
MANY = [f"c{number:02}" for number in range(20)]


def look_ups(account: Account) -> list[str]:
    """The cluster that each look-up named; nothing where it was for all."""
    return account.named("DescribeEvents")


def pages_of_noise(account: Account, pages: int) -> None:
    for number in range(100 * pages):
        account.log("somebody-else", "Something else.", f"2026-11-23T17:{number % 60:02}:00Z")


def test_a_few_clusters_are_looked_up_one_by_one(account: Account) -> None:
    for name in MANY[:4]:
        account.add(name, OFFICE)
    stop(EVENING)
    assert look_ups(account) == MANY[:4]


def test_many_clusters_share_one_look_up(account: Account) -> None:
    for name in MANY:
        account.add(name, OFFICE)
    account.log("C03", STARTED, "2026-11-23T18:29:00Z")
    account.log("c04", STARTED, "2026-11-23T18:31:00Z")  # does not exist yet
    stop(EVENING)
    assert look_ups(account) == [""]
    assert account.named("StopDBCluster") == MANY


def test_what_the_shared_look_up_tells_is_told_of_the_right_cluster(account: Account) -> None:
    for name in MANY:
        account.add(name, OFFICE)
    pages_of_noise(account, 2)
    account.log("c03", STARTED, "2026-11-23T18:40:00Z")
    answer = decisions(stop("2026-11-23T19:00:00Z"))
    assert {name for name, decision in answer.items() if decision == ("leave", "changed-by-hand")} == {"c03"}
    assert look_ups(account) == ["", "", ""]


def test_clusters_on_later_pages_share_it_too(account: Account) -> None:
    for number in range(250):
        account.add(f"c{number:03}", OFFICE)
    stop(EVENING)
    assert look_ups(account) == [""]
    assert len(account.named("StopDBCluster")) == 250


def test_clusters_with_a_later_transition_share_it_and_those_with_an_earlier_one_do_not(account: Account) -> None:
    for name in MANY:
        account.add(name, OFFICE)
    account.add("later", LATER)
    account.add("earlier", "mon-fri 08:00-16:00")
    stop(EVENING)
    assert set(look_ups(account)) - {"later"} == {"", "earlier"}
    assert account.named("StopDBCluster") == [*MANY, "earlier", "later"]


def test_a_log_that_is_long_for_so_few_is_read_cluster_by_cluster(account: Account) -> None:
    names = MANY[:6]
    for name in names:
        account.add(name, OFFICE)
    pages_of_noise(account, 8)
    account.log("c03", STARTED, "2026-11-23T18:40:00Z")
    answer = decisions(stop("2026-11-23T19:00:00Z"))
    assert answer["c03"] == ("leave", "changed-by-hand")
    assert account.named("StopDBCluster") == [name for name in names if name != "c03"]
    # Six pages, one more to see that there are more, and then each its own.
    assert look_ups(account) == [*[""] * 7, *names]


def test_where_the_shared_look_up_is_refused_each_cluster_is_looked_up_alone(account: Account) -> None:
    for name in MANY:
        account.add(name, OFFICE)
    account.before("DescribeEvents", lambda call: None if call.cluster else ACCESS_DENIED)
    stop(EVENING)
    assert look_ups(account) == ["", *MANY]
    assert account.named("StopDBCluster") == MANY


def test_an_event_that_cannot_be_read_is_the_case_of_its_cluster_alone(account: Account) -> None:
    for name in MANY:
        account.add(name, OFFICE)
    account.log("c03", STARTED, "2026-11-23T18:01:00Z")

    def spoil(body: bytes) -> bytes:
        return body.replace(b"2026-11-23T18:01:00Z", b"the day before yesterday")

    account.fail("DescribeEvents", Rewritten(spoil))
    with pytest.raises(RunError, match=r"^1 failed and 19 clusters were handled(.|\n)*eu-west-1/c03"):
        stop(EVENING)
    assert account.named("StopDBCluster") == [name for name in MANY if name != "c03"]


def test_a_region_shares_with_no_other(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps({"regions": [HOME, "us-east-1"]}))
    for name in MANY:
        account.add(name, OFFICE)
        account.add(name, OFFICE, region="us-east-1")
    account.log("c03", STARTED, "2026-11-23T18:40:00Z", region="us-east-1")
    answer = stop("2026-11-23T19:00:00Z")
    left = [f"{e['region']}/{e['cluster']}" for e in answer["clusters"] if e["decision"] == "leave"]
    assert left == ["us-east-1/c03"]


def test_the_next_run_reads_the_log_again(account: Account) -> None:
    for name in MANY:
        account.add(name, OFFICE)
    account.fail("StopDBCluster", Refusal("InvalidDBInstanceState", "An instance is rebooting."))
    stop(EVENING)
    account.log("c03", STARTED, "2026-11-23T18:33:00Z")
    assert decisions(stop("2026-11-23T18:35:00Z"))["c03"] == ("leave", "changed-by-hand")


def test_a_cluster_whose_log_could_not_be_read_in_time_is_a_failure_and_left(account: Account) -> None:
    account.add("a", OFFICE)
    with time_machine.travel(EVENING, tick=False) as clock:
        account.before("DescribeDBClusters", lambda _: clock.move_to("2026-11-23T18:30:56Z"))
        with pytest.raises(RunError, match="eu-west-1/a: TimeoutError: the function's time was up before"):
            stop(context=Context(remaining=60_000))
    assert account.counts() == {"DescribeDBClusters": 1}
