"""The two functions as Lambda calls them: what an event does, and the answer."""

import pytest

from aws_server import HOME, Account
from invocation import Log, stop
from office_hours.event import EventError

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00"


@pytest.mark.parametrize("event", [{"key1": "value1"}, {"time": "18:00"}, "dry_run"], ids=str)
def test_a_mistake_is_a_warning_and_nothing_is_called(account: Account, log: Log, event: object) -> None:
    account.add("a", "never")
    with pytest.raises(EventError, match="Nothing was done"):
        stop("2026-11-23T18:00:00Z", event)
    assert account.calls == []
    assert [line["level"] for line in log.lines()] == ["WARNING"]


def test_an_answer_counts_the_reasons_and_says_all_about_each_cluster(account: Account) -> None:
    account.add("closing", f"{OFFICE} Europe/Berlin")
    account.add("down", OFFICE, Status="stopped")
    account.add("never", "never")
    answer = stop("2026-11-23T17:00:00Z")
    entries = answer.pop("clusters")
    assert answer == {
        "action": "stop",
        "time": "2026-11-23T17:00:00Z",
        "dry_run": False,
        "counts": {"scheduled": 2, "enforced": 1},
    }
    assert all(entry.pop("message").endswith(".") for entry in entries)
    keys = ("cluster", "region", "status", "decision", "reason", "next")
    assert entries == [
        dict(zip(keys, values, strict=True))
        for values in (
            ("closing", HOME, "available", "stop", "scheduled", "2026-11-24T07:00:00Z"),
            ("down", HOME, "stopped", "start", "scheduled", "2026-11-23T18:00:00Z"),
            ("never", HOME, "available", "stop", "enforced", None),
        )
    ]
