"""Measures what the functions' work takes, and prints the bill: `python -m pytest -s tests/measure_bill.py`.

It is no test, and no run of all tests finds it. Each function runs in a process of its own, whose processor time is the
function's alone, over an account at the wire (`aws_server.py`): snapshots with the members that RDS fills for an Aurora
cluster, a tenth of the clusters changed by hand, and a fortnight of events. Of several warm runs, the median counts.
"""

# ruff: noqa: T201  it prints what was asked for

import json
import math
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest

from aws_server import Account
from bench.account import snapshot
from office_hours.schedule import Schedule, State
from price_list import instance
from settings import StackSettings
from synthesis import Template
from tools.bill import Month, Work, month, table

pytest_plugins = ["aws_server", "synthesis"]

TAG = "mon-fri 08:00-18:00 Europe/Berlin"
STATUSES = {State.RUNNING: "available", State.STOPPED: "stopped"}
MESSAGES = {State.RUNNING: "DB cluster started.", State.STOPPED: "DB cluster stopped."}
OTHER = {State.RUNNING: State.STOPPED, State.STOPPED: State.RUNNING}
# What each function is invoked with, by its schedule and by the dashboard.
EVENTS = {"stop": {}, "start": {}, "status": {"widgetContext": {"theme": "light"}}, "report": {"send": True}}
THREADS = 16
WARM_RUNS = 3

# What RDS says of an Aurora cluster, beside what the account itself makes up.
MADE_UP = {"DBClusterIdentifier", "DBClusterArn", "DBClusterMembers", "Status", "TagList"}
MEMBERS = {key: value for key, value in snapshot(2).items() if key not in MADE_UP}


def fill(account: Account, clusters: int, *, as_scheduled: bool) -> None:
    """Make clusters that are as their schedule asks, but for a tenth, or none of which is."""
    now = datetime.now(UTC)
    schedule = Schedule.parse(TAG)
    desired, latest = schedule.desired_state(now), schedule.latest_transition(now)
    assert desired
    assert latest
    for number in range(clusters):
        name, state = f"reporting-{number}", desired
        members = [{"DBInstanceIdentifier": f"{name}-{each}", "IsClusterWriter": each == 1} for each in (1, 2)]
        at = latest.at
        for _ in range(20):
            account.log(name, MESSAGES[state], (at + timedelta(minutes=8)).isoformat())
            before = schedule.latest_transition(at - timedelta(seconds=1))
            assert before
            at, state = before.at, before.to
        state = desired
        if not as_scheduled:
            state = OTHER[desired]
            account.events.clear()
        elif number % 10 == 0:
            state = OTHER[desired]
            account.log(name, MESSAGES[state], (latest.at + timedelta(minutes=40)).isoformat())
        account.add(name, TAG, **MEMBERS, DBClusterMembers=members, Status=STATUSES[state])


def observed(account: Account, function: str, *, runs: int) -> Work:
    """The last of several invocations in one process, its processor time that of the median."""
    account.calls.clear()
    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("measured.py")),
            function,
            json.dumps(EVENTS[function]),
            str(runs),
        ],
        env=os.environ | {"PYTHONPATH": "lambda:tests"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    log = done.stdout.split("---\n")[-1].splitlines()
    cpu = json.loads(done.stderr.splitlines()[-1])
    named = sum(bool(call.cluster) for call in account.calls) / runs
    return Work(
        cpu=median(cpu[1:] or cpu),
        answers=len(account.calls) / runs - named + math.ceil(named / THREADS),
        log=sum(len(line.encode()) + 1 for line in log),
        lines=len(log),
        metrics=frozenset(
            metric["Name"]
            for line in log
            for directive in json.loads(line).get("_aws", {}).get("CloudWatchMetrics", ())
            for metric in directive["Metrics"]
        ),
    )


def bill(account: Account, clusters: int, memory: dict[str, int], alarm_metrics: int) -> Month:
    fill(account, clusters, as_scheduled=True)
    work = {name: observed(account, name, runs=1 + WARM_RUNS) for name in EVENTS}
    fill(account, clusters, as_scheduled=False)
    acts = "start" if Schedule.parse(TAG).desired_state(datetime.now(UTC)) is State.RUNNING else "stop"
    work["acting"] = observed(account, acts, runs=1)
    for name, each in work.items():
        print(
            f"{clusters:5} {name:7} {each.cpu:6.3f} s, {each.answers:3.0f} answers, {each.log:8} bytes, {each.metrics}"
        )
    return month(work, memory, alarm_metrics, untagged=clusters)


def test_print_the_bill(account: Account, template: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    account.products = [*instance("db.r8g.large", "0.5")]
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", StackSettings().as_json())
    monkeypatch.setenv("OFFICE_HOURS_REPORT", "never")
    functions = template.of_type("AWS::Lambda::Function")
    memory = {word: functions[word.capitalize()]["Properties"]["MemorySize"] for word in EVENTS}
    alarm_metrics = len(template.of_type("AWS::CloudWatch::Alarm"))  # each reads one
    months = {}
    for clusters in (10, 100, 1000):
        account.clusters.clear()
        account.events.clear()
        months[clusters] = bill(account, clusters, memory, alarm_metrics)
    print(f"\n{table(months)}")
