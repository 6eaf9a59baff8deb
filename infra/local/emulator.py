"""An AWS account on this machine: the emulator MiniStack, for as long as it is needed.

It listens on the loopback interface only, and nothing here ever calls another endpoint: there, the same commands would
change a real account.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.config import Config

from demo.account import price_list

ACCOUNT = "123456789012"
REGION = "eu-west-1"
_ANY = "local"  # whatever the secret key is, the emulator takes it
# The only variables that the emulator gets from this machine's environment: others could change what it does.
_KEPT = ("PATH", "LANG", "LC_ALL")
# A shell waits until its standard input ends, as it does with the process that started it, however that ends. Then it
# ends the emulator's process group, and removes the folder: again, if anything was still being written into it.
_END = 'cat; kill -s KILL -- "-$1" 2>/dev/null; rm -rf "$2" || rm -rf "$2"'


class LocalError(Exception):
    """The emulator, or a command against it, failed. The text says how, in the program's own words."""


@dataclass(frozen=True)
class Account:
    """The emulated account.

    port: where it listens, on 127.0.0.1.
    folder: has everything that belongs to it, and is removed with it.
    group: the process group that ends with it.
    clients: the clients made for it, by service, Region and user.
    """

    port: int
    folder: Path
    group: int
    clients: dict[tuple[str, str, str], Any] = field(repr=False)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str, region: str = REGION, user: str = ACCOUNT) -> Any:  # noqa: ANN401  of any service
        """A client, made once and closed with the account. The emulator takes an access key for the user's name."""
        if (service, region, user) not in self.clients:
            self.clients[service, region, user] = boto3.Session().client(
                cast("Any", service),
                region_name=region,
                endpoint_url=self.endpoint,
                aws_access_key_id=user,
                aws_secret_access_key=_ANY,
                config=Config(proxies={}),  # nothing here leaves the machine
            )
        return self.clients[service, region, user]

    def run(self, command: list[str], cwd: Path) -> str:
        """Run a command against the account and return its output. Raises LocalError if it fails."""
        # None of the user's own AWS settings may lead elsewhere.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        past_proxies = {name: f"{environment.get(name, '')},127.0.0.1" for name in ("NO_PROXY", "no_proxy")}
        no_files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
        temporary = {"TMPDIR": str(self.folder), "CDK_HOME": str(self.folder)}
        # Without cdk-nag, which takes half of a synthesis: `make lint` runs it.
        quick = {"CDK_VALIDATION": "false"}
        ours = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": REGION}
        keys = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": _ANY}
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**environment, **past_proxies, **no_files, **temporary, **quick, **ours, **keys},
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=self.group,
        )
        if done.returncode:
            raise LocalError(f"{' '.join(command)} failed:\n{done.stdout}")
        return done.stdout


@contextmanager
def account() -> Iterator[Account]:
    """Start an empty account, and leave nothing of it behind. Raises LocalError if it doesn't start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="office-hours-local-"))
    settings = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",  # it would listen on every interface
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        # With Docker it would fetch and run a database for each cluster, and manage other people's containers.
        "DOCKER_HOST": "unix:///nonexistent",
        "PRICE_LIST": json.dumps(price_list()),
        "TMPDIR": str(folder),
        "HOME": str(folder),
    }
    with (folder / "emulator.log").open("wb") as log:
        emulator = subprocess.Popen(
            # -P: it must not import the modules next to it.
            [sys.executable, "-P", str(Path(__file__).with_name("aws.py"))],
            cwd=folder,
            env={name: os.environ[name] for name in _KEPT if name in os.environ} | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,  # so that Ctrl-C doesn't end it before all that belongs to it
        )
    keeper = subprocess.Popen(
        ["/bin/sh", "-c", _END, "keeper", str(emulator.pid), str(folder)], stdin=subprocess.PIPE, process_group=0
    )
    assert keeper.stdin is not None  # noqa: S101  for the type checker
    clients: dict[tuple[str, str, str], Any] = {}
    try:
        while not is_ready(port):
            if emulator.poll() is not None:
                raise LocalError(f"The emulator didn't start:\n{(folder / 'emulator.log').read_text(errors='replace')}")
            time.sleep(0.1)
        yield Account(port, folder, emulator.pid, clients)
    finally:
        keeper.stdin.close()
        emulator.wait()
        keeper.wait()
        for client in clients.values():
            client.close()


def is_ready(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
