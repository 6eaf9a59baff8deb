"""The week: the deployed handlers on the simulated account and clock, invoked as schedules and people do."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TextIO
from unittest.mock import patch

from demo.account import ACCOUNT, DAYS, DEEDS, END, EVERY, MODIFYING, REGION, START, Cluster, Deed
from demo.simulated import SimulatedAccount, simulated
from office_hours import rds
from office_hours.decision import LOG_KEPT
from office_hours.reporting.hours import Period, past
from office_hours.reporting.prices import Prices
from office_hours.settings import Settings

if TYPE_CHECKING:
    from office_hours.answer import Entry
    from office_hours.reporting.suggest import Suggestion

# As deployed. stack.py defines the memory, but importing it takes the CDK.
NAME = "aurora-office-hours"
MEMORY_MB = 512


@dataclass(frozen=True)
class Decision:
    """What a handler answered about a cluster.

    command: what a person invoked: the function and its event; empty for a scheduled run.
    hold: the value of the hold tag that a command wrote.
    """

    at: datetime
    cluster: str
    status: str
    reason: str
    message: str
    command: str = ""
    hold: str = ""


@dataclass(frozen=True)
class Week:
    """What happened.

    statuses: each cluster's statuses by its name, and since when, oldest first.
    decisions: those about commands, and those whose reason differs from the cluster's previous one, oldest first.
    periods: each cluster's hours and savings, as the report has them.
    notices: what was mailed before clusters stopped, oldest first.
    suggestions: for untagged clusters.
    """

    statuses: dict[str, list[tuple[datetime, str]]]
    decisions: list[Decision]
    periods: dict[str, Period]
    notices: Sequence[str] = ()
    suggestions: "Sequence[Suggestion]" = ()


@dataclass(frozen=True)
class _Context:
    """What Lambda passes to a handler besides the event."""

    function_name: str
    memory_limit_in_mb: int = MEMORY_MB
    invoked_function_arn: str = "arn:aws:lambda:simulated:scheduled"
    aws_request_id: str = "simulated"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def simulate(clusters: Sequence[Cluster], settings: str, log: TextIO, progress: Callable[[datetime], None]) -> Week:
    """Let the week pass. The handlers log to `log`, and `progress` gets the virtual time every hour.

    The handlers are as deployed, under these settings; their calls take no time.
    """
    variables = {
        "POWERTOOLS_SERVICE_NAME": NAME,
        # Metrics would go to standard output, between the demo's own lines.
        "POWERTOOLS_METRICS_DISABLED": "true",
        "OFFICE_HOURS_SETTINGS": settings,
        "OFFICE_HOURS_NOTICES": f"arn:aws:sns:{REGION}:{ACCOUNT}:{NAME}-notices",
    }
    with simulated(clusters, variables) as account:
        # Only now: Powertools reads the environment when the handlers are imported.
        from office_hours import handlers  # noqa: PLC0415
        from office_hours.answer import logger  # noqa: PLC0415
        from office_hours.regions import Invocation  # noqa: PLC0415
        from office_hours.reporting.suggest import suggest  # noqa: PLC0415

        functions: dict[str, Callable[[Any, Any], Any]] = {"stop": handlers.stop, "start": handlers.start}
        decisions: list[Decision] = []

        def invoke(action: str, event: object) -> "list[Entry]":
            account.caller = f"{NAME}-{action}"
            answer: list[Entry] = functions[action](event, _Context(account.caller))["clusters"]
            return answer

        with patch.object(logger.registered_handler, "stream", log):
            waiting = sorted(DEEDS, key=lambda deed: deed.at, reverse=True)
            now = START
            while now < END:
                while waiting and waiting[-1].at <= now:
                    deed = waiting.pop()
                    account.advance(deed.at)
                    if deed.event:
                        command = f"{deed.action} function: {deed.event}"
                        entries = invoke(deed.action, json.loads(deed.event))
                        decisions += [_decision(entry, deed.at, command) for entry in entries]
                    else:
                        _do(account, deed)
                account.advance(now)
                for action in functions:
                    # The other function says better what it does itself.
                    ours = [entry for entry in invoke(action, {}) if entry["decision"] in (action, "leave")]
                    decisions += [_decision(entry, now) for entry in ours]
                if not now.minute:
                    progress(now)
                now += EVERY
            account.advance(END)
        notices = [json.loads(str(each["Message"]))["default"] for each in account.published]
        suggested = suggest(Invocation(Settings.from_json(settings), END, END + timedelta(minutes=1)))["suggestions"]
        return Week(account.statuses, list(changes(decisions)), _periods(account, clusters), notices, suggested)


def _decision(entry: "Entry", at: datetime, command: str = "") -> Decision:
    kept = entry["cluster"], entry["status"], entry["reason"], entry["message"]
    return Decision(at, *kept, command, entry.get("hold", ""))


def changes(decisions: list[Decision]) -> Iterator[Decision]:
    """Those about commands, and those whose reason differs from the cluster's previous one."""
    reasons: dict[str, str] = {}
    for decision in decisions:
        if decision.command or reasons.get(decision.cluster) != decision.reason:
            reasons[decision.cluster] = decision.reason
            yield decision


def _periods(account: SimulatedAccount, clusters: Sequence[Cluster]) -> dict[str, Period]:
    """What the report's own code makes of RDS's answers."""
    events, prices = rds.events(rds.client(None), END - LOG_KEPT, END), Prices()
    classes = {each.name: each.instance_class for each in clusters}
    found = {}
    for snapshot in account.answer("DescribeDBClusters", {})["DBClusters"]:
        name = snapshot["DBClusterIdentifier"]
        price = prices.of(snapshot, [classes[name]], REGION)
        found[name] = past(snapshot, events.get(name, ()), END, DAYS, price)
    return found


def _do(account: SimulatedAccount, deed: Deed) -> None:
    """Do it as in the AWS console, without the functions."""
    account.caller = deed.by
    if deed.action == "modify":
        account.modify(deed.cluster, MODIFYING)
    else:
        account.answer(f"{deed.action.capitalize()}DBCluster", {"DBClusterIdentifier": deed.cluster})
