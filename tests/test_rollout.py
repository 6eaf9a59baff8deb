"""Many accounts: the organization's stack, a member's template, and what `make deploy-organization` says.

No emulator has StackSets, so that theirs is only read here. `test_end_to_end.py` deploys what it would deploy.
"""

import json
import re
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders

import rollout
from asset import PROJECT
from local.emulator import REGION
from member import package_key
from organization import member_template
from settings import Organization, StackSettings
from synthesis import ORGANIZATION, Template, synthesize

pytest_plugins = ["synthesis"]

MEMBER = "111111111111"
WITH_ALL = Organization(ORGANIZATION.units, dashboard=True, alarms=True)


# The organization's stack, which is read only


def test_every_account_of_the_units_gets_it_now_and_later_in_one_region_but_not_the_centre(
    organization: Template, package: Path
) -> None:
    members = organization.properties("Members")
    assert members["PermissionModel"] == "SERVICE_MANAGED"
    assert members["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": False}
    (group,) = members["StackInstancesGroup"]
    but_the_centre = {"AccountFilterType": "DIFFERENCE", "Accounts": ["<AWS::AccountId>"]}
    assert group["Regions"] == ["<AWS::Region>"]
    assert group["DeploymentTargets"] == {"OrganizationalUnitIds": ["ou-ab12-34cd56ef"], **but_the_centre}
    asked = json.loads(member_template(StackSettings(organization=ORGANIZATION), package, {}))["Parameters"]
    assert {each["ParameterKey"] for each in members["Parameters"]} == asked.keys()
    # One account that fails holds up no other, and a quarter is changed at a time.
    preferences = members["OperationPreferences"]
    assert (preferences["FailureTolerancePercentage"], preferences["MaxConcurrentPercentage"]) == (100, 25)


def test_a_version_is_in_the_bucket_before_its_template_and_earlier_ones_stay(
    organization: Template, package: Path
) -> None:
    copied = organization.properties("PackageCustomResource512MiB")
    assert copied["SourceObjectKeys"] == [package_key(package)]
    assert (copied["Extract"], copied["Prune"]) == (False, False)
    needed = {each.partition("CustomResource")[0] for each in organization.resources["Members"]["DependsOn"]}
    assert "Package" in needed


# A member's template, against what a StackSet's accounts take


def test_a_member_has_the_stack_that_make_deploy_deploys(package: Path) -> None:
    alone, plain = (deepcopy(synthesize(StackSettings(), package, plain=plain).resources) for plain in (False, True))
    for each in (alone, plain):
        for function in ("Stop", "Start", "Status", "Report"):
            code = each[function]["Properties"].pop("Code")
            assert code["S3Key"] == package_key(package)
    assert plain == alone
    member = synthesize(StackSettings(organization=WITH_ALL), package, plain=True).resources
    assert member.keys() - alone.keys() == {"CentreReader"}
    assert not alone.keys() - member.keys()


