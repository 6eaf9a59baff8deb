"""A member's template, as `make template` writes it, deployed to three accounts of an emulator's organization.

They share one deployment, which the last tests change, beside the centre's by the CDK. The emulator has no
StackSets, and its EventBridge reaches no other account. Who may reach what is judged in `test_permissions.py`.
"""

import json
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from asset import PROJECT
from local import clusters, deployment, emulator
from local.clusters import Cluster
from local.emulator import REGION, Account
from local.follow import STOP, log
from local.people import invoke
from organization import member_template
from rollout import organization_of
from settings import NAME, STACK, Organization, StackSettings, function_name
from tools.template import TARGET, upload

if TYPE_CHECKING:
    import boto3

BUCKET = "packages-of-all"
MEMBERS = ("bank", "office", "shop")
UNITS = "officeHours.organization"
LIMIT = 240  # seconds
EVERY_MINUTE = StackSettings(every_minutes=1, organization=Organization(("ou-ab12-34cd56ef",)))


@dataclass(frozen=True)
class Member(Account):
    """One of the emulator's other accounts."""

    number: str = ""
    name: str = ""

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
def centre() -> Iterator[Account]:
    with emulator.account() as account:
        yield account


@pytest.fixture(scope="module")
def template(centre: Account) -> dict[str, Any]:
    """What `make template` writes."""
    centre.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    context = ["-c", f'{UNITS}={{"units": ["ou-ab12-34cd56ef"]}}', "-c", "officeHours.everyMinutes=1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", "lambda:infra")
        said = centre.run([sys.executable, "-m", "tools.template", BUCKET, *context], cwd=PROJECT)
    assert "aws cloudformation deploy --stack-name AuroraOfficeHours" in said
    written: dict[str, Any] = json.loads(TARGET.read_text())
    return written


@pytest.fixture(scope="module")
def unit(centre: Account) -> str:
    organizations = centre.client("organizations")
    (root,) = organizations.list_roots()["Roots"]
    made = organizations.create_organizational_unit(ParentId=root["Id"], Name="all")
    return str(made["OrganizationalUnit"]["Id"])


@pytest.fixture(scope="module")
def members(centre: Account, unit: str, template: dict[str, Any]) -> list[Member]:
    """Three accounts in the unit, with the stack, and a cluster in each that should never run."""
    organizations, members = centre.client("organizations"), []
    (root,) = organizations.list_roots()["Roots"]
    for name in MEMBERS:
        made = organizations.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]
        number = made["AccountId"]
        organizations.move_account(AccountId=number, SourceParentId=root["Id"], DestinationParentId=unit)
        members.append(Member(centre.port, centre.folder, centre.group, centre.clients, number, name))
    for member in members:
        member.deploy(template)
        clusters.make(member, Cluster(f"of-{member.number}", "never"))
    return members


def eventually(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < deadline, f"Not after {LIMIT} seconds: {what}"
        time.sleep(0.5)


def stopped(members: list[Member]) -> bool:
    return all(dict(clusters.statuses(each)) == {f"of-{each.number}": "stopped"} for each in members)


def test_each_accounts_own_schedules_stop_its_own_clusters(members: list[Member]) -> None:
    eventually("the schedules of all three", lambda: stopped(members))
    for member in members:
        acted = {line["cluster"] for line in log(member, STOP) if "db_cluster" in line}
        assert acted == {f"of-{member.number}"}


def test_the_centre_sees_all_accounts_and_acts_on_its_own(centre: Account, unit: str, members: list[Member]) -> None:
    deployment.bootstrap(centre)
    organization, _ = organization_of(cast("boto3.Session", centre))
    given = ("--parameters", f"{STACK}:OrganizationId={organization}", "-c", f'{UNITS}={{"units": ["{unit}"]}}')
    target = ("--require-approval", "never", "--output", str(deployment.assembly(centre)))
    centre.run([str(deployment.CDK), "deploy", STACK, *given, *target], cwd=PROJECT)
    clusters.make(centre, Cluster("of-the-centre", "never", stopped=True))
    failed, status = invoke(centre, function_name("status"), {})
    assert not failed
    assert status["problems"] == []
    assert {each["account_name"]: each["cluster"] for each in status["clusters"]} == {
        centre.credentials["AWS_ACCESS_KEY_ID"]: "of-the-centre",
        **{each.name: f"of-{each.number}" for each in members},
    }
    _, stop = invoke(centre, STOP, {"dry_run": True})
    assert [each["cluster"] for each in stop["clusters"]] == ["of-the-centre"]


def test_a_failure_becomes_a_text_that_names_the_account(members: list[Member], template: dict[str, Any]) -> None:
    """In the emulator an account reaches its own topic alone, so that one is its own centre here."""
    member = members[0]
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


def test_a_new_version_reaches_each_and_the_earlier_package_stays(
    centre: Account, members: list[Member], template: dict[str, Any], tmp_path: Path
) -> None:
    before = [member.functions for member in members]
    bucket = centre.client("s3")
    (earlier,) = (each["Key"] for each in bucket.list_objects_v2(Bucket=BUCKET)["Contents"])
    bucket.download_file(BUCKET, earlier, str(tmp_path / "package.zip"))
    package = tmp_path / "package"
    with zipfile.ZipFile(tmp_path / "package.zip") as packed:
        packed.extractall(package)
    (package / "office_hours" / "new.py").touch()
    upload(cast("boto3.Session", centre), package, BUCKET)  # which makes clients, as a session does
    assert earlier in {each["Key"] for each in bucket.list_objects_v2(Bucket=BUCKET)["Contents"]} != {earlier}
    newer = json.loads(member_template(EVERY_MINUTE, package, {})) | {"Parameters": template["Parameters"]}
    for member, had in zip(members, before, strict=True):
        member.deploy(newer, "update")
        member.client("rds").start_db_cluster(DBClusterIdentifier=f"of-{member.number}")
        assert member.functions.keys() == had.keys()
        assert not set(member.functions.values()) & set(had.values())
        failed, _ = invoke(member, STOP, {})
        assert not failed
    assert stopped(members)
