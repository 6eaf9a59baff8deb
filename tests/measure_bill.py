"""Measures what the functions' work takes, and prints the bill: `python -m pytest -s tests/measure_bill.py`.

It is no test, and no run of all tests finds it. Each function runs in a process of its own, whose processor time is the
function's alone, with the environment that the stack gives it, over accounts at the wire (`aws_server.py`): snapshots
with the members that RDS fills for an Aurora cluster, a tenth of the clusters changed by hand, a fortnight of events,
and as many untagged clusters with four weeks of connections. Of several warm runs, the median counts.
"""

# ruff: noqa: T201  it prints what was asked for

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import time_machine

from aws_server import ACCOUNT, HOME, Account, Call, Structure
from bench.account import snapshot
from office_hours.schedule import Schedule, State, Transition
from price_list import instance
from settings import StackSettings
from synthesis import ORGANIZATION, Resource, synthesize
from tools.bill import KINDS, Month, Work, month, table, together

pytest_plugins = ["aws_server", "synthesis"]

TAG = "mon-fri 08:00-18:00 Europe/Berlin"
STATUSES = {State.RUNNING: "available", State.STOPPED: "stopped"}
MESSAGES = {State.RUNNING: "DB cluster started.", State.STOPPED: "DB cluster stopped."}
CALLS = {State.RUNNING: "StartDBCluster", State.STOPPED: "StopDBCluster"}
OTHER = {State.RUNNING: State.STOPPED, State.STOPPED: State.RUNNING}
# When each kind of invocation comes, and its event.
EVENTS: Mapping[str, tuple[str, object]] = {
    "start": ("2026-11-24T16:30Z", {}),  # a Tuesday, half an hour before the clusters stop
    "stop": ("2026-11-24T16:30Z", {}),
    "notice": ("2026-11-24T16:45Z", {}),
    "acting": ("2026-11-24T17:00Z", {}),
    "grace": ("2026-11-24T18:30Z", {}),
    "report": ("2026-11-24T06:00Z", {"send": True}),
    "message": ("2026-11-23T06:00Z", {"send": True}),
    "page": ("2026-11-24T16:30Z", {"widgetContext": {"theme": "light"}}),
    "suggest": ("2026-11-24T16:30Z", {"suggest": True, "widgetContext": {"theme": "light"}}),
}
THREADS = 16
WARM_RUNS = 3
LONG = "message", "suggest"  # to read four weeks of each untagged cluster: one warm run is enough
MEMBERS = 60
FUNCTION = f"arn:aws:lambda:{HOME}:{ACCOUNT}:function:aurora-office-hours-"

# What RDS says of an Aurora cluster, beside what the account itself makes up.
MADE_UP = {"DBClusterIdentifier", "DBClusterArn", "DBClusterMembers", "Status", "TagList"}
SNAPSHOT = {key: value for key, value in snapshot(2).items() if key not in MADE_UP}


@dataclass(frozen=True)
class Variant:
    """What is measured.

    clusters: tagged ones in each account, and as many without a tag.
    option: what a tenth of the tags have besides.
    members: how many other accounts the functions look at.
    plain: whether it is a member's stack.
    """

    clusters: int = 100
    settings: StackSettings = field(default_factory=StackSettings)
    option: str = ""
    members: int = 0
    plain: bool = False


IN_ORGANIZATION = StackSettings(organization=ORGANIZATION)
MEMBER, CENTRE, ALL = "a member with 10", f"the centre of {MEMBERS} such", f"{MEMBERS} members and the centre"
VARIANTS = {
    "10 clusters": Variant(10),
    "100 clusters": Variant(),
    "1,000 clusters": Variant(1000),
    "100, `dashboard: false`": Variant(settings=StackSettings(dashboard=False)),
    "100, `alarms: false`": Variant(settings=StackSettings(alarms=False)),
    "100, neither": Variant(settings=StackSettings(dashboard=False, alarms=False)),
    "100, `cloudTrail: false`": Variant(settings=StackSettings(cloud_trail=False)),
    "100, `noticeMinutes: 15`": Variant(settings=StackSettings(notice_minutes=15)),
    "100, ten with `grace=2h`": Variant(option=" grace=2h"),
    MEMBER: Variant(10, IN_ORGANIZATION, plain=True),
    CENTRE: Variant(10, IN_ORGANIZATION, members=MEMBERS),
}


def of_rds(name: str) -> Structure:
    members = [{"DBInstanceIdentifier": f"{name}-{each}", "IsClusterWriter": each == 1} for each in (1, 2)]
    return {**SNAPSHOT, "DBClusterMembers": members}