def test_the_template_asks_for_neither_a_bootstrap_nor_a_transform_and_is_small(package: Path) -> None:
    text = member_template(StackSettings(organization=WITH_ALL), package, {"aws:cdk:enable-path-metadata": True})
    template = json.loads(text)
    assert len(text) < 1_000_000
    assert template.keys() == {"Description", "Parameters", "Resources", "Outputs"}
    assert "cdk-bootstrap" not in text
    kinds = {each["Type"] for each in template["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith(("Custom::", "AWS::CloudFormation::"))}


def test_a_member_tells_its_alarms_to_the_centre_or_has_none_and_then_sends_no_metrics(package: Path) -> None:
    with_all, with_none = (
        synthesize(StackSettings(organization=each), package, plain=True) for each in (WITH_ALL, ORGANIZATION)
    )
    alarms = with_all.of_type("AWS::CloudWatch::Alarm")
    told = {action for each in alarms.values() for action in each["Properties"]["AlarmActions"]}
    assert told == {"arn:<AWS::Partition>:sns:<AWS::Region>:<CentralAccount>:aurora-office-hours"}
    kinds = {each["Type"] for each in with_none.resources.values()}
    assert not {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"} & kinds
    for found, disabled in ((with_none, "true"), (with_all, None)):
        variables = found.properties("Stop")["Environment"]["Variables"]
        assert variables.get("POWERTOOLS_METRICS_DISABLED") == disabled


# What the command says before and after


def answering(**answers: str) -> boto3.Session:
    """A session in which each operation has this answer."""
    session = boto3.Session("testing", "testing", region_name=REGION)
    for operation, answer in answers.items():
        raw = SimpleNamespace(stream=lambda answer=answer: iter([answer.encode()]))
        given = AWSResponse("https://localhost", 400 if "Exception" in answer else 200, HTTPHeaders(), raw)
        session.events.register(f"before-send.*.{operation}", lambda given=given, **_: given)
    return session


def organization_of(manager: str) -> str:
    return json.dumps({"Organization": {"Id": "o-ab12cd34ef", "MasterAccountId": manager}})


def prepare(accounts: str = '{"Accounts": []}', *, manager: str = "123456789012", access: str = "ENABLED") -> str:
    """What the CDK is to be handed, where the organization is like this."""
    name = "DescribeOrganizationsAccessResult"
    answers = {
        "DescribeOrganization": organization_of(manager),
        "DescribeOrganizationsAccess": f"<R><{name}><Status>{access}</Status></{name}></R>",
        "ListAccountsForParent": accounts,
    }
    return rollout.prepare(answering(**answers), "123456789012", ORGANIZATION.units)


@pytest.mark.parametrize(("manager", "call_as"), [("123456789012", "SELF"), ("210987654321", "DELEGATED_ADMIN")])
def test_the_command_finds_out_which_organization_it_is_and_as_what_it_deploys(manager: str, call_as: str) -> None:
    assert prepare(manager=manager).split()[1::2] == [
        "AuroraOfficeHours:OrganizationId=o-ab12cd34ef",
        "AuroraOfficeHoursOrganization:OrganizationId=o-ab12cd34ef",
        f"AuroraOfficeHoursOrganization:CallAs={call_as}",
    ]


def test_the_command_says_what_is_missing_before_anything_is_bootstrapped() -> None:
    recipe = (PROJECT / "Makefile").read_text().partition("\ndeploy-organization:")[2].partition(".PHONY")[0]
    found = re.findall(r"rollout\.py prepare|prepare_account\.py|(?<=CDK\) )deploy", recipe)
    assert found == ["rollout.py prepare", "prepare_account.py", "deploy"]
    with pytest.raises(SystemExit, match="aws cloudformation activate-organizations-access"):
        prepare(access="DISABLED")
    with pytest.raises(SystemExit, match="no unit ou-ab12-34cd56ef"):
        prepare('{"__type": "ParentNotFoundException"}')
    with pytest.raises(SystemExit, match="Which accounts"):
        rollout.main("prepare", [])


def test_the_command_names_the_accounts_that_failed_and_what_to_do_where_make_deploy_was_used() -> None:
    def told(status: str) -> str:
        member = f"<Account>{MEMBER}</Account><Status>{status}</Status><StatusReason>stop already exists</StatusReason>"
        name, summaries = "ListStackInstancesResult", f"<Summaries><member>{member}</member></Summaries>"
        answers = {"ListStackInstances": f"<R><{name}>{summaries}</{name}></R>"}
        session = answering(DescribeOrganization=organization_of("123456789012"), **answers)
        return rollout.report(session, "123456789012")

    assert told("CURRENT") == "1 of 1 accounts have it."
    with pytest.raises(SystemExit) as stop:
        told("OUTDATED")
    assert str(stop.value).startswith(f"0 of 1 accounts have it.\n  {MEMBER}: stop already exists\n")
    assert "with `make destroy`" in str(stop.value)
