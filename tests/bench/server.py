"""RDS at the wire, for measuring: `python -m bench.server`, which prints its port.

It answers each call `latency` seconds after it came, on as many connections as there are, and spends next to nothing on
one: all XML is written ahead (`account.py`). What it is asked is counted by operation, and its own processor time is
told, so that whoever measures can see that he did not measure this. A call's Region is read from its signature.

`/control` takes JSON and answers with JSON, at once: {"load": {"clusters": 1000, "due": 100, ...}} fills the account,
{"rate": 20} is the calls a second that a Region answers (0 for all), {"accounts": 60, "latency": 0.1} makes an
organization, in which each account has the same clusters, {"reset": true} puts every cluster back to how it was, and
each of them answers with the calls and processor time since the last reset.
"""

import asyncio
import gc
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from bench.account import ACCOUNT, Cluster, Region, fill, model
from bench.scenario import LATENCY, Scenario

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_REGION = re.compile(rb"Credential=[^/]+/\d+/([^/]+)/")
_TARGET = re.compile(rb"\r\nx-amz-target: *[\w.]+\.(\w+)", re.IGNORECASE)
_CHANGES = {"StopDBCluster": (b"available", b"stopping"), "StartDBCluster": (b"stopped", b"starting")}

Parameters = dict[str, str]


class RefusedError(Exception):
    """RDS's refusal of a call: its code, then its words."""


@dataclass
class Server:
    """The account and what is counted."""

    regions: defaultdict[str, Region] = field(default_factory=lambda: defaultdict(Region))
    latency: float = LATENCY
    rate: float = 0
    accounts: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    answered: Counter[tuple[str, int]] = field(default_factory=Counter)  # by Region and second
    changed: list[Cluster] = field(default_factory=list)
    cpu: float = 0

    def control(self, order: dict[str, object]) -> dict[str, object]:
        if isinstance(scenario := order.get("load"), dict):
            self.regions.clear()
            gc.collect()
            self.regions.update(fill(Scenario(**scenario), datetime.now(UTC)))
            gc.freeze()
        self.rate = float(str(order.get("rate", self.rate)))
        self.latency = float(str(order.get("latency", self.latency)))
        self.accounts = int(str(order.get("accounts", self.accounts)))
        report = {"calls": dict(self.calls), "cpu": time.process_time() - self.cpu}
        if "reset" in order or "load" in order:
            self.reset()
        return report

    def reset(self) -> None:
        for cluster in self.changed:
            cluster.become(cluster.first)
        self.changed.clear()
        self.calls.clear()
        self.answered.clear()
        self.cpu = time.process_time()

    def answer(self, region: str, body: bytes) -> tuple[int, bytes]:
        parameters = dict(parse_qsl(body.decode(), keep_blank_values=True))
        operation = parameters["Action"]
        self.calls[operation] += 1
        try:
            self.throttle(region)
            result = _OPERATIONS[operation](self, region, parameters)
        except RefusedError as error:
            code, words = error.args
            return 400, _REFUSAL % (code.encode(), words.encode())
        name, request = operation.encode(), b"<RequestId>11111111-2222-3333-4444-555555555555</RequestId>"
        return 200, (
            b'<%sResponse xmlns="%s"><%sResult>%s</%sResult><ResponseMetadata>%s</ResponseMetadata></%sResponse>'
            % (name, str(model().metadata["xmlNamespace"]).encode(), name, result, name, request, name)
        )

    def throttle(self, region: str) -> None:
        """Refuse the call where the Region has answered as many as it does in this second."""
        second = region, int(time.monotonic())
        if self.rate and self.answered[second] >= self.rate:
            raise RefusedError("Throttling", "Rate exceeded")
        self.answered[second] += 1

    def describe_clusters(self, region: str, parameters: Parameters) -> bytes:
        return _page(b"DBClusters", [each.xml for each in self.regions[region].clusters.values()], parameters)

    def describe_events(self, region: str, parameters: Parameters) -> bytes:
        first, last = (datetime.fromisoformat(parameters[key]).timestamp() for key in ("StartTime", "EndTime"))
        source = parameters.get("SourceIdentifier")
        log = self.regions[region].events
        found = [each.xml for each in log if first <= each.at <= last and source in (None, each.source)]
        return _page(b"Events", found, parameters)

    def describe_instances(self, region: str, parameters: Parameters) -> bytes:
        return _page(b"DBInstances", self.regions[region].instances, parameters)

    def change(self, region: str, parameters: Parameters) -> bytes:
        name = parameters["DBClusterIdentifier"]
        cluster = self.regions[region].clusters.get(name)
        if cluster is None:
            raise RefusedError("DBClusterNotFoundFault", f"DBCluster {name} not found.")
        needed, becomes = _CHANGES[parameters["Action"]]
        if cluster.status != needed:
            state = f"DbCluster {name} is in {cluster.status.decode()} state but expected it to be {needed.decode()}."
            raise RefusedError("InvalidDBClusterStateFault", state)
        cluster.become(becomes)
        self.changed.append(cluster)
        return cluster.xml

    def who(self, _: str, __: Parameters) -> bytes:
        """STS's GetCallerIdentity, with which Cloud Custodian begins, and the status over an organization."""
        user = f"<Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn><UserId>AIDABENCH</UserId>"
        return f"{user}<Account>{ACCOUNT}</Account>".encode()

    def assume(self, _: str, parameters: Parameters) -> bytes:
        """STS's AssumeRole."""
        key = f"<AccessKeyId>ASIA{parameters['RoleArn'].split(':')[4]}</AccessKeyId>"
        secrets = "<SecretAccessKey>bench</SecretAccessKey><SessionToken>bench</SessionToken>"
        return f"<Credentials>{key}{secrets}<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>".encode()

    def told(self, operation: str, parameters: dict[str, str]) -> dict[str, object]:
        """What is answered in JSON. In CloudTrail nobody has started or stopped a cluster lately."""
        self.calls[operation] += 1
        if operation == "ListAccountsForParent":  # in pages of 20, as Organizations has them
            begin = int(parameters.get("NextToken", "0"))
            numbers = range(begin + 1, min(begin + 20, self.accounts) + 1)
            found = [{"Id": f"{each:012}", "Name": f"team-{each:02}", "State": "ACTIVE"} for each in numbers]
            return {"Accounts": found} | ({"NextToken": f"{begin + 20}"} if begin + 20 < self.accounts else {})
        return {{"LookupEvents": "Events"}.get(operation, "OrganizationalUnits"): []}


