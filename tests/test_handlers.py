"""The two functions as Lambda calls them: what an event does, and the answer."""

from collections.abc import Callable

import pytest

from aws_server import HOME, Account
from invocation import Answer, Log, start, stop
from office_hours.event import EventError

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00"
MONDAY_NOON, MONDAY_EVENING = "2026-11-23T12:00:00Z", "2026-11-23T18:00:00Z"

both = pytest.mark.parametrize("run", [stop, start], ids=["stop", "start"])
Run = Callable[..., Answer]


# The event


@both
@pytest.mark.parametrize(
    "event",
    [
        {"key1": "value1", "key2": "value2", "key3": "value3"},  # the console's
        {"dry_run": True, "dryRun": True},
        {"Time": MONDAY_EVENING},
        {"time": "18:00"},
        {"dry_run": "true"},
        ["dry_run"],
        "dry_run",
    ],
    ids=str,
)
def test_a_mistake_is_a_warning_and_nothing_is_called(account: Account, log: Log, run: Run, event: object) -> None:
    account.add("a", "never")
    account.add("b", "always", Status="stopped")
    with pytest.raises(EventError, match="Nothing was done"):
        run(MONDAY_EVENING, event)
    assert account.calls == []
    assert [line["level"] for line in log.lines()] == ["WARNING"]


# The answer


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
