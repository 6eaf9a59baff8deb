"""What happens on the account, told as it happens: each run, each decision, each change of a cluster's status."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from local.clusters import statuses
from local.emulator import Account

STOP, START = "aurora-office-hours-stop", "aurora-office-hours-start"
# A function's output reaches the log a moment after the time that it bears.
_LATE = 60_000  # milliseconds
_STYLES = {
    "stop": "yellow",
    "start": "green",
    "leave": "bright_black",
    "run": "cyan",
    "hold": "magenta",
    "refused": "red",
}


def log(account: Account, function: str, since: int = 0) -> list[dict[str, Any]]:
    """What the function logged from a time in milliseconds on; its metrics and Lambda's own lines are there as well."""
    pages = account.client("logs").get_paginator("filter_log_events")
    events = pages.paginate(logGroupName=f"/aws/lambda/{function}", startTime=since)
    messages = (event["message"] for page in events for event in page["events"])
    written = (json.loads(message) for message in messages if message.startswith("{"))
    return [entry for entry in written if "_aws" not in entry]


def log_every_decision(account: Account) -> None:
    """Have the functions log also what they leave as it is, which they keep to themselves otherwise."""
    functions = account.client("lambda")
    for function in (STOP, START):
        variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        variables["POWERTOOLS_LOG_LEVEL"] = "DEBUG"
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": variables})


def follow(account: Account, console: Console, seconds: float | None) -> None:
    """Tell what happens, for so many seconds or until a KeyboardInterrupt."""
    began = time.monotonic()
    seen: set[str] = set()
    known: dict[str, str] = {}
    with console.status("") as status:  # only on a terminal
        while seconds is None or time.monotonic() - began < seconds:
            for line in [*lines(account, seen), *changes(account, known)]:
                console.print(line)
            status.update(Text("  ".join(f"{name} {state}" for name, state in known.items()), "dim"))
            time.sleep(0.5)


def lines(account: Account, seen: set[str]) -> Iterator[Text]:
    """What the functions logged since the last time."""
    since = int(time.time() * 1000) - _LATE
    for function in (STOP, START):
        for entry in log(account, function, since):
            if (key := json.dumps(entry)) not in seen:
                seen.add(key)
                yield told(function.rpartition("-")[2], entry)


def told(function: str, entry: dict[str, Any]) -> Text:
    at = datetime.fromisoformat(entry["timestamp"])
    if "counts" in entry:
        counts = ", ".join(f"{count} {reason}" for reason, count in entry["counts"].items())
        return row(at, function, "", "run", counts or "no tagged clusters")
    if "decision" in entry:
        message = entry["message"].removeprefix(f"{entry['cluster']}: ")
        return row(at, function, entry["cluster"], entry["decision"], f"{entry['reason']}: {message}")
    if "hold" in entry:
        return row(at, function, entry["cluster"], "hold", entry["hold"])
    return row(at, function, "", "refused", " ".join(entry["message"].splitlines()))


def changes(account: Account, known: dict[str, str]) -> Iterator[Text]:
    """The clusters whose status is not as it was known."""
    for name, status in statuses(account):
        if (before := known.get(name)) != status:
            known[name] = status
            yield row(datetime.now(UTC), "", name, "is", f"{before} -> {status}" if before else status)


def row(at: datetime, function: str, cluster: str, what: str, text: str) -> Text:
    return Text.assemble(
        (f"{at:%H:%M:%S}  ", "dim"),
        f"{function:6}",
        (f"{cluster:11} ", "bold"),
        (f"{what:8}{text}", _STYLES.get(what, "bold")),
    )