_OPERATIONS: dict[str, Callable[[Server, str, Parameters], bytes]] = {
    "DescribeDBClusters": Server.describe_clusters,
    "DescribeDBInstances": Server.describe_instances,
    "DescribeEvents": Server.describe_events,
    "StopDBCluster": Server.change,
    "StartDBCluster": Server.change,
    "AssumeRole": Server.assume,
    "GetCallerIdentity": Server.who,
}
_REFUSAL = b"<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>"


def _page(name: bytes, found: list[bytes], parameters: Parameters) -> bytes:
    size, begin = int(parameters.get("MaxRecords", "100")), int(parameters.get("Marker", "0"))
    end = begin + size
    marker = b"<Marker>%d</Marker>" % end if end < len(found) else b""
    return b"%s<%s>%s</%s>" % (marker, name, b"".join(found[begin:end]), name)


class Connection(asyncio.Protocol):
    """HTTP/1.1 as botocore speaks it: POST, a Content-Length, one call after another on an open connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=1 << 24)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end]
            length = _LENGTH.search(head)
            body_end = end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < body_end:
                return
            body = self._received[end + 4 : body_end]
            self._received = self._received[body_end:]
            self._serve(head, body)

    def _serve(self, head: bytes, body: bytes) -> None:
        later = asyncio.get_running_loop().call_later
        if head.startswith(b"POST /control"):
            self._send(200, b"application/json", json.dumps(self._server.control(json.loads(body))).encode())
            return
        if target := _TARGET.search(head):
            answer = json.dumps(self._server.told(target[1].decode(), json.loads(body))).encode()
            later(self._server.latency, self._send, 200, b"application/x-amz-json-1.1", answer)
            return
        signed = _REGION.search(head)
        assert signed, "botocore signs every call"
        status, xml = self._server.answer(signed[1].decode(), body)
        later(self._server.latency, self._send, status, b"text/xml", xml)

    def _send(self, status: int, kind: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %d OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (status, kind, len(body))
        self._transport.write(head + body)


async def main() -> None:
    server = Server()
    listener = await asyncio.get_running_loop().create_server(lambda: Connection(server), "127.0.0.1", 0, backlog=512)
    # What is there at first is never garbage, and looking for any would hold up an answer.
    gc.freeze()
    print(listener.sockets[0].getsockname()[1], flush=True)
    async with listener:
        await listener.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
