"""AWS accounts at the wire, in one small HTTP server behind AWS_ENDPOINT_URL.

It speaks RDS, SNS, CloudTrail, CloudWatch, STS, Organizations, the price list and `account:ListRegions`, each in the
protocol that botocore chooses: pages, states in between, event logs, and whatever is to go wrong, before a call is
carried out or on the answer's way back. A call's Region is read from its signature, so that one server is every Region,
and so is the account, which may be a member of the first one's organization.

PYTEST_DONT_REWRITE: test modules import this one, and load it as a plugin for its fixture.
"""

import json
import re
import socket
import struct
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from operator import itemgetter
from threading import Lock, Thread
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import botocore.endpoint
import botocore.session
import pytest
from botocore import xform_name
from botocore.model import DenormalizedStructureBuilder, ListShape, ServiceModel, Shape, StructureShape
from botocore.parsers import create_parser
from botocore.retries import bucket
from botocore.serialize import create_serializer

from office_hours import rds

ACCOUNT = "123456789012"
MANAGER = "999999999999"  # the organization's management account
READER = "aurora-office-hours-reader"
HOME = "eu-west-1"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
TRAIL_REACHES = timedelta(days=90)

Parameters = dict[str, str]
Structure = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """What the server was asked: its answer or its refusal is not part of it. What is no text is here as JSON."""

    operation: str
    region: str
    parameters: Parameters
    agent: str = field(default="", compare=False)

    @property
    def cluster(self) -> str:
        """The cluster that the call names, if it names one."""
        named = self.parameters.get("DBClusterIdentifier") or self.parameters.get("SourceIdentifier")
        return named or self.parameters.get("ResourceName", "").rpartition(":")[2]


@dataclass(frozen=True)
class Refusal:
    """AWS's answer to a call that it does not carry out."""

    code: str
    words: str
    status: int = 400


THROTTLED = Refusal("Throttling", "Rate exceeded")
INTERNAL_FAILURE = Refusal("InternalFailure", "An internal error has occurred.", status=500)
ACCESS_DENIED = Refusal("AccessDenied", "User: arn:aws:sts::123456789012:x is not authorized.", status=403)
EXPIRED = Refusal("ExpiredToken", "The security token included in the request is expired", status=403)
RESET = Refusal("", "No answer at all: the connection is cut.", status=0)


class Damage(Enum):
    """What becomes of the answer to a call that AWS has carried out."""

    LOST = auto()  # none of it arrives, and the connection is cut
    CUT = auto()  # the head and half of the body arrive, and the connection is cut
    TRUNCATED = auto()  # half of the XML, as if it were the whole
    FAILED = auto()  # an internal failure is answered instead


@dataclass(frozen=True)
class Rewritten:
    """Another body than the one that AWS has for a call that it has carried out."""

    by: Callable[[bytes], bytes]


Fault = Refusal | Damage | Rewritten


@cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


