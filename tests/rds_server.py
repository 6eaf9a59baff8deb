"""One AWS account's RDS at the wire: what moto lacks, in one small HTTP server.

It speaks the Query protocol (and `account:ListRegions`, and `sns:Publish`) behind AWS_ENDPOINT_URL: pages, the engine
filter, states in between, an event log, and whatever is to go wrong, before a call is carried out or on the answer's
way back. A call's Region is read from its signature, so that one server is every Region. All of RDS's XML is written
from botocore's own service model.

PYTEST_DONT_REWRITE: test modules import this one, and load it as a plugin for its fixture.
"""

import json
import random
import re
import socket
import struct
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Lock, Thread
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import botocore.endpoint
import botocore.session
import pytest
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.retries import bucket

from office_hours import rds

ACCOUNT = "123456789012"
HOME = "eu-west-1"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ENGINES = {"aurora-mysql", "aurora-postgresql", "mysql", "postgres", "neptune", "docdb"}

Parameters = dict[str, str]
Structure = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """What the server was asked: its answer or its refusal is not part of it."""

    operation: str
    region: str
    parameters: Parameters

    @property
    def cluster(self) -> str:
        """The cluster that the call names, if it names one."""
        named = self.parameters.get("DBClusterIdentifier") or self.parameters.get("SourceIdentifier")
        return named or self.parameters.get("ResourceName", "").rpartition(":")[2]


@dataclass(frozen=True)
class Refusal:
    """RDS's answer to a call that it does not carry out."""

    code: str
    words: str
    status: int = 400


THROTTLED = Refusal("Throttling", "Rate exceeded")
INTERNAL_FAILURE = Refusal("InternalFailure", "An internal error has occurred.", status=500)
ACCESS_DENIED = Refusal("AccessDenied", "User: arn:aws:sts::123456789012:x is not authorized.", status=403)
EXPIRED = Refusal("ExpiredToken", "The security token included in the request is expired", status=403)
RESET = Refusal("", "No answer at all: the connection is cut.", status=0)


class Damage(Enum):
    """What becomes of the answer to a call that RDS has carried out."""

    LOST = auto()  # none of it arrives, and the connection is cut
    CUT = auto()  # the head and half of the body arrive, and the connection is cut
    ENDED = auto()  # the same, and the connection is closed in good order
    TRUNCATED = auto()  # half of the XML, as if it were the whole
    FAILED = auto()  # an internal failure is answered instead


@dataclass(frozen=True)
class Rewritten:
    """Another body than the one that RDS has for a call that it has carried out."""

    by: Callable[[bytes], bytes]


Fault = Refusal | Damage | Rewritten


@cache
def _model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("rds")