def fill(account: Account, variant: Variant, at: datetime) -> None:
    """Make clusters: as scheduled at that time, but for a tenth changed by hand, and others that may be in grace."""
    for each in (account.clusters, account.events, account.trail, account.connections):
        each.clear()
    schedule, edges, before = Schedule.parse(TAG), list[Transition](), at
    for _ in range(20):
        edge = schedule.latest_transition(before)
        assert edge
        edges, before = [*edges, edge], edge.at - timedelta(seconds=1)
    desired, since = edges[0].to, edges[0].at
    hours = [((at - timedelta(hours=hour)).timestamp(), hour % 24 // 10) for hour in range(28 * 24)]
    for number in range(variant.clusters):
        name, other = f"reporting-{number}", f"untagged-{number}"
        by_hand, has_option = number % 10 == 0, bool(variant.option) and number % 10 == 5
        in_grace = has_option and desired is State.STOPPED
        state = OTHER[desired] if by_hand or in_grace else desired
        for edge in edges[in_grace:]:
            account.log(name, MESSAGES[edge.to], (edge.at + timedelta(minutes=8)).isoformat())
        if by_hand:
            account.called(CALLS[state], name, (since + timedelta(minutes=33)).isoformat())
            account.log(name, MESSAGES[state], (since + timedelta(minutes=40)).isoformat())
        if in_grace:
            account.connected(name, at.isoformat(), 1)
        account.add(name, TAG + variant.option * has_option, **of_rds(name), Status=STATUSES[state])
        account.add(other, **of_rds(other))
        account.connections[HOME, other] = hours
    # It stays as it is, so that it is stopped in each run.
    account.instead["StopDBCluster"] = {"DBCluster": account.clusters[HOME]["reporting-1"]}


def waits(calls: Sequence[Call]) -> int:
    """For how many answers one after the other: what names a cluster or an account is asked many at a time."""
    at_once = sum(bool(call.cluster) or call.operation == "AssumeRole" for call in calls)
    return len(calls) - at_once + math.ceil(at_once / THREADS)


def observed(accounts: Sequence[Account], kind: str, environment: dict[str, str]) -> Work:
    """The last of several invocations in one process, its processor time that of the median."""
    at, event = EVENTS[kind]
    for account in accounts:
        account.calls.clear()
    measured, runs = str(Path(__file__).with_name("measured.py")), 2 if kind in LONG else 1 + WARM_RUNS
    with time_machine.travel(at):
        done = subprocess.run(
            [sys.executable, measured, KINDS[kind][0], json.dumps(event), str(runs), at],
            env=os.environ | {"PYTHONPATH": "lambda:tests"} | environment,
            check=False,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    log = done.stdout.split("---\n")[-1].splitlines()
    calls = [call for account in accounts for call in account.calls]
    # Members are asked side by side, after the centre has asked who they are.
    answers = waits(accounts[0].calls) + max((waits(each.calls) for each in accounts[1:]), default=0)
    # Later pages are of the same metrics.
    reading = [call for call in calls if call.operation == "GetMetricData" and "NextToken" not in call.parameters]
    work = Work(
        cpu=median(json.loads(done.stderr.splitlines()[-1])[1:]),
        calls=len(calls) / runs,
        answers=answers / runs,
        log=sum(len(line.encode()) + 1 for line in log),
        lines=len(log),
        metrics=frozenset(
            metric["Name"]
            for line in log
            for directive in json.loads(line).get("_aws", {}).get("CloudWatchMetrics", ())
            for metric in directive["Metrics"]
        ),
        metrics_read=sum(len(json.loads(call.parameters["MetricDataQueries"])) for call in reading) / runs,
    )
    print(f"  {kind}: {work}")
    return work


def environment(function: Resource) -> dict[str, str]:
    """What the stack gives a function, with ARNs of functions where the template refers to them."""
    return {
        key: re.sub(r"<(\w+)\.Arn>", lambda found: f"{FUNCTION}{found[1].lower()}", value)
        for key, value in function["Environment"]["Variables"].items()
    }


def test_print_the_bill(account: Account, package: Path) -> None:
    account.products = [*instance("db.r8g.large", "0.5")]
    (unit,), measured, months = ORGANIZATION.units, dict[str, dict[str, Work]](), dict[str, Month]()
    for name, variant in VARIANTS.items():
        template = synthesize(variant.settings, package, plain=variant.plain)
        functions = {key.lower(): each["Properties"] for key, each in template.of_type("AWS::Lambda::Function").items()}
        given = {word: environment(each) for word, each in functions.items()}
        members = [account.join(f"{number:012}", f"account-{number}", unit=unit) for number in range(variant.members)]
        account.instead["ListAccountsForParent"] = {"Accounts": account.units[unit]}
        # What makes no difference to the functions isn't measured again.
        work = measured.setdefault(f"{variant.clusters} {variant.option} {variant.members} {given}", {})
        print(name)
        for kind in KINDS if not work else ():
            for each in (account, *members):
                fill(each, variant, datetime.fromisoformat(EVENTS[kind][0]) - timedelta(minutes=1))
            work[kind] = observed([account, *members], kind, given[KINDS[kind][0]])
        months[name] = month(
            work,
            {word: each["MemorySize"] for word, each in functions.items()},
            alarm_metrics=len(template.of_type("AWS::CloudWatch::Alarm")),  # each reads one
            dashboards=len(template.of_type("AWS::CloudWatch::Dashboard")),
        )
    months[ALL] = together([months[MEMBER]] * MEMBERS + [months[CENTRE]])
    print(f"\n{table(months)}")