@dataclass
class Account:
    """The account. What it holds may be changed at any moment.

    `calls` is what it was asked, in order; `carried_out` those of them that AWS did not refuse.
    """

    clusters: dict[str, dict[str, Structure]] = field(default_factory=lambda: defaultdict(dict))
    events: dict[str, list[Structure]] = field(default_factory=lambda: defaultdict(list))
    classes: dict[str, str] = field(default_factory=dict)
    enabled_regions: list[str] = field(default_factory=lambda: [HOME])
    products: list[Structure | str] = field(default_factory=list)  # the price list's, or what is no JSON there
    trail: dict[str, list[Structure]] = field(default_factory=lambda: defaultdict(list))
    trail_delay: timedelta = timedelta(0)  # until a call is to be seen there
    connections: dict[tuple[str, str], list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    instead: dict[str, Structure] = field(default_factory=dict)
    page: int = 100  # the most that a page holds, where more are asked for
    points: int = 100_800  # the same of CloudWatch
    calls: list[Call] = field(default_factory=list)
    carried_out: list[Call] = field(default_factory=list)
    published: list[Parameters] = field(default_factory=list)
    members: "dict[str, Account]" = field(default_factory=dict)  # the organization's other accounts, by their ids
    sessions: int = 0  # how often its reader's role was assumed; only the latest session is good
    units: dict[str, list[Structure]] = field(default_factory=lambda: defaultdict(list))  # accounts, and units below
    _rules: list[Callable[[Call], Fault | None]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(
        self, name: str, tag: str | None = None, hold: str | None = None, *, region: str = HOME, **members: object
    ) -> Structure:
        """Put a cluster into the account: `available`, made long ago, unless its `members` say otherwise."""
        tags = {"office-hours": tag, "office-hours-hold": hold}
        cluster: Structure = {
            "DBClusterIdentifier": name,
            "DBClusterArn": _arn(name, region),
            "Status": "available",
            "Engine": "aurora-postgresql",
            "EngineMode": "provisioned",
            "ClusterCreateTime": LONG_AGO,
            "DBClusterMembers": [{"DBInstanceIdentifier": f"{name}-1", "IsClusterWriter": True}],
            "TagList": [{"Key": key, "Value": value} for key, value in tags.items() if value is not None],
        }
        self.clusters[region][name] = cluster | members
        return self.clusters[region][name]

    def join(self, number: str, name: str, *, unit: str = "ou-1", state: str = "ACTIVE") -> "Account":
        """Put an account into a unit of the organization: another one, with the reader's role, or this one itself."""
        arn = f"arn:aws:organizations::{MANAGER}:account/o-1/{number}"
        self.units[unit].append({"Id": number, "Name": name, "State": state, "Arn": arn})
        return self if number == ACCOUNT else self.members.setdefault(number, Account())

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

    def called(  # noqa: PLR0913  as much as a record tells
        self,
        operation: str,
        name: str,
        at: str,
        *,
        by: str = "alice",
        region: str = HOME,
        user_agent: str = "console.amazonaws.com",
        error: str = "",
    ) -> None:
        """Write CloudTrail's event history: somebody called RDS.

        by: an IAM user, or an assumed role's ARN.
        error: the code that RDS refused the call with.
        """
        moment = datetime.fromisoformat(at)
        record: Structure = {
            "userIdentity": _identity(by),
            "eventTime": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "eventSource": "rds.amazonaws.com",
            "eventName": operation,
            "userAgent": user_agent,
            "requestParameters": {"dBClusterIdentifier": name},
            "responseElements": None if error else {"dBClusterIdentifier": name},
        }
        self.trail[region].append(record | ({"errorCode": error, "errorMessage": "No."} if error else {}))

    def connected(self, name: str, at: str, most: int, *, region: str = HOME) -> None:
        """Write a minute of CloudWatch's DatabaseConnections."""
        self.connections[region, name].append((datetime.fromisoformat(at).timestamp(), most))

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

    def fail(self, operation: str, fault: Fault, *, times: int | None = None, **where: str) -> None:
        """Have such calls meet a fault, or only so many of them."""
        numbers = count()
        self.before(operation, lambda _: fault if times is None or next(numbers) < times else None, **where)

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
        """Carry a call out, unless a rule or AWS itself refuses it; and what the answer meets on its way."""
        with self._lock:
            self.calls.append(call)
        fault = next((found for rule in self._rules if (found := rule(call))), None)
        with self._lock:
            answer = fault if isinstance(fault, Refusal) else self.instead.get(call.operation) or self._serve(call)
            if isinstance(answer, Refusal):
                return answer, None
            self.carried_out.append(call)
            return answer, fault

    def _serve(self, call: Call) -> Structure | Refusal:
        serve: Callable[[Call], Structure | Refusal] | None = getattr(self, f"_{xform_name(call.operation)}", None)
        return serve(call) if serve else Refusal("InvalidAction", f"Could not find operation {call.operation}")

    def _describe_db_clusters(self, call: Call) -> Structure | Refusal:
        clusters = self.clusters[call.region]
        if call.cluster:
            return {"DBClusters": [clusters[call.cluster]]} if call.cluster in clusters else _not_found(call)
        return self._page(call, "DBClusters", [cluster for _, cluster in sorted(clusters.items())])

    def _describe_events(self, call: Call) -> Structure | Refusal:
        if call.parameters.get("SourceType") != "db-cluster":
            return Refusal("InvalidParameterCombination", "A source identifier needs its source type.")
        first, last = (datetime.fromisoformat(call.parameters[key]) for key in ("StartTime", "EndTime"))
        events = [event for event in self.events[call.region] if call.cluster in ("", event["SourceIdentifier"])]
        return self._page(call, "Events", [event for event in events if first <= event["Date"] <= last])

    def _describe_db_instances(self, call: Call) -> Structure | Refusal:
        filtered = "Filters.Filter.1.Values."
        engines = {value for key, value in call.parameters.items() if key.startswith(filtered)}
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
        size = int(call.parameters.get("MaxRecords", "100"))
        if not 20 <= size <= 100:
            return Refusal("InvalidParameterValue", f"Invalid value {size} for MaxRecords. Must be between 20 and 100")
        return _paged(call, key, found, min(size, self.page), marker="Marker")

    def _change(self, call: Call) -> Structure | Refusal:
        needs, becomes = _CHANGES[call.operation]
        cluster = self.clusters[call.region].get(call.cluster)
        if cluster is None:
            return _not_found(call)
        if cluster["Status"] != needs:
            return Refusal("InvalidDBClusterStateFault", f"DbCluster {call.cluster} is in {cluster['Status']} state.")
        cluster["Status"] = becomes
        return {"DBCluster": cluster}

    _stop_db_cluster = _start_db_cluster = _change

    def _add_tags_to_resource(self, call: Call) -> Structure | Refusal:
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

    def _publish(self, call: Call) -> Structure:
        self.published.append(call.parameters)
        return {"MessageId": "1"}

    def _list_regions(self, call: Call) -> Structure:
        wanted = json.loads(call.parameters["RegionOptStatusContains"])
        regions = [{"RegionName": name, "RegionOptStatus": "ENABLED_BY_DEFAULT"} for name in self.enabled_regions]
        regions.append({"RegionName": "af-south-1", "RegionOptStatus": "DISABLED"})
        # Shorter pages than the real ones: whoever reads only the first will be seen.
        return _paged(call, "Regions", [each for each in regions if each["RegionOptStatus"] in wanted], 2)

    def _get_caller_identity(self, _: Call) -> Structure:
        return {"Account": ACCOUNT, "Arn": our_role("status"), "UserId": "AROA"}

    def _assume_role(self, call: Call) -> Structure | Refusal:
        number = call.parameters["RoleArn"].split(":")[4]
        if call.parameters["RoleArn"] != f"arn:aws:iam::{number}:role/{READER}" or number not in self.members:
            words = f"User: {our_role('status')} is not authorized to perform: sts:AssumeRole on resource: "
            return Refusal("AccessDenied", words + call.parameters["RoleArn"], status=403)
        member = self.members[number]
        member.sessions += 1
        secrets = {"SecretAccessKey": "testing", "SessionToken": f"token-{number}-{member.sessions}"}
        given = {"AccessKeyId": f"ASIA{number}", "Expiration": datetime.now(UTC) + timedelta(hours=1), **secrets}
        return {"Credentials": given}

    def _list_accounts_for_parent(self, call: Call) -> Structure:
        found = [each for each in self.units[call.parameters["ParentId"]] if "Arn" in each]
        return _paged(call, "Accounts", found, 2)  # shorter pages, as above

    def _list_organizational_units_for_parent(self, call: Call) -> Structure:
        found = [each for each in self.units[call.parameters["ParentId"]] if "Arn" not in each]
        return _paged(call, "OrganizationalUnits", found, 1)

    def _get_products(self, call: Call) -> Structure:
        """A page of what matches the filters. What is no product is never filtered out."""
        filters = json.loads(call.parameters["Filters"])
        wanted = {each["Field"]: each["Value"] for each in filters if each["Type"] == "TERM_MATCH"}
        assert len(wanted) == len(filters), "only TERM_MATCH is understood"
        texts = [
            each if isinstance(each, str) else json.dumps(each)
            for each in self.products
            if isinstance(each, str) or wanted.items() <= each["product"]["attributes"].items()
        ]
        size = int(call.parameters.get("MaxResults", "100"))
        assert 1 <= size <= 100, "as much as AWS allows"
        return {"FormatVersion": "aws_v1"} | _paged(call, "PriceList", texts, size)

    def _lookup_events(self, call: Call) -> Structure | Refusal:
        """A page of CloudTrail's event history, the latest first.

        https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
        """
        (attribute,) = json.loads(call.parameters["LookupAttributes"])
        key, value = attribute["AttributeKey"], attribute["AttributeValue"]
        size = int(call.parameters.get("MaxResults", "50"))
        if key != "EventName" or not 1 <= size <= 50:
            return Refusal("InvalidLookupAttributesException", "Only EventName is understood, and 50 at the most.")
        now = datetime.now(UTC).timestamp()
        first, last = (float(call.parameters[key]) for key in ("StartTime", "EndTime"))
        if first > last:
            return Refusal("InvalidTimeRangeException", "The start comes after the end.")
        first = max(first, now - TRAIL_REACHES.total_seconds())
        last = min(last, now - self.trail_delay.total_seconds())
        records = [(datetime.fromisoformat(each["eventTime"]).timestamp(), each) for each in self.trail[call.region]]
        found = [
            {"EventName": value, "EventTime": at, "CloudTrailEvent": json.dumps(record)}
            for at, record in sorted(records, key=itemgetter(0), reverse=True)
            if record["eventName"] == value and first <= at <= last
        ]
        return _paged(call, "Events", found, min(size, self.page))

    def _get_metric_data(self, call: Call) -> Structure | Refusal:
        """A page of the greatest numbers of connections; where there was nothing, there is no figure.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
        """
        first, last = (float(call.parameters[key]) for key in ("StartTime", "EndTime"))
        queries = json.loads(call.parameters["MetricDataQueries"])
        if len(queries) > 500:
            return Refusal("ValidationError", "The collection MetricDataQueries must not have a size greater than 500.")
        found: list[tuple[str, float, float]] = []
        for query in queries:
            metric, period = query["MetricStat"]["Metric"], query["MetricStat"]["Period"]
            asked = (metric["Namespace"], metric["MetricName"], query["MetricStat"]["Stat"])
            assert asked == ("AWS/RDS", "DatabaseConnections", "Maximum")
            ((name, cluster),) = (each.values() for each in metric["Dimensions"])
            assert name == "DBClusterIdentifier"
            most: dict[float, float] = {}
            for at, number in self.connections[call.region, cluster]:
                if first <= at < last:
                    begin = at - at % period
                    most[begin] = max(number, most.get(begin, 0.0))
            found += [(query["Id"], at, float(number)) for at, number in sorted(most.items(), reverse=True)]
        page = _paged(call, "points", found, self.points)
        results = {each["Id"]: {"Id": each["Id"], "Timestamps": [], "Values": []} for each in queries}
        for name, at, figure in page.pop("points"):
            results[name]["Timestamps"].append(at)
            results[name]["Values"].append(figure)
        return {"MetricDataResults": list(results.values()), **page}


# What speaks the Query protocol and is not RDS.
_SERVICES = {"AssumeRole": "sts", "GetCallerIdentity": "sts", "Publish": "sns"}
# The status that each needs, and the one that it brings about.
_CHANGES = {"StopDBCluster": ("available", "stopping"), "StartDBCluster": ("stopped", "starting")}
_SETTLED = {"stopping": ("stopped", "DB cluster stopped."), "starting": ("available", "DB cluster started.")}


def our_role(function: str) -> str:
    """Who one of our functions is in CloudTrail."""
    role = f"AuroraOfficeHours-{function.capitalize()}Role-ABCDEFGHIJKL"
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/aurora-office-hours-{function}"


def _identity(by: str) -> Structure:
    """A record's `userIdentity`.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    if by.endswith(".amazonaws.com"):
        return {"type": "AWSService", "invokedBy": by}
    if "assumed-role/" not in by:
        arn = f"arn:aws:iam::{ACCOUNT}:user/{by}"
        return {"type": "IAMUser", "principalId": "AIDA", "arn": arn, "accountId": ACCOUNT, "userName": by}
    identity = {"type": "AssumedRole", "principalId": f"AROA:{by.split('/')[2]}", "arn": by, "accountId": ACCOUNT}
    issuer = {"type": "Role", "userName": by.split("/")[1]}
    return identity | {"sessionContext": {"sessionIssuer": issuer}}


def _paged(call: Call, key: str, found: Sequence[object], size: int, marker: str = "NextToken") -> Structure:
    start = int(call.parameters.get(marker, "0"))
    more = {marker: str(start + size)} if start + size < len(found) else {}
    return {key: found[start : start + size]} | more


def _arn(name: str, region: str) -> str:
    return f"arn:aws:rds:{region}:{ACCOUNT}:cluster:{name}"


def _not_found(call: Call) -> Refusal:
    return Refusal("DBClusterNotFoundFault", f"DBCluster {call.cluster} not found.", status=404)


def write(parent: ET.Element, name: str, shape: Shape, value: Any) -> None:  # noqa: ANN401 - as many types as the model has
    """Append a value to an XML element in the way of the Query protocol."""
    name = shape.serialization.get("name", name)
    element = ET.SubElement(parent, name)
    if isinstance(shape, ListShape):
        for item in value:
            write(element, "member", shape.member, item)
    elif isinstance(shape, StructureShape):
        for key, item in value.items():
            write(element, key, shape.members[key], item)
    elif isinstance(value, datetime):
        element.text = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    else:
        element.text = str(value).lower() if isinstance(value, bool) else str(value)


def as_xml(root: ET.Element) -> bytes:
    # Unless it is named, a carriage return is read as the end of a line.
    return bytes(ET.tostring(root, encoding="utf-8")).replace(b"\r", b"&#13;")


CBOR = "smithy-rpc-v2-cbor"  # https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html


def _as_cbor(value: Structure, shape: Shape | None) -> bytes:
    serializer: Any = create_serializer(CBOR, include_validation=False)
    return bytes(serializer._serialize_body_params(value, shape))  # noqa: SLF001  the writer that botocore has


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait for the first one's receipt
    account: Account
    protocol: str

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        scope = re.search(r"Credential=([^/]+)/\d+/([^/]+)/", self.headers["Authorization"])
        assert scope, "botocore signs every call"
        member, region = scope[1].removeprefix("ASIA"), scope[2]
        account = self.account.members.get(member, self.account)
        expected = None if account is self.account else f"token-{member}-{account.sessions}"
        assert self.headers.get("X-Amz-Security-Token") == expected, "one session's key with another's token"
        operation, asked = self._read(body)
        parameters = {key: value if isinstance(value, str) else json.dumps(value) for key, value in asked.items()}
        call = Call(operation, region, parameters, self.headers.get("User-Agent", ""))
        answer, fault = account.answer(call)
        if fault is Damage.FAILED:
            answer = INTERNAL_FAILURE
        if answer is RESET or fault is Damage.LOST:
            self._cut()
        elif isinstance(answer, Refusal):
            self._send(answer.status, self._refusal(answer))
        else:
            self._send(200, self._written(call, answer), fault)

    def _read(self, body: bytes) -> tuple[str, Structure]:
        """The operation and its parameters, and what the answer is to be written in."""
        self.protocol = "json"
        if target := self.headers.get("X-Amz-Target"):  # of CloudTrail and the price list
            return target.rpartition(".")[2], json.loads(body)
        if self.path == "/listRegions":
            return "ListRegions", json.loads(body)
        if self.headers.get("smithy-protocol"):  # of CloudWatch
            self.protocol = CBOR
            parser: Any = create_parser(CBOR)
            return self.path.rpartition("/")[2], parser._initial_body_parse(body)  # noqa: SLF001  its reader
        self.protocol = "query"
        asked = dict(parse_qsl(body.decode(), keep_blank_values=True))
        return asked.pop("Action"), asked

    def _cut(self) -> None:
        # Closed without lingering, a socket sends RST.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _written(self, call: Call, answer: Structure) -> bytes:
        if self.protocol == "json":
            return json.dumps(answer).encode()
        if self.protocol == CBOR:
            return _as_cbor(answer, _model("cloudwatch").operation_model(call.operation).output_shape)
        model = _model(_SERVICES.get(call.operation, "rds"))
        root = ET.Element(f"{call.operation}Response", xmlns=model.metadata["xmlNamespace"])
        # The element is named by the result wrapper, the operation's name and "Result"; some answer with nothing.
        if shape := model.operation_model(call.operation).output_shape:
            write(root, f"{call.operation}Result", shape, answer)
        return as_xml(root)

    def _refusal(self, refusal: Refusal) -> bytes:
        told = {"__type": refusal.code, "message": refusal.words}
        if self.protocol == "json":
            return json.dumps(told).encode()
        if self.protocol == CBOR:
            members = {key: {"type": "string"} for key in told}
            return _as_cbor(told, DenormalizedStructureBuilder().with_members(members).build_model())
        root = ET.Element("ErrorResponse")
        error = ET.SubElement(root, "Error")
        ET.SubElement(error, "Code").text = refusal.code
        ET.SubElement(error, "Message").text = refusal.words
        return as_xml(root)

    def _send(self, status: int, body: bytes, fault: Fault | None = None) -> None:
        if isinstance(fault, Rewritten):
            body = fault.by(body)
        arrives = body[: len(body) // 2] if isinstance(fault, Damage) else body
        self.send_response(status)
        self.send_header("Content-Length", str(len(arrives if fault is Damage.TRUNCATED else body)))
        if self.protocol == CBOR:
            self.send_header("smithy-protocol", "rpc-v2-cbor")
        self.end_headers()
        self.wfile.write(arrives)
        if fault is Damage.CUT:
            self._cut()

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests read `calls`."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as in the base class
        # The base class says goodbye before it closes, which would make a cut connection an orderly one.
        self.close_request(request)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account without clusters, which every boto3 client made from now on reaches. Nobody waits before a retry."""
    account = Account()
    listener = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"account": account}))
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{listener.server_port}",
        "AWS_REGION": HOME,
        "AWS_DEFAULT_REGION": HOME,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    never_wait(monkeypatch)
    Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
    forget()
    yield account
    # Not in the midst of another test.
    end_what_was_given_up()
    forget()
    listener.shutdown()
    listener.server_close()


def forget() -> None:
    """Have the functions forget the clients of another account."""
    rds.client.cache_clear()


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