@dataclass
class RdsServer:
    """The account. What it holds may be changed at any moment.

    `calls` is what it was asked, in order; `carried_out` those of them that RDS did not refuse.
    """

    clusters: dict[str, dict[str, Structure]] = field(default_factory=lambda: defaultdict(dict))
    events: dict[str, list[Structure]] = field(default_factory=lambda: defaultdict(list))
    classes: dict[str, str] = field(default_factory=dict)
    enabled_regions: list[str] = field(default_factory=lambda: [HOME])
    instead: dict[str, Structure] = field(default_factory=dict)
    page: int = 100  # the most that a page holds, where more are asked for
    calls: list[Call] = field(default_factory=list)
    carried_out: list[Call] = field(default_factory=list)
    published: list[Parameters] = field(default_factory=list)
    model: ServiceModel = field(default_factory=_model)
    _rules: list[Callable[[Call], Fault | None]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, name: str, tag: str | None = None, *, region: str = HOME, **members: object) -> Structure:
        """Put a cluster into the account: `available`, made long ago, unless its `members` say otherwise."""
        cluster: Structure = {
            "DBClusterIdentifier": name,
            "DBClusterArn": _arn(name, region),
            "Status": "available",
            "Engine": "aurora-postgresql",
            "EngineMode": "provisioned",
            "ClusterCreateTime": LONG_AGO,
            "DBClusterMembers": [{"DBInstanceIdentifier": f"{name}-1", "IsClusterWriter": True}],
            "TagList": [] if tag is None else [{"Key": "office-hours", "Value": tag}],
        }
        self.clusters[region][name] = cluster | members
        return self.clusters[region][name]

    def tag(self, name: str, key: str = "office-hours-hold", *, region: str = HOME) -> str | None:
        """The value of one of a cluster's tags, the hold unless said otherwise."""
        tags = {tag["Key"]: tag["Value"] for tag in self.clusters[region][name]["TagList"]}
        return tags.get(key)

    def log(self, name: str, message: str, at: str, *, region: str = HOME) -> None:
        """Write RDS's event log."""
        self.events[region].append(
            {
                "SourceIdentifier": name,
                "SourceType": "db-cluster",
                "Message": message,
                "EventCategories": ["notification"],
                "Date": datetime.fromisoformat(at),
                "SourceArn": _arn(name, region),
            },
        )

    def settle(self, at: str) -> None:
        """End what is under way, `stopping` and `starting`, and log it."""
        for region, clusters in self.clusters.items():
            for name, cluster in clusters.items():
                if cluster["Status"] in _SETTLED:
                    cluster["Status"], message = _SETTLED[cluster["Status"]]
                    self.log(name, message, at, region=region)

    def before(self, operation: str, act: Callable[[Call], object], **where: str) -> None:
        """Do something between such a call and its answer; a fault that is returned is what the call meets.

        operation: its name, or "*" for all.
        where: the call's region, its cluster, or a parameter such as Marker.
        """

        def rule(call: Call) -> Fault | None:
            seen = {"region": call.region, "cluster": call.cluster} | call.parameters
            is_such = operation in ("*", call.operation) and where.items() <= seen.items()
            result = act(call) if is_such else None
            return result if isinstance(result, Fault) else None

        self._rules.append(rule)

    def fail(self, operation: str, fault: Fault, *, times: int | None = None, every: int = 1, **where: str) -> None:
        """Have such calls meet a fault; only so many `times`, or only every so many-th of them."""
        numbers = count(1)

        def meet(_: Call) -> Fault | None:
            number = next(numbers)
            return fault if number % every == 0 and (times is None or number <= times) else None

        self.before(operation, meet, **where)

    def trouble(self, seed: str, faults: Sequence[Fault], *, one_in: int, in_a_row: int = 3) -> None:
        """Have about one call in so many meet a fault, chosen at random, yet none more often than so in a row.

        The seed alone says which attempt at which call meets what, in whatever order the threads come.
        """
        attempts: dict[str, list[bool]] = defaultdict(list)

        def meet(call: Call) -> Fault | None:
            subject = f"{call.operation} {call.region} {call.cluster} {call.parameters.get('Marker')}"
            earlier = attempts[subject]
            chance = random.Random(f"{seed} {subject} {len(earlier)}")  # noqa: S311  no secret
            is_enough = len(earlier) >= in_a_row and all(earlier[-in_a_row:])
            earlier.append(not is_enough and chance.randrange(one_in) == 0)
            return chance.choice(faults) if earlier[-1] else None

        self.before("*", meet)

    def heal(self) -> None:
        """Have nothing go wrong any more."""
        self._rules.clear()

    def counts(self) -> dict[str, int]:
        """How often each operation was called."""
        return dict(Counter(call.operation for call in self.calls))

    def named(self, operation: str) -> list[str]:
        """The clusters that calls of an operation named, in alphabetical order."""
        return sorted(call.cluster for call in self.calls if call.operation == operation)

    def answer(self, call: Call) -> tuple[Structure | Refusal, Fault | None]:
        """Carry a call out, unless a rule or RDS itself refuses it; and what the answer meets on its way."""
        with self._lock:
            self.calls.append(call)
        for rule in self._rules:
            if fault := rule(call):
                break
        else:
            fault = None
        if isinstance(fault, Refusal):
            return fault, None
        with self._lock:
            answer = self.instead.get(call.operation) or self._serve(call)
            if isinstance(answer, Refusal):
                return answer, None
            self.carried_out.append(call)
            return answer, fault

    def _serve(self, call: Call) -> Structure | Refusal:  # noqa: PLR0911  one return an operation
        match call.operation:
            case "DescribeDBClusters":
                return self._describe_clusters(call)
            case "DescribeEvents":
                return self._describe_events(call)
            case "DescribeDBInstances":
                return self._describe_instances(call)
            case "StopDBCluster" | "StartDBCluster":
                return self._change(call)
            case "AddTagsToResource":
                return self._add_tags(call)
            case "Publish":
                self.published.append(call.parameters)
                return {"MessageId": "1"}
            case "ListRegions":
                return self._list_regions(call)
        return Refusal("InvalidAction", f"Could not find operation {call.operation}")

    def _describe_clusters(self, call: Call) -> Structure | Refusal:
        if call.cluster:
            cluster = self.clusters[call.region].get(call.cluster)
            return {"DBClusters": [cluster]} if cluster else _not_found(call)
        engines = ENGINES
        if call.parameters.get("Filters.Filter.1.Name") == "engine":
            engines = {value for key, value in call.parameters.items() if key.startswith("Filters.Filter.1.Values.")}
        for engine in engines - ENGINES:
            return Refusal("InvalidParameterValue", f"Unrecognized engine name: {engine}")
        clusters = [cluster for _, cluster in sorted(self.clusters[call.region].items())]
        return self._page(call, "DBClusters", [cluster for cluster in clusters if cluster["Engine"] in engines])

    def _describe_events(self, call: Call) -> Structure | Refusal:
        if call.parameters.get("SourceType") != "db-cluster":
            return Refusal("InvalidParameterCombination", "A source identifier needs its source type.")
        first, last = (datetime.fromisoformat(call.parameters[key]) for key in ("StartTime", "EndTime"))
        events = [event for event in self.events[call.region] if call.cluster in ("", event["SourceIdentifier"])]
        return self._page(call, "Events", [event for event in events if first <= event["Date"] <= last])

    def _describe_instances(self, call: Call) -> Structure | Refusal:
        engines = {value for key, value in call.parameters.items() if key.startswith("Filters.Filter.1.Values.")}
        found = [
            {
                "DBInstanceIdentifier": member["DBInstanceIdentifier"],
                "DBInstanceClass": self.classes.get(member["DBInstanceIdentifier"], "db.r8g.large"),
                "DBClusterIdentifier": name,
                "Engine": cluster["Engine"],
            }
            for name, cluster in sorted(self.clusters[call.region].items())
            for member in cluster["DBClusterMembers"]
            if cluster["Engine"] in engines
        ]
        return self._page(call, "DBInstances", found)

    def _page(self, call: Call, key: str, found: list[Structure]) -> Structure | Refusal:
        size, start = int(call.parameters.get("MaxRecords", "100")), int(call.parameters.get("Marker", "0"))
        if not 20 <= size <= 100:
            return Refusal("InvalidParameterValue", f"Invalid value {size} for MaxRecords. Must be between 20 and 100")
        end = start + min(size, self.page)
        return {key: found[start:end]} | ({"Marker": str(end)} if end < len(found) else {})

    def _change(self, call: Call) -> Structure | Refusal:
        needs, becomes = ("available", "stopping") if call.operation == "StopDBCluster" else ("stopped", "starting")
        cluster = self.clusters[call.region].get(call.cluster)
        if cluster is None:
            return _not_found(call)
        if cluster["Status"] != needs:
            return Refusal("InvalidDBClusterStateFault", f"DbCluster {call.cluster} is in {cluster['Status']} state.")
        cluster["Status"] = becomes
        return {"DBCluster": cluster}

    def _add_tags(self, call: Call) -> Structure | Refusal:
        cluster = self.clusters[call.region].get(call.cluster)
        if cluster is None or cluster["DBClusterArn"] != call.parameters["ResourceName"]:
            return _not_found(call)
        added = [
            {"Key": value, "Value": call.parameters[key.removesuffix("Key") + "Value"]}
            for key, value in call.parameters.items()
            if key.startswith("Tags.") and key.endswith(".Key")
        ]
        keys = {tag["Key"] for tag in added}
        cluster["TagList"] = [tag for tag in cluster["TagList"] if tag["Key"] not in keys] + added
        return {}

    def _list_regions(self, call: Call) -> Structure:
        wanted = json.loads(call.parameters["RegionOptStatusContains"])
        regions = [{"RegionName": name, "RegionOptStatus": "ENABLED_BY_DEFAULT"} for name in self.enabled_regions]
        regions.append({"RegionName": "af-south-1", "RegionOptStatus": "DISABLED"})
        found = [region for region in regions if region["RegionOptStatus"] in wanted]
        # Shorter pages than the real ones: whoever reads only the first will be seen.
        start = int(call.parameters.get("NextToken", "0"))
        more = {"NextToken": str(start + 2)} if start + 2 < len(found) else {}
        return {"Regions": found[start : start + 2]} | more


