"""The emulated account of `make local`: on this machine only, and gone without a trace, however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asset import PROJECT
from local import emulator
from local.emulator import EndpointError, LocalError, is_ready, loopback_port

LIMIT = 60  # seconds


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://rds.eu-west-1.amazonaws.com",
        "http://192.168.1.10:4566",
        "http://0.0.0.0:4566",
        "http://127.0.0.1@example.com:4566",
        "http://127.0.0.1.example.com:4566",
        "http://localhost.example.com:4566",
        "http://127.0.0.1",
        "4566",
    ],
)
def test_an_endpoint_that_is_not_on_the_loopback_interface_is_refused(endpoint: str) -> None:
    with pytest.raises(EndpointError, match="not on this machine's loopback interface"):
        loopback_port(endpoint)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:4566", "http://localhost:4566"])
def test_an_endpoint_on_the_loopback_interface_chooses_the_port(endpoint: str) -> None:
    assert loopback_port(endpoint) == 4566


def test_another_endpoint_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with local(tmp_path, AWS_ENDPOINT_URL="http://192.168.1.10:4566") as process:
        output, _ = process.communicate(timeout=LIMIT)
    assert "http://192.168.1.10:4566 is refused" in output
    assert process.returncode == 1
    assert not list(tmp_path.iterdir())


def test_what_listens_at_the_port_already_is_left_alone() -> None:
    with emulator.account() as account:
        second = emulator.account(account.endpoint)
        with pytest.raises(LocalError, match=f"Port {account.port} cannot be had"):
            second.__enter__()
        assert is_ready(account.port)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_nothing_is_left_when_it_is_ended_in_the_middle_of_its_work(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with local(tmp_path) as process:
        assert process.stdout is not None
        announced = process.stdout.readline()  # and the CDK's preparation of the account begins
        port = int(announced.partition("http://127.0.0.1:")[2].partition(".")[0])
        assert is_ready(port)
        process.send_signal(number)
        assert process.wait(LIMIT) == code
    # At once, but for the one that cannot wait until all else has ended. All that is started has this folder in its
    # environment.
    eventually(lambda: not list(tmp_path.iterdir()) and not list(processes_of(tmp_path)))
    assert not is_ready(port)


def test_nothing_is_left_after_an_error() -> None:
    accounts = []

    def fail() -> None:
        with emulator.account() as account:
            accounts.append(account)
            account.run([sys.executable, "-c", "import sys; sys.exit('says why')"], cwd=account.folder)

    with pytest.raises(LocalError, match="says why"):
        fail()
    assert not accounts[0].folder.exists()
    assert not is_ready(accounts[0].port)


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


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def processes_of(folder: Path) -> Iterator[int]:
    """The processes that have this folder in their environment, where the system tells (Linux)."""
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(folder).encode() in entry.read_bytes():
                yield int(entry.parent.name)
        except OSError:
            continue
