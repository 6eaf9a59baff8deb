"""`make local`: an account on this machine only, gone without a trace however it ends; and what people do in it."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import invocation
from asset import PROJECT
from aws_server import Account as Wire
from local import emulator
from local.__main__ import commands, some_clusters
from local.emulator import Account, LocalError, is_ready
from local.follow import START, STOP, Line, in_order, line_of, log
from local.people import some_commands, steer

pytest_plugins = ["aws_server"]

LIMIT = 60  # seconds


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGKILL, -9)])
def test_nothing_is_left_when_it_is_ended_in_the_middle_of_its_work(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with local(tmp_path, AWS_ENDPOINT_URL="https://rds.eu-west-1.amazonaws.com") as process:
        assert process.stdout is not None
        announced = process.stdout.readline()  # and the CDK's preparation of the account begins
        port = int(announced.partition("http://127.0.0.1:")[2].partition(".")[0])
        assert is_ready(port)
        process.send_signal(number)
        assert process.wait(LIMIT) == code
    # At once, but for the one that cannot wait until all else has ended. All that is started has this folder in its
    # environment.
    deadline = time.monotonic() + LIMIT
    while any(tmp_path.iterdir()) or any(processes_of(tmp_path)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not is_ready(port)


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="says why"):
        Account(0, tmp_path, 0, {}).run([sys.executable, "-c", "import sys; sys.exit('says ' + 'why')"], cwd=tmp_path)


@pytest.mark.parametrize(("edge", "monday"), [("2026-11-24T09:01", "2026-11-30"), ("2026-11-30T00:00", "2026-12-07")])
def test_people_work_late_stop_one_at_noon_and_keep_one_down_over_the_weekend(
    account: Wire, edge: str, monday: str
) -> None:
    holds = {"evening": f"running until {edge}Z", "weekend": f"stopped until {monday}T08:00+01:00"}
    at = datetime.fromisoformat(f"{edge}Z")
    for cluster in some_clusters(at):
        account.add(cluster.name, cluster.tag, Status="stopped" if cluster.stopped else "available")
    for _, name, event in some_commands(at):
        function = {START: invocation.start, STOP: invocation.stop}[name]
        (entry,) = function((at - timedelta(seconds=10)).isoformat(), event)["clusters"]
        assert name.endswith(entry["decision"])  # each changes something
    assert {name: account.tag(name) for name in holds} == holds


def test_a_command_is_told_with_its_exact_event_and_the_functions_answer_or_its_refusal() -> None:
    (works_late, *_) = some_commands(datetime(2026, 11, 24, 9, 1, tzinfo=UTC))
    answers = account_that({"clusters": [{"message": "Starting. Held running until Tue 09:01."}]})
    assert list(steer(answers, (works_late,))) == [
        f'alice works late: {START} {{"clusters": ["evening"], "until": "2026-11-24T09:01Z"}}',
        "  Starting. Held running until Tue 09:01.",
    ]
    refuses = account_that({"errorMessage": "Nothing was done."}, FunctionError="Unhandled")
    with pytest.raises(LocalError, match="Nothing was done"):
        list(steer(refuses, (works_late,)))


def test_what_is_offered_to_be_typed_can_be_pasted_and_reaches_no_other_account(tmp_path: Path) -> None:
    aws = tmp_path / "aws"
    aws.write_text("""#!/bin/sh\nprintf '%s\\n' "$@"\ncat\n""")
    aws.chmod(0o700)
    invoked = []
    for line in commands(Account(4566, tmp_path, 0, {})):
        pasted = subprocess.run(
            ["/bin/sh", "-c", line],
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        words = pasted.stdout.splitlines()
        assert words[:2] == (["--endpoint-url", "http://127.0.0.1:4566"] if "aws " in line else [])
        if "invoke" in words:
            invoked.append((words[words.index("--function-name") + 1], json.loads(words[-1])))
    assert [name.rpartition("-")[2] for name, _ in invoked] == ["report", "start", "stop", "stop", "stop", "status"]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (
            {"message": "a: Starting. Held.", "cluster": "a", "action": "start", "reason": "held", "hold": "running"},
            "a start held: Starting. Held.",
        ),
        ({"message": "start run", "action": "start", "counts": {"held": 2, "busy": 1}}, "run 2 held, 1 busy"),
        ({"message": 'a: hold "running" written', "cluster": "a", "hold": "running"}, "a hold running"),
        ({"message": "One mistake.\nNothing was done.", "level": "WARNING"}, "warning One mistake. Nothing was done."),
    ],
)
def test_each_entry_of_a_log_is_told_in_one_line(entry: dict[str, Any], told: str) -> None:
    line = line_of("start", {"timestamp": "2026-11-24T09:00:06.000+00:00", **entry}).styled().plain
    assert " ".join(line.split()) == f"09:00:06 start {told}"


def test_each_cluster_is_told_once_a_minute_in_the_order_of_time_by_whom_it_concerns() -> None:
    def line(second: int, function: str, cluster: str, what: str, told: str = "") -> Line:
        return Line(datetime(2026, 11, 24, 9, second // 60, second % 60, tzinfo=UTC), function, cluster, what, told)

    minutes: dict[str, str] = {}
    up, down, late = line(5, "start", "up", "start"), line(6, "stop", "down", "stop"), line(65, "stop", "up", "leave")
    less = [line(8, "start", "down", "leave"), line(10, "stop", "up", "leave")]
    assert list(in_order([down, up, *less], minutes)) == [up, down]
    assert list(in_order([less[1], late], minutes)) == [late]
    # The stop function alone sees who is connected.
    start, stop = (line(0, function, "a", "leave", "in-use: ...") for function in ("start", "stop"))
    assert list(in_order([start, stop], {})) == [stop]


def test_the_log_is_what_a_function_logged_and_no_metric_and_nothing_of_lambdas() -> None:
    messages = ["START RequestId: 1", '{"message": "a"}', '{"_aws": {}, "UserErrors": [1.0]}', "END RequestId: 1"]
    pages = [{"events": [{"message": message} for message in messages]}]
    logs = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: pages))
    assert log(account_with("logs", logs), STOP) == [{"message": "a"}]


def account_that(answer: dict[str, Any], **more: str) -> Account:
    """An account whose functions answer this."""
    payload = json.dumps(answer).encode()
    return account_with("lambda", SimpleNamespace(invoke=lambda **_: {"Payload": io.BytesIO(payload), **more}))


def account_with(service: str, client: object) -> Account:
    return Account(0, Path(), 0, {(service, emulator.REGION, emulator.ACCOUNT): client})


def local(folder: Path, **variables: str) -> "subprocess.Popen[str]":
    """`make local`, with its temporary files in this folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "local"],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": "lambda:infra", "TMPDIR": str(folder), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_of(folder: Path) -> Iterator[int]:
    """The processes that have this folder in their environment, where the system tells (Linux)."""
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(folder).encode() in entry.read_bytes():
                yield int(entry.parent.name)
        except OSError:
            continue