_SETTLED = {"stopping": ("stopped", "DB cluster stopped."), "starting": ("available", "DB cluster started.")}


def _arn(name: str, region: str) -> str:
    return f"arn:aws:rds:{region}:{ACCOUNT}:cluster:{name}"


def _not_found(call: Call) -> Refusal:
    return Refusal("DBClusterNotFoundFault", f"DBCluster {call.cluster} not found.", status=404)


def write(parent: ET.Element, name: str, shape: Shape, value: Any) -> None:  # noqa: ANN401 - as many types as the model has
    """Append a value to an XML element in the way of the Query protocol."""
    name = shape.serialization.get("name", name)
    if isinstance(shape, ListShape):
        flat = shape.serialization.get("flattened", False)
        parent = parent if flat else ET.SubElement(parent, name)
        for item in value:
            write(parent, name if flat else "member", shape.member, item)
        return
    if isinstance(shape, MapShape):
        parent = ET.SubElement(parent, name)
        for key, item in value.items():
            entry = ET.SubElement(parent, "entry")
            write(entry, "key", shape.key, key)
            write(entry, "value", shape.value, item)
        return
    element = ET.SubElement(parent, name)
    if isinstance(shape, StructureShape):
        for key, item in value.items():
            write(element, key, shape.members[key], item)
    elif isinstance(value, datetime):
        element.text = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    else:
        element.text = str(value).lower() if isinstance(value, bool) else str(value)


