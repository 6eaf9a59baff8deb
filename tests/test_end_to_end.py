"""The stack on emulated accounts: one as the CDK deploys it, and a member of its organization with `make template`.

Schedules fire, and clusters stop and start. The tests share these deployments, which the last ones change and remove.
The emulator has no StackSets, and its EventBridge reaches no other account. Who may reach what is judged in
`test_permissions.py`.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

import asset
import tools.template
from local import clusters, deployment, emulator, people
from local.clusters import Cluster, next_edge, window
from local.emulator import ACCOUNT, REGION, Account
from local.follow import START, STOP, log, notices, subscribe
from local.people import invoke
from office_hours.clock import local
from settings import NAME, STACK, function_name

BUCKET = "packages-of-all"
ELSEWHERE = "us-east-1"
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
LIMIT = 240  # seconds; a schedule has fired after 80, on an idle machine


@dataclass(frozen=True)
class Member(Account):
    """Another of the emulator's accounts."""

    number: str = ""

    def client(self, service: str, region: str = REGION, user: str = "") -> Any:  # noqa: ANN401  of any service
        return super().client(service, region, user or self.number)

    @property
    def functions(self) -> dict[str, str]:
        """Each function's name, and its code's hash."""
        listed = self.client("lambda").list_functions()["Functions"]
        return {each["FunctionName"]: each["CodeSha256"] for each in listed}

    def deploy(self, template: dict[str, Any], change: str = "create") -> None:
        formation = self.client("cloudformation")
        call = getattr(formation, f"{change}_stack")
        call(StackName=STACK, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"])
        formation.get_waiter(f"stack_{change}_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})


@pytest.fixture(scope="module")
def empty() -> Iterator[Account]:
    """An account that is prepared for the CDK, and has nothing else."""
    with emulator.account() as account:
        deployment.bootstrap(account)
        yield account


@pytest.fixture(scope="module")
def bare(empty: Account) -> dict[str, set[str]]:
    """What the account has before the stack is deployed."""
    return inventory(empty)


@pytest.fixture(scope="module")
def queue(empty: Account, bare: dict[str, set[str]]) -> str:
    """Where the notices of the deployed stack come."""
    assert not bare["Functions"]
    deployment.deploy(empty, everyMinutes=1, noticeMinutes=1)
    return subscribe(empty)


@pytest.fixture(scope="module")
def account(empty: Account, queue: str) -> Account:  # noqa: ARG001
    """An account with the stack, and with clusters that it has not seen yet."""
    edge = next_edge(datetime.now(UTC))
    for cluster in (
        Cluster("closing", window(edge - 2 * HOUR, edge)),
        Cluster("soon", window(edge - 2 * HOUR, edge + 2 * MINUTE)),  # announced after all of these are made
        Cluster("in-use", f"{window(edge - 2 * HOUR, edge)} grace=1h", used="always"),
        Cluster("outside", f"{window(edge + HOUR, edge + 2 * HOUR)} enforced"),
        Cluster("inside", f"{window(edge - 2 * HOUR, edge + 2 * HOUR)} enforced"),
        Cluster("opened", f"{window(edge - 2 * HOUR, edge + 2 * HOUR)} enforced", engine="aurora-mysql", stopped=True),
        Cluster("evening", f"{window(edge + HOUR, edge + 2 * HOUR)} enforced", stopped=True),
        Cluster("noon", window(edge - 2 * HOUR, edge + 2 * HOUR)),
        Cluster("untagged", None, used="mon-fri 08:00-18:00 UTC"),
        Cluster("bad-tag", "mno-fri 08:00-18:00"),
        Cluster("not-aurora", "never", engine="mysql"),
    ):
        clusters.make(empty, cluster)
    return empty


@pytest.fixture(scope="module")
def evening(account: Account) -> tuple[datetime, dict[str, Any]]:
    """The cluster "evening", outside its hours, started by hand: for how long, and what the function said about it."""
    until = next_edge(datetime.now(UTC) + MINUTE / 3)
    failed, answer = invoke(account, START, {"clusters": ["Evening"], "until": f"{until:%H:%M}"})
    assert not failed
    (entry,) = answer["clusters"]
    return until, entry


@pytest.fixture(scope="module")
def noon(account: Account) -> None:
    """Carol has stopped the cluster "noon" in RDS itself, which dave then tries in vain."""
    people.stop(account, "noon", "carol")
    with pytest.raises(ClientError, match="InvalidDBClusterStateFault"):
        people.stop(account, "noon", "dave")


@pytest.fixture(scope="module")
def fired(account: Account, evening: object, noon: None) -> dict[str, str]:  # noqa: ARG001
    """Each cluster's status after the schedules' own firing, at the end of what was asked for by hand."""

    def both_have_acted() -> bool:
        # A run logs its summary when all else is done. On a busy machine the emulator can take a function's last lines
        # for its next run's.
        return (
            all(any(line.get("counts") for line in log(account, function)) for function in (STOP, START))
            and {"closing", "evening"} <= actions(account, STOP).keys()
            and {"opened", "evening"} <= actions(account, START).keys()
        )

    eventually("both functions are invoked by their schedules, after the edge and after the hold", both_have_acted)
    return {name: status for name, status in clusters.statuses(account) if name != "soon"}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asset.build(tmp_path_factory.mktemp("package"))


def written(centre: Account, package: Path) -> dict[str, Any]:
    """What `make template` writes, when it has uploaded the package."""
    context = ["-c", 'officeHours.organization={"units": ["ou-ab12-34cd56ef"]}', "-c", "officeHours.everyMinutes=1"]
    session = SimpleNamespace(client=centre.client)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asset, "build", lambda _: package)
        patch.setattr(tools.template, "sign_in", lambda _: (session, ACCOUNT))
        tools.template.main(BUCKET, context)
    template: dict[str, Any] = json.loads(tools.template.TARGET.read_text())
    return template


@pytest.fixture(scope="module")
def unit(account: Account) -> str:
    organizations = account.client("organizations")
    (root,) = organizations.list_roots()["Roots"]
    made = organizations.create_organizational_unit(ParentId=root["Id"], Name="all")
    return str(made["OrganizationalUnit"]["Id"])


@pytest.fixture(scope="module")
def template(account: Account, package: Path) -> dict[str, Any]:
    bucket = {"Bucket": BUCKET, "CreateBucketConfiguration": {"LocationConstraint": REGION}}
    account.client("s3").create_bucket(**bucket)
    return written(account, package)


@pytest.fixture(scope="module")
def member(account: Account, unit: str, template: dict[str, Any]) -> Member:
    """An account in the unit, with the stack, and with a cluster that should never run."""
    organizations = account.client("organizations")
    (root,) = organizations.list_roots()["Roots"]
    made = organizations.create_account(Email="shop@example.com", AccountName="shop")["CreateAccountStatus"]
    organizations.move_account(AccountId=made["AccountId"], SourceParentId=root["Id"], DestinationParentId=unit)
    member = Member(account.port, account.folder, account.group, account.clients, made["AccountId"])
    member.deploy(template)
    clusters.make(member, Cluster("theirs", "never"))
    return member


@pytest.fixture(scope="module")
def changed(account: Account, fired: dict[str, str], unit: str) -> None:  # noqa: ARG001
    """Other settings, with which the account is the organization's centre."""
    settings = {"regions": [REGION, ELSEWHERE], "notifyEmail": "dba@example.com", "cloudTrail": False}
    deployment.deploy(account, everyMinutes=60, organization={"units": [unit]}, **settings)


def eventually(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < deadline, f"Not after {LIMIT} seconds: {what}"
        time.sleep(0.5)


def known(account: Account, cluster: str) -> dict[str, Any]:
    """All that RDS says about the cluster."""
    (found,) = account.client("rds").describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"]
    return dict(found)


def actions(account: Account, function: str) -> Counter[str]:
    """For how many lines of its log each cluster was acted on."""
    return Counter(line["cluster"] for line in log(account, function) if "db_cluster" in line)


def dry_run(account: Account, function: str) -> dict[str, Any]:
    """What the function would do, by cluster."""
    failed, answer = invoke(account, function, {"dry_run": True})
    assert not failed
    return {entry["cluster"]: entry for entry in answer["clusters"] if entry["region"] == REGION}


LISTINGS = (
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("scheduler", "list_schedules", "Schedules", "Name"),
    ("scheduler", "list_schedule_groups", "ScheduleGroups", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sns", "list_subscriptions", "Subscriptions", "Endpoint"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
)


def inventory(account: Account) -> dict[str, set[str]]:
    """The names of all that a stack of ours could leave behind."""
    found = {"Queues": set(account.client("sqs").list_queues().get("QueueUrls", []))}
    for service, operation, key, name in LISTINGS:
        pages = account.client(service).get_paginator(operation).paginate()
        found[key] = {each[name] for page in pages for each in page[key]}
    found["ScheduleGroups"] -= {"default"}  # which the emulator makes with the first schedule
    return found


def test_a_start_by_hand_is_done_at_once_and_written_on_the_cluster(
    account: Account, evening: tuple[datetime, dict[str, Any]]
) -> None:
    until, entry = evening
    assert (entry["decision"], entry["reason"]) == ("start", "held")
    assert f"Held running until {local(until, ZoneInfo('UTC'))}" in entry["message"]
    hold = {"Key": "office-hours-hold", "Value": f"running until {until:%Y-%m-%dT%H:%M}Z"}
    assert hold in known(account, "evening")["TagList"]


def test_a_failure_becomes_a_text_that_names_the_account(member: Member, template: dict[str, Any]) -> None:
    """In the emulator an account reaches its own topic alone, so it is its own centre here."""
    own = template["Parameters"] | {"CentralAccount": {"Type": "String", "Default": member.number}}
    member.deploy(template | {"Parameters": own}, "update")
    sns, sqs = member.client("sns"), member.client("sqs")
    queue = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    topic = f"arn:aws:sns:{REGION}:{member.number}:{NAME}"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{member.number}:inbox")
    failed = {
        "requestContext": {"functionArn": f"arn:aws:lambda:{REGION}:{member.number}:function:{STOP}:scheduled"},
        "responsePayload": {"errorMessage": "Region us-east-1: RDS did not answer"},
    }
    others = {"requestContext": {"functionArn": f"arn:aws:lambda:{REGION}:{member.number}:function:orders"}}
    # As Lambda puts it onto the bus, which the emulator's Lambda does not.
    entry = {"Source": "lambda", "DetailType": "Lambda Function Invocation Result - Failure"}
    events = [entry | {"Detail": json.dumps(detail)} for detail in (others, failed)]
    member.client("events").put_events(Entries=events)
    texts = [
        json.loads(each["Body"])["Message"]
        for each in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5, MaxNumberOfMessages=10)["Messages"]
    ]
    (text,) = texts
    assert f"account {member.number}: a scheduled run failed for good" in text
    assert "RDS did not answer" in text


def test_the_schedules_stop_and_start_what_is_due_once_and_nothing_else(
    account: Account, fired: dict[str, str]
) -> None:
    assert fired == {
        **dict.fromkeys(("inside", "opened", "in-use", "untagged", "bad-tag", "not-aurora"), "available"),
        **dict.fromkeys(("closing", "outside", "evening", "noon"), "stopped"),
    }
    acted = actions(account, STOP) - Counter(["soon"])
    assert acted == {"closing": 1, "outside": 1, "evening": 1}
    assert actions(account, START) == {"opened": 1, "evening": 1}


@pytest.mark.usefixtures("fired")
def test_one_that_is_in_use_waits(account: Account) -> None:
    entry = dry_run(account, STOP)["in-use"]
    assert (entry["decision"], entry["reason"]) == ("leave", "in-use")
    assert "connected in the last ten minutes" in entry["message"]


@pytest.mark.usefixtures("fired")
def test_a_notice_comes_before_a_stop_with_the_command_that_keeps_it_up(account: Account, queue: str) -> None:
    told: list[str] = []

    def has_come() -> bool:
        told.extend(each.text for each in notices(account, queue) if "soon stops on" in each.text)
        return bool(told)

    eventually("the notice", has_come)
    assert f"aws --endpoint-url {account.endpoint} lambda invoke --function-name aurora-office-hours-start" in told[0]
    account.client("sqs").delete_queue(QueueUrl=queue)  # no part of the stack


@pytest.mark.usefixtures("fired")
def test_an_untagged_one_gets_a_suggestion(account: Account) -> None:
    failed, answer = invoke(account, "aurora-office-hours-report", {"suggest": True})
    assert not failed
    (suggestion,) = answer["suggestions"]
    assert (suggestion["cluster"], suggestion["tag"]) == ("untagged", "mon-fri 08:00-18:00")
    assert suggestion["saved_usd_a_month"] == pytest.approx(suggestion["saved_hours_a_month"] * 0.30, abs=0.01)


def test_who_stops_one_by_hand_is_respected_and_named(account: Account, fired: dict[str, str]) -> None:
    assert fired["noon"] == "stopped"
    entry = dry_run(account, START)["noon"]
    assert (entry["decision"], entry["reason"], entry["by"]) == ("leave", "changed-by-hand", "carol")
    assert "Stopped by carol on" in entry["message"]


@pytest.mark.usefixtures("fired")
@pytest.mark.parametrize(("function", "cluster"), [(STOP, "closing"), (START, "opened")])
def test_the_log_has_the_whole_cluster_as_rds_knows_it(account: Account, function: str, cluster: str) -> None:
    (logged,) = (line["db_cluster"] for line in log(account, function) if line.get("cluster") == cluster)
    told = json.dumps(known(account, cluster), default=lambda at: at.astimezone(UTC).isoformat().replace("+00:00", "Z"))
    assert len(logged) > 30
    assert logged == json.loads(told)


@pytest.mark.usefixtures("fired")
def test_the_schedule_leaves_what_was_started_by_hand_until_the_time_is_over_and_stops_it_then(
    account: Account, evening: tuple[datetime, object]
) -> None:
    until, _ = evening
    _, before = invoke(account, STOP, {"time": f"{until - MINUTE:%Y-%m-%dT%H:%MZ}", "clusters": ["evening"]})
    assert [entry["reason"] for entry in before["clusters"]] == ["held"]
    (stopped,) = (line for line in log(account, STOP) if line.get("cluster") == "evening" and "db_cluster" in line)
    assert datetime.fromisoformat(stopped["timestamp"]) >= until


def test_a_members_own_schedules_stop_its_own_clusters(member: Member) -> None:
    eventually("the member's schedules", lambda: dict(clusters.statuses(member)) == {"theirs": "stopped"})
    assert actions(member, STOP).keys() == {"theirs"}


@pytest.mark.usefixtures("changed")
def test_changed_settings_arrive(account: Account) -> None:
    for region in (REGION, ELSEWHERE):
        clusters.make(account, Cluster("late", "never", region=region))
    failed, answer = invoke(account, STOP, {})
    assert not failed
    assert {each["region"] for each in answer["clusters"] if each["cluster"] == "late"} == {REGION, ELSEWHERE}
    assert dict(clusters.statuses(account))["late"] == "stopped"
    assert dict(clusters.statuses(account, ELSEWHERE)) == {"late": "stopped"}
    schedule = account.client("scheduler").get_schedule(GroupName="aurora-office-hours", Name=STOP)
    assert schedule["ScheduleExpression"] == "cron(0 * * * ? *)"
    assert inventory(account)["Subscriptions"] == {"dba@example.com"}
    # Otherwise `make synth` would print a notice about them.
    assert "feature-flag-report" not in (deployment.assembly(account) / "manifest.json").read_text()
    # Without CloudTrail, RDS's event log decides, which has no names.
    noon = dry_run(account, START)["noon"]
    assert noon["reason"] == "changed-by-hand"
    assert "by" not in noon


@pytest.mark.usefixtures("changed", "member")
def test_the_centre_sees_all_accounts_and_acts_on_its_own(account: Account) -> None:
    failed, status = invoke(account, function_name("status"), {})
    assert not failed
    assert not [each for each in status["problems"] if each["problem"] == "failure"]
    seen = {(each["account_name"], each["cluster"]) for each in status["clusters"]}
    assert ("shop", "theirs") in seen
    assert {name for name, _ in seen - {("shop", "theirs")}} == {ACCOUNT}
    assert "theirs" not in dry_run(account, STOP)


def test_a_new_version_reaches_a_member_and_the_earlier_package_stays(
    account: Account, member: Member, package: Path, template: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    before, keys = member.functions, packages(account)
    (package / "office_hours" / "new.py").touch()
    newer = written(account, package)
    assert "aws cloudformation deploy --stack-name AuroraOfficeHours" in capsys.readouterr().out
    assert newer["Parameters"] == template["Parameters"]
    assert keys < packages(account)
    member.deploy(newer, "update")
    assert member.functions.keys() == before.keys()
    assert not set(member.functions.values()) & set(before.values())
    member.client("rds").start_db_cluster(DBClusterIdentifier="theirs")
    failed, _ = invoke(member, STOP, {})
    assert not failed
    assert dict(clusters.statuses(member)) == {"theirs": "stopped"}


def packages(account: Account) -> set[str]:
    return {each["Key"] for each in account.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]}


def test_a_removed_stack_leaves_nothing(account: Account, bare: dict[str, set[str]]) -> None:
    assert inventory(account) != bare
    deployment.destroy(account)
    assert inventory(account) == bare
