"""Shows what happens on the account as it happens: each run, each decision, each change of a cluster's status."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.text import Text

from local.clusters import statuses
from local.emulator import ACCOUNT, REGION, Account

STOP, START = "aurora-office-hours-stop", "aurora-office-hours-start"
# A function's output reaches the log a moment after its timestamp, sometimes only with the function's next run.
_LATE = 90_000  # milliseconds
# So lines wait, to be shown in order.
_WAIT = timedelta(seconds=3)
_STYLES = {"stop": "yellow", "start": "green", "leave": "bright_black", "run": "cyan"}
_STYLES |= dict.fromkeys(("hold", "notice"), "magenta")


@dataclass(frozen=True)
class Line:
    """Something that happened. `what` is one word for it."""

    at: datetime
    function: str
    cluster: str
    what: str
    text: str

    def styled(self) -> Text:
        style = "bold" if self.what == "is" else _STYLES.get(self.what, "red")
        return Text.assemble(
            (f"{self.at:%H:%M:%S}  ", "dim"),
            f"{self.function:6}",
            (f"{self.cluster:11} ", "bold"),
            (f"{self.what:8}{self.text}", style),
        )


def log(account: Account, function: str, since: int = 0) -> list[dict[str, Any]]:
    """What the function has logged since a time in milliseconds, without its metrics and Lambda's own lines."""
    pages = account.client("logs").get_paginator("filter_log_events")
    events = pages.paginate(logGroupName=f"/aws/lambda/{function}", startTime=since)
    messages = (event["message"] for page in events for event in page["events"])
    written = (json.loads(message) for message in messages if message.startswith("{"))
    return [entry for entry in written if "_aws" not in entry]


def log_every_decision(account: Account) -> None:
    """Have the functions also log what they leave alone, which they otherwise don't."""
    functions = account.client("lambda")
    for function in (STOP, START):
        variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        variables["POWERTOOLS_LOG_LEVEL"] = "DEBUG"
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": variables})


def subscribe(account: Account) -> str:
    """Have the notices come to a queue, and return its URL."""
    topic, queue = (f"arn:aws:{name}:{REGION}:{ACCOUNT}:aurora-office-hours-notices" for name in ("sns", "sqs"))
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    attributes = {"Policy": json.dumps({"Statement": [{**allowed, "Resource": queue}]})}
    url = account.client("sqs").create_queue(QueueName=queue.rpartition(":")[2], Attributes=attributes)["QueueUrl"]
    account.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"}
    )
    return str(url)


def notices(account: Account, queue: str) -> Iterator[Line]:
    """The notices that have come since the last time."""
    sqs = account.client("sqs")
    for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", ()):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        # Its command must not reach a real account, either.
        text = message["Body"].replace("aws lambda", f"aws --endpoint-url {account.endpoint} lambda")
        yield Line(datetime.now(UTC), "stop", "", "notice", " ".join(text.split()))


def follow(account: Account, console: Console, queue: str, seconds: float | None) -> None:
    """Show what happens, for so many seconds or until a KeyboardInterrupt. `queue` is where notices come."""
    began = time.monotonic()
    seen: set[str] = set()
    known: dict[str, str] = {}
    minutes: dict[str, str] = {}
    waiting: list[Line] = []
    with console.status("") as status:  # only on a terminal
        while seconds is None or time.monotonic() - began < seconds:
            waiting += [*logged(account, seen), *notices(account, queue), *changes(account, known)]
            ripe = [line for line in waiting if line.at < datetime.now(UTC) - _WAIT]
            waiting = [line for line in waiting if line not in ripe]
            for line in in_order(ripe, minutes):
                console.print(line.styled())
            status.update(Text("  ".join(f"{name} {state}" for name, state in known.items()), "dim"))
            time.sleep(0.5)


def logged(account: Account, seen: set[str]) -> Iterator[Line]:
    """What the functions logged since the last time."""
    since = int(time.time() * 1000) - _LATE
    for function in (STOP, START):
        for entry in log(account, function, since):
            if (key := json.dumps(entry)) not in seen:
                seen.add(key)
                yield line_of(function.rpartition("-")[2], entry)


def line_of(function: str, entry: dict[str, Any]) -> Line:
    """An entry of a function's log as a line."""
    at, message = datetime.fromisoformat(entry["timestamp"]), " ".join(entry["message"].splitlines())
    if "counts" in entry:
        counts = ", ".join(f"{count} {reason}" for reason, count in entry["counts"].items())
        return Line(at, function, "", "run", counts or "no tagged clusters")
    if "reason" in entry:
        message = message.removeprefix(f"{entry['cluster']}: ")
        return Line(at, function, entry["cluster"], entry["action"], f"{entry['reason']}: {message}")
    if "hold" in entry:
        return Line(at, function, message.partition(":")[0], "hold", entry["hold"])
    return Line(at, function, "", entry["level"].lower(), message)


def in_order(lines: Iterable[Line], minutes: dict[str, str]) -> Iterator[Line]:
    """The lines by time, without repeats of what both functions say about a cluster.

    minutes: when each cluster was last shown.
    """
    for line in sorted(lines, key=lambda line: line.at):
        if line.what in ("stop", "start", "leave"):
            minute = f"{line.at:%H:%M}"
            # The other function says itself what it does.
            if line.what != line.function and (line.what != "leave" or minutes.get(line.cluster) == minute):
                continue
            # Only the stop function sees who is connected.
            if line.function == "start" and line.text.startswith("in-use"):
                continue
            minutes[line.cluster] = minute
        yield line


def changes(account: Account, known: dict[str, str]) -> Iterator[Line]:
    """The clusters whose status has changed."""
    for name, status in statuses(account):
        if (before := known.get(name)) != status:
            known[name] = status
            yield Line(datetime.now(UTC), "", name, "is", f"{before} -> {status}" if before else status)
