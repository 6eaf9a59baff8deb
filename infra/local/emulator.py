"""An AWS account on this machine: the emulator MiniStack, for as long as somebody needs it.

It listens on the loopback interface only, and nothing here ever talks to another: the same commands would change a real
account.
"""

import http.client
import ipaddress
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

ACCOUNT = "123456789012"
REGION = "eu-west-1"
# What of this machine's environment the emulator sees: the rest could change what it does.
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")


class LocalError(Exception):
    """The emulator, or what is run against it, failed. The text says how, in the program's own words."""


class EndpointError(ValueError):
    """The endpoint is not one on this machine's loopback interface."""


@dataclass(frozen=True)
class Account:
    """The emulated account.

    port: where it listens, on 127.0.0.1.
    folder: where all that belongs to it is, and goes with it.
    group: the process group that ends with it.
    clients: those that were made for it, by service, Region and user.
    """

    port: int
    folder: Path
    group: int
    clients: dict[tuple[str, str, str], Any] = field(repr=False)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        """What a command needs to reach the account. To the emulator, the access key is the user's name as well."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
        }

    def client(self, service: str, region: str = REGION, user: str = ACCOUNT) -> Any:  # noqa: ANN401  of any service
        """A client, made once and closed with the account."""
        if (service, region, user) not in self.clients:
            self.clients[service, region, user] = boto3.Session().client(
                cast("Any", service),
                region_name=region,
                endpoint_url=self.endpoint,
                aws_access_key_id=user,
                aws_secret_access_key=self.credentials["AWS_SECRET_ACCESS_KEY"],
                config=Config(proxies={}),  # they are for the network, and none of this leaves the machine
            )
        return self.clients[service, region, user]

    def run(self, command: list[str], cwd: Path) -> str:
        """Run a command against the account, and return what it says. Raises LocalError where it fails."""
        # Of a user's own AWS settings, none may lead elsewhere.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        past_proxies = {name: f"{environment.get(name, '')},127.0.0.1" for name in ("NO_PROXY", "no_proxy")}
        no_files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
        temporary = {"TMPDIR": str(self.folder), "CDK_HOME": str(self.folder)}
        # cdk-nag's judgement is the business of `make lint`, and half of a synthesis.
        quick = {"CDK_VALIDATION": "false"}
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**environment, **past_proxies, **no_files, **temporary, **quick, **self.credentials},
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
def account(endpoint: str | None = None) -> Iterator[Account]:
    """Start an account that is empty, at this endpoint or at a free port, and have nothing left of it afterwards.

    Raises EndpointError where the endpoint is not on the loopback interface, LocalError where nothing starts there.
    """
    port = loopback_port(endpoint) if endpoint else 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            # Whatever listens there is not ours to fill.
            raise LocalError(f"Port {port} cannot be had: {error.strerror}. Leave out AWS_ENDPOINT_URL.") from error
        port = probe.getsockname()[1]
    settings = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",  # which listens on every interface
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        # With Docker it would fetch and run a database for each cluster, and look after others' containers.
        "DOCKER_HOST": "unix:///nonexistent",
    }
    # -P: what is beside our scripts is not theirs to import.
    keep, emulate = ([sys.executable, "-P", str(Path(__file__).with_name(name))] for name in ("keeper.py", "aws.py"))
    keeper = subprocess.Popen(
        [*keep, *emulate],
        env={**{name: os.environ[name] for name in _KEPT if name in os.environ}, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,  # so that a Ctrl-C at the terminal does not end it before its work is done
    )
    assert keeper.stdin is not None and keeper.stdout is not None  # noqa: S101, PT018  for the type checker
    clients: dict[tuple[str, str, str], Any] = {}
    try:
        started = json.loads(keeper.stdout.readline())
        while not is_ready(port):
            if keeper.poll() is not None:
                raise LocalError(f"The emulator does not start:\n{keeper.stdout.read()}")
            time.sleep(0.1)
        yield Account(port, Path(started["folder"]), started["group"], clients)
    finally:
        keeper.stdin.close()  # at which it ends all that is left
        keeper.wait()
        keeper.stdout.close()
        for client in clients.values():
            client.close()


def is_ready(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False


def loopback_port(endpoint: str) -> int:
    """The port of an endpoint on the loopback interface. Raises EndpointError for any other."""
    with suppress(ValueError):
        url = urlsplit(endpoint)
        host = "127.0.0.1" if url.hostname == "localhost" else url.hostname or ""
        if url.scheme == "http" and ipaddress.IPv4Address(host).is_loopback and url.port:
            return url.port
    raise EndpointError(
        f"The endpoint {endpoint} is refused: it is not on this machine's loopback interface, and what is done here "
        "must reach no real account. Expected: http://127.0.0.1:4566, with any port, or no AWS_ENDPOINT_URL at all."
    )