def _written(root: ET.Element) -> bytes:
    # Unless it is named, a carriage return is read as the end of a line.
    return bytes(ET.tostring(root, encoding="utf-8")).replace(b"\r", b"&#13;")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait for the first one's receipt
    account: RdsServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/", self.headers["Authorization"])
        assert scope, "botocore signs every call"
        if self.path == "/listRegions":
            parameters = {key: v if isinstance(v, str) else json.dumps(v) for key, v in json.loads(body).items()}
            call = Call("ListRegions", scope[1], parameters)
        else:
            parameters = dict(parse_qsl(body, keep_blank_values=True))
            call = Call(parameters.pop("Action"), scope[1], parameters)
        answer, fault = self.account.answer(call)
        if fault is Damage.FAILED:
            answer = INTERNAL_FAILURE
        if answer is RESET or fault is Damage.LOST:
            self._cut()
        elif isinstance(answer, Refusal):
            self._refuse(call, answer)
        elif call.operation == "ListRegions":
            self._send(200, json.dumps(answer).encode())
        else:
            self._send(200, self._xml(call, answer), fault)

    def _cut(self) -> None:
        # Closed without lingering, a socket sends RST.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _xml(self, call: Call, answer: Structure) -> bytes:
        if call.operation == "Publish":  # the one that is SNS's
            return b"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
        root = ET.Element(f"{call.operation}Response", xmlns=self.account.model.metadata["xmlNamespace"])
        # The element is named by the result wrapper, the operation's name and "Result"; some answer with nothing.
        if shape := self.account.model.operation_model(call.operation).output_shape:
            write(root, f"{call.operation}Result", shape, answer)
        return _written(root)

    def _refuse(self, call: Call, refusal: Refusal) -> None:
        if call.operation == "ListRegions":
            self._send(refusal.status, json.dumps({"__type": refusal.code, "message": refusal.words}).encode())
            return
        root = ET.Element("ErrorResponse")
        error = ET.SubElement(root, "Error")
        ET.SubElement(error, "Code").text = refusal.code
        ET.SubElement(error, "Message").text = refusal.words
        self._send(refusal.status, _written(root))

    def _send(self, status: int, body: bytes, fault: Fault | None = None) -> None:
        if isinstance(fault, Rewritten):
            body = fault.by(body)
        arrives = body[: len(body) // 2] if isinstance(fault, Damage) else body
        self.send_response(status)
        self.send_header("Content-Length", str(len(arrives if fault is Damage.TRUNCATED else body)))
        self.end_headers()
        self.wfile.write(arrives)
        if fault is Damage.CUT:
            self._cut()
        elif fault is Damage.ENDED:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests read `calls`."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as in the base class
        # The base class says goodbye before it closes, which would make a cut connection an orderly one.
        self.close_request(request)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[RdsServer]:
    """An account without clusters, which every boto3 client made from now on reaches. Nobody waits before a retry."""
    server = RdsServer()
    listener = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"account": server}))
    for name in (
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL_RDS",
        "AWS_ENDPOINT_URL_ACCOUNT",
        "AWS_ENDPOINT_URL_SNS",
        "AWS_SESSION_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.server_port}")
    monkeypatch.setenv("AWS_REGION", HOME)
    monkeypatch.setenv("AWS_DEFAULT_REGION", HOME)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    never_wait(monkeypatch)
    Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
    rds.client.cache_clear()
    yield server
    # Not in the midst of another test.
    end_what_was_given_up()
    rds.client.cache_clear()
    listener.shutdown()
    listener.server_close()


def end_what_was_given_up() -> None:
    """Wait for the threads for which a run did not."""
    for thread in threading.enumerate():
        if thread.name.startswith("ThreadPoolExecutor"):
            thread.join(20)


def never_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the waiting, and only that, from botocore's retries."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    # The adaptive mode waits for tokens, of which it gets at least one in two seconds: hours pass between two glances.
    hours = count(step=3600)
    monkeypatch.setattr(bucket.Clock, "current_time", lambda _: float(next(hours)))
