"""The week: the deployed handlers on the simulated account and clock, invoked as schedules and people do."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TextIO
from unittest.mock import patch

import boto3
import time_machine
from moto import mock_aws
from moto.moto_api._internal import mock_random
from moto.rds.models import rds_backends
from moto.sns.models import sns_backends

from demo.account import (
    DAYS,
    END,
    EVERY,
    MAINTENANCE_WINDOW,
    MODIFYING,
    REGION,
    SAMPLE_PRICES,
    START,
    TAG_KEY,
    Cluster,
    Deed,
)
from demo.connections import connected
from demo.simulated_rds import Call, SimulatedRds
from office_hours.decision import LOG_KEPT
from office_hours.reporting.hours import Period, past
from office_hours.settings import Settings

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

    from office_hours.answer import Entry
    from office_hours.reporting.suggest import Suggestion

_ACCOUNT = "123456789012"  # moto's
_CREATED = START - timedelta(days=200)
# As deployed. stack.py defines the memory, but importing it takes the CDK.
NAME = "aurora-office-hours"
_NOTICES = f"arn:aws:sns:{REGION}:{_ACCOUNT}:{NAME}-notices"
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


class _NoThreads(Executor):
    """Does all work immediately: calls without latency gain nothing from threads, and pay for each."""

    def __init__(self, max_workers: int) -> None:
        """Accept the number of threads, but make none."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:  # noqa: ANN401  as inherited
        done = Future[Any]()
        try:
            done.set_result(work(*args, **named))
        except Exception as error:  # noqa: BLE001  for whoever asks for the result
            done.set_exception(error)
        return done


def simulate(
    clusters: Sequence[Cluster],
    deeds: Sequence[Deed],
    settings: str,
    log: TextIO,
    progress: Callable[[datetime], None],
) -> Week:
    """Let the week pass. The handlers log to `log`, and `progress` gets the virtual time every hour.

    The handlers are as deployed, under these settings. Their calls are not: they take no time, go out one after the
    other, and are answered from memory if nothing has changed.
    """
    with _environment_of_lambda(settings), mock_aws(), time_machine.travel(_CREATED, tick=False) as clock:
        # Only now: Powertools reads the environment when the handlers are imported.
        from office_hours import evidence, handlers, rds, regions, run  # noqa: PLC0415
        from office_hours.answer import logger  # noqa: PLC0415
        from office_hours.reporting import prices  # noqa: PLC0415
        from office_hours.reporting.suggest import suggest  # noqa: PLC0415

        mock_random.seed(0)  # the same identifiers, and so the same log, every time
        account = rds_backends[_ACCOUNT][REGION] = SimulatedRds(REGION, _ACCOUNT)
        people = boto3.client("rds", REGION)
        for cluster in clusters:
            _create(people, account, cluster)
        boto3.client("sns").create_topic(Name=_NOTICES.rpartition(":")[2])

        rds.client.cache_clear()
        _remember_answers(rds.client("rds", None), people, account)
        _answer_for_cloudtrail(rds.client("cloudtrail", REGION), account)
        _connect(rds.client("cloudwatch", REGION), clusters)
        functions: dict[str, Callable[[Any, Any], Any]] = {"stop": handlers.stop, "start": handlers.start}
        decisions: list[Decision] = []

        def invoke(action: str, event: object) -> "list[Entry]":
            account.caller = f"{NAME}-{action}"
            answer: list[Entry] = functions[action](event, _Context(account.caller))["clusters"]
            return answer

        with ExitStack() as patches:
            patches.enter_context(patch.object(logger.registered_handler, "stream", log))
            for module in (evidence, rds, regions, run):
                patches.enter_context(patch.object(module, "ThreadPoolExecutor", _NoThreads))
            waiting = sorted(deeds, key=lambda deed: deed.at, reverse=True)
            now = START
            while now < END:
                while waiting and waiting[-1].at <= now:
                    deed = waiting.pop()
                    account.advance(deed.at, clock.move_to)
                    if deed.event:
                        command = f"{deed.action} function: {deed.event}"
                        entries = invoke(deed.action, json.loads(deed.event))
                        decisions += [_decision(entry, deed.at, command) for entry in entries]
                    else:
                        account.caller = deed.by
                        _do(people, account, deed)
                account.advance(now, clock.move_to)
                for action in functions:
                    # The other function says better what it does itself.
                    ours = [entry for entry in invoke(action, {}) if entry["decision"] in (action, "leave")]
                    decisions += [_decision(entry, now) for entry in ours]
                if not now.minute:
                    progress(now)
                now += EVERY
            account.advance(END, clock.move_to)
        rds.client.cache_clear()
        with patch.object(prices, "fetch", return_value={(name, False): usd for name, usd in SAMPLE_PRICES.items()}):
            suggested = suggest(regions.Invocation(Settings.from_json(settings), END, END + timedelta(minutes=1)))
            periods = _periods(people)
        notices = [
            json.loads(each[1])["default"]
            for each in sns_backends[_ACCOUNT][REGION].topics[_NOTICES].sent_notifications
        ]
        return Week(account.statuses, list(changes(decisions)), periods, notices, suggested["suggestions"])


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


def _periods(client: "RDSClient") -> dict[str, Period]:
    """What the report's own code makes of RDS's answers."""
    from office_hours import rds  # noqa: PLC0415
    from office_hours.reporting import prices  # noqa: PLC0415

    events = rds.events(client, END - LOG_KEPT, END)
    classes = {each["DBInstanceIdentifier"]: each["DBInstanceClass"] for each in rds.instances(client)}
    found = {}
    for snapshot in client.describe_db_clusters()["DBClusters"]:
        name = snapshot["DBClusterIdentifier"]
        its = [classes[member["DBInstanceIdentifier"]] for member in snapshot["DBClusterMembers"]]
        price = prices.Prices().of(snapshot, its, REGION)
        found[name] = past(snapshot, events.get(name, ()), END, DAYS, price)
    return found


def _create(people: "RDSClient", account: SimulatedRds, cluster: Cluster) -> None:
    people.create_db_cluster(
        DBClusterIdentifier=cluster.name,
        Engine="aurora-postgresql",
        MasterUsername="simulated",
        MasterUserPassword="simulated",
        PreferredMaintenanceWindow=MAINTENANCE_WINDOW,
        Tags=[] if cluster.tag is None else [{"Key": TAG_KEY, "Value": cluster.tag}],
    )
    people.create_db_instance(
        DBInstanceIdentifier=f"{cluster.name}-1",
        DBClusterIdentifier=cluster.name,
        DBInstanceClass=cluster.instance_class,
        Engine="aurora-postgresql",
    )
    account.clusters[cluster.name].global_cluster_identifier = cluster.global_database
    account.set_status(cluster.name, "available")


def _connect(metrics: Any, clusters: Sequence[Cluster]) -> None:  # noqa: ANN401  its types aren't installed
    """Connect people. A suggestion needs four weeks, by the hour; grace needs only this week, but more often."""
    for cluster in clusters:
        if cluster.used:
            every = timedelta(minutes=20 if cluster.tag else 60)
            metrics.put_metric_data(**connected(cluster.name, cluster.used, END, every=every))


def _do(people: "RDSClient", account: SimulatedRds, deed: Deed) -> None:
    """Do it as in the AWS console, without the functions."""
    match deed.action:
        case "start":
            people.start_db_cluster(DBClusterIdentifier=deed.cluster)
        case "stop":
            people.stop_db_cluster(DBClusterIdentifier=deed.cluster)
        case "modify":
            account.modify(deed.cluster, MODIFYING)


def _answer_for_cloudtrail(client: Any, account: SimulatedRds) -> None:  # noqa: ANN401  its types aren't installed
    """Answer LookupEvents, which moto doesn't know, from the account's calls."""

    def answer(params: dict[str, Any], **_: object) -> Any:  # noqa: ANN401  botocore's own
        asked = json.loads(params["body"])
        operation = asked["LookupAttributes"][0]["AttributeValue"]
        found = [
            {"EventTime": call.at, "CloudTrailEvent": json.dumps(_record(call))}
            for call in reversed(account.calls)
            if call.operation == operation and asked["StartTime"] <= call.at.timestamp() <= asked["EndTime"]
        ]
        return SimpleNamespace(status_code=200), {"Events": found}

    client.meta.events.register("before-call.cloudtrail.LookupEvents", answer)


def _record(call: Call) -> dict[str, Any]:
    identity = {"type": "AssumedRole", "arn": f"arn:aws:sts::{_ACCOUNT}:assumed-role/role/{call.by}"}
    return {"userIdentity": identity, "requestParameters": {"dBClusterIdentifier": call.cluster}}


def _remember_answers(client: "RDSClient", people: "RDSClient", account: SimulatedRds) -> None:
    """Never ask moto the same thing twice. This is only for speed, and is not part of what is deployed.

    Otherwise moto writes, and botocore reads, the same XML thousands of times, which is most of the time that the week
    takes. A listing is requested once; after that, only clusters that have changed are, and are replaced in it. An
    event log is read again when it has grown.
    """
    answers: dict[str, Any] = {}

    def before(params: dict[str, Any], context: dict[str, Any], **_: object) -> Any:  # noqa: ANN401  botocore's own
        question = {key: value for key, value in params["body"].items() if key != "EndTime"}
        if question["Action"] == "DescribeEvents":
            question["events"] = len(account.events)
        context["question"] = str(question)
        answer = answers.get(context["question"])
        if answer and question["Action"] == "DescribeDBClusters":
            snapshots = answer[1]["DBClusters"]
            names = [snapshot["DBClusterIdentifier"] for snapshot in snapshots]
            while account.changed:
                name = account.changed.pop()
                snapshots[names.index(name)] = people.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
        return answer

    def after(http_response: object, parsed: object, context: dict[str, Any], **_: object) -> None:
        answers[context["question"]] = http_response, parsed

    for operation in ("DescribeDBClusters", "DescribeEvents"):
        client.meta.events.register(f"before-call.rds.{operation}", before)
        client.meta.events.register(f"after-call.rds.{operation}", after)


@contextmanager
def _environment_of_lambda(settings: str) -> Iterator[None]:
    """The functions' environment, without any of this machine's settings that could lead to a real account."""
    ours = ("AWS_", "OFFICE_HOURS_", "POWERTOOLS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    simulated = {
        "AWS_ACCESS_KEY_ID": "simulated",
        "AWS_SECRET_ACCESS_KEY": "simulated",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_DEFAULT_REGION": REGION,
        "POWERTOOLS_SERVICE_NAME": NAME,
        # Metrics would go to standard output, between the demo's own lines.
        "POWERTOOLS_METRICS_DISABLED": "true",
        "OFFICE_HOURS_SETTINGS": settings,
        "OFFICE_HOURS_NOTICES": _NOTICES,
    }
    with patch.dict(os.environ, kept | simulated, clear=True):
        yield
