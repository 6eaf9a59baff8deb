"""What each function may do, judged by somebody else's reading of IAM: MiniStack's policy evaluator.

The policies are the synthesized ones, with their references filled in. That RDS hands a cluster's tags to IAM for these
actions is AWS's word: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html

The 23rd of November 2026 is a Monday.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.model import OperationModel
from ministack.core import iam_evaluator

from aws_server import ACCOUNT, HOME, Account
from invocation import invoke
from office_hours import handlers, rds
from price_list import instance
from settings import Organization, StackSettings
from synthesis import ORGANIZATION, Template, synthesize

pytest_plugins = ["aws_server", "invocation", "synthesis"]

Document = dict[str, Any]

MEMBER = "210987654321"
OFFICE = "mon-fri 08:00-18:00"
TAGGED = {"office-hours": OFFICE}
OURS, OTHERS = "o-ours", "o-others"
ACTION = {"stop": "rds:StopDBCluster", "start": "rds:StartDBCluster"}
OTHER = {"stop": "start", "start": "stop"}
# What Lambda itself does with a function's role, without a line of ours.
BY_LAMBDA = {
    "logs:CreateLogStream": "each of Lambda's environments writes to a stream of its own",
    "logs:PutLogEvents": "what a function prints becomes its log",
    "sqs:SendMessage": "an invocation that is given up on goes to the queue",
}


def rds_arn(resource: str = "cluster:reporting", *, region: str = HOME, account: str = ACCOUNT) -> str:
    return f"arn:aws:rds:{region}:{account}:{resource}"


def log_stream(function: str) -> str:
    return f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:/aws/lambda/aurora-office-hours-{function}:log-stream:2026/11/23/a"


FUNCTION_ARN = f"arn:aws:lambda:{HOME}:{ACCOUNT}:function:aurora-office-hours-"


def queue(name: str = "Failures") -> str:
    return f"arn:aws:sqs:{HOME}:{ACCOUNT}:{name}"


def topic(name: str = "aurora-office-hours") -> str:
    return f"arn:aws:sns:{HOME}:{ACCOUNT}:{name}"


@dataclass(frozen=True)
class Function:
    """A function as it is deployed: its name, its environment, and the statements of its role."""

    name: str
    environment: dict[str, str]
    statements: list[Document]

    @property
    def actions(self) -> set[str]:
        return {action for statement in self.statements for action in statement["Action"]}

    def may(
        self, action: str, resource: str, tags: dict[str, str] | None = None, keys: Sequence[str] | None = None
    ) -> bool:
        """Whether a call is allowed, on a resource with these tags; `keys` are those of the tags that it writes."""
        context: dict[str, Any] = {f"resourcetag/{key}": value for key, value in (tags or {}).items()}
        context["tagkeys"] = list(keys) if keys else None
        asked = request(f"arn:aws:sts::{ACCOUNT}:assumed-role/role/{self.name}", action, resource, context)
        policy = iam_evaluator.parse_policy_document({"Statement": self.statements})
        return bool(iam_evaluator.evaluate(asked, [policy]).decision == "Allow")


def request(who: str, action: str, resource: str, context: dict[str, Any], *, tls: bool = True) -> Any:  # noqa: ANN401
    """A call by a principal, or by a service, as the evaluator sees it."""
    account = who.split(":")[4] if who.startswith("arn:") else ""
    return iam_evaluator.EvalContext(
        principal_arn=who if account else "",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=HOME,
        secure_transport=tls,
        service_context={f"aws:{key}": value for key, value in context.items()},
    )


Deploy = Callable[..., Function]


@pytest.fixture(scope="module")
def deploy(package: Path) -> Deploy:
    """Give a function of the stack with these Regions."""

    def function(name: str, *regions: str, **settings: Any) -> Function:  # noqa: ANN401  as many types as settings have
        word = name.capitalize()
        found = synthesize(StackSettings(regions=regions, **settings), package)
        return Function(
            name,
            filled_in(found.properties(word)["Environment"]["Variables"]),
            filled_in(found.statements(f"{word}Role")),
        )

    return function


def filled_in(value: Any) -> Any:  # noqa: ANN401  any JSON
    """Put values where the template has references, as a deployment does."""
    text = json.dumps(value)
    for reference, name in {
        "<AWS::Partition>": "aws",
        "<AWS::Region>": HOME,
        "<AWS::AccountId>": ACCOUNT,
        "<Failures.Arn>": queue(),
        "<Topic>": topic(),
        "<OrganizationId>": OURS,
        "<CentralAccount>": ACCOUNT,
        "<Packages.Arn>": "arn:aws:s3:::packages",
        "<NoticesTopic>": topic("aurora-office-hours-notices"),
    }.items():
        text = text.replace(reference, name)
    # CloudFormation's ARN of a log group ends with ":*", which stands for its streams.
    text = re.sub(r"<(\w+)Log\.Arn>", lambda of: log_stream(of[1].lower()).partition(":log-stream")[0] + ":*", text)
    text = re.sub(r"<(\w+)\.Arn>", lambda of: FUNCTION_ARN + of[1].lower(), text)
    assert "<" not in text
    return json.loads(text)


FUNCTIONS = pytest.mark.parametrize("name", ["stop", "start"])
EVERY_FUNCTION = pytest.mark.parametrize("name", ["stop", "start", "status", "report"])
YES, NO = True, False


HOLD = ["office-hours-hold"]


@FUNCTIONS
@pytest.mark.parametrize(
    ("resource", "tags", "keys", "expected"),
    [
        # keys: those of the tags that are written, where it is no stop or start.
        (rds_arn(), TAGGED, None, YES),
        (rds_arn(), {"office-hours": "not understood"}, None, YES),  # it is the code's to leave this one
        (rds_arn(), {"team": "billing", "office-hours-hold": "running", "office_hours": OFFICE}, None, NO),
        (rds_arn(), {"office-hours-2": OFFICE}, None, NO),
        (rds_arn(region="eu-west-2"), TAGGED, None, NO),
        (rds_arn(account=MEMBER), TAGGED, None, NO),
        (rds_arn("db:reporting"), TAGGED, None, NO),
        ("*", TAGGED, None, NO),
        (rds_arn(), TAGGED, HOLD, YES),
        (rds_arn(), TAGGED, ["office-hours"], NO),
        (rds_arn(), TAGGED, ["office-hours", *HOLD], NO),
        (rds_arn(), TAGGED, ["Office-Hours-Hold"], NO),
        (rds_arn(), TAGGED, [], NO),
        (rds_arn(), {}, HOLD, NO),
        (rds_arn(region="eu-west-2"), TAGGED, HOLD, NO),
    ],
)
def test_a_function_may_do_its_own_action_to_tagged_clusters_and_write_their_holds(  # noqa: PLR0913  a row of the table
    deploy: Deploy, name: str, *, resource: str, tags: dict[str, str], keys: list[str] | None, expected: bool
) -> None:
    action = ACTION[name] if keys is None else "rds:AddTagsToResource"
    assert deploy(name).may(action, resource, tags, keys) is expected
    assert not deploy(name).may(ACTION[OTHER[name]], resource, tags)


ALL, SCHEDULED = {"stop", "start", "status", "report"}, {"stop", "start", "report"}


@EVERY_FUNCTION
@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("logs:PutLogEvents", "own log", ALL),
        ("logs:PutLogEvents", log_stream("another"), set()),
        ("sqs:SendMessage", queue(), SCHEDULED),  # nobody invokes the status function and does not wait for it
        ("sqs:SendMessage", queue("Orders"), set()),
        ("sns:Publish", topic("aurora-office-hours-notices"), set()),
    ],
)
def test_a_function_may(deploy: Deploy, name: str, *, action: str, resource: str, expected: set[str]) -> None:
    resource = log_stream(name) if resource == "own log" else resource
    assert deploy(name).may(action, resource) is (name in expected)


@FUNCTIONS
def test_what_a_function_may_do_follows_the_settings(deploy: Deploy, name: str) -> None:
    function = deploy(name, tag_key="team:hours", cloud_trail=False)
    assert function.may(ACTION[name], rds_arn(), {"team:hours": OFFICE})
    assert not function.may(ACTION[name], rds_arn(), TAGGED)
    assert function.may("rds:AddTagsToResource", rds_arn(), {"team:hours": OFFICE}, ["team:hours-hold"])
    assert not function.may("rds:AddTagsToResource", rds_arn(), {"team:hours": OFFICE}, ["office-hours-hold"])
    assert "cloudtrail:LookupEvents" not in function.actions
    assert {statement["Effect"] for statement in function.statements} == {"Allow"}
    notices = topic("aurora-office-hours-notices")
    assert deploy(name, notice_minutes=30).may("sns:Publish", notices) is (name == "stop")


# The calls, as botocore makes them, beside the permissions.


@dataclass(frozen=True)
class Called:
    action: str
    resource: str
    keys: tuple[str, ...] | None = None


@pytest.fixture
def called(account: Account, monkeypatch: pytest.MonkeyPatch) -> set[Called]:
    """The calls that clients make from now on, in the words of IAM."""
    assert not account.calls
    calls = set()

    def note(params: dict[str, Any], model: OperationModel, context: dict[str, str], **_: object) -> None:
        name = params.get("DBClusterIdentifier")
        service = model.service_model.signing_name
        calls.add(
            Called(
                f"{'cloudwatch' if service == 'monitoring' else service}:{model.name}",
                params.get("ResourceName")
                or params.get("TopicArn")
                or (rds_arn(f"cluster:{name}", region=context["client_region"]) if name else "*"),
                tuple(tag["Key"] for tag in params["Tags"]) if "Tags" in params else None,
            )
        )

    botocore_session = rds.session.__wrapped__()
    session = boto3.Session(botocore_session=botocore_session)
    session.events.register("before-parameter-build.*.*", note)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    monkeypatch.setattr(rds, "session", lambda **_: botocore_session)
    return calls


EVERYWHERE = ("ap-south-1", "eu-west-1", "us-east-1")
TWO = ("eu-west-1", "us-east-1")
# When each function is invoked, in which status its clusters are then, and with which events.
INVOKED: dict[str, tuple[str, str, Sequence[object]]] = {
    "stop": ("2026-11-23T18:00:00Z", "available", ({}, {"clusters": ["*"]})),
    "start": ("2026-11-23T08:00:00Z", "stopped", ({}, {"clusters": ["*"]})),
    "status": ("2026-11-23T09:00:00Z", "stopped", ({"widgetContext": {}},)),
    "report": ("2026-11-23T09:00:00Z", "stopped", ({"send": True},)),
}


def invoked(function: Function, account: Account, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401  JSON, or a page
    """What a function answers last, as it is deployed, where each Region has clusters, and one more Region has."""
    at, status, events = INVOKED[function.name]
    account.enabled_regions = [*EVERYWHERE]
    account.products = [*instance("db.r8g.large", "0.50")]
    for variable, value in function.environment.items():
        monkeypatch.setenv(variable, value)
    answer = None
    for event in events:
        for region in [*EVERYWHERE, "eu-west-2"]:
            account.add("reporting", f"{OFFICE} grace=2h", region=region, Status=status)
            account.add("untagged", region=region, Status=status)
            account.connected("reporting", "2026-11-23T17:59:00Z", 0, region=region)
            was = "started" if status == "available" else "stopped"
            account.log("reporting", f"DB cluster {was}.", "2026-11-20T18:00:00Z", region=region)
        answer = invoke(getattr(handlers, function.name), at, event, None)
    return answer


@pytest.mark.parametrize(("regions", "handled"), [((), (HOME,)), (TWO, TWO), (("*",), EVERYWHERE)], ids=str)
@EVERY_FUNCTION
def test_a_function_may_make_the_calls_that_it_makes_and_no_others(  # noqa: PLR0913  a row of the tables
    deploy: Deploy,
    account: Account,
    called: set[Called],
    monkeypatch: pytest.MonkeyPatch,
    *,
    name: str,
    regions: Sequence[str],
    handled: Sequence[str],
) -> None:
    function = deploy(name, *regions)
    answer = invoked(function, account, monkeypatch)
    assert [each for each in called if not function.may(each.action, each.resource, TAGGED, each.keys)] == []
    by_lambda = {each for each in BY_LAMBDA if each.startswith("logs:") or name in SCHEDULED}
    assert function.actions == {each.action for each in called} | by_lambda
    if name in ACTION:
        assert [(each["region"], each["decision"]) for each in answer["clusters"]] == [(each, name) for each in handled]
        for region in {*EVERYWHERE, "eu-west-2"} - {*handled} if regions != ("*",) else ():
            assert not function.may(ACTION[name], rds_arn(region=region), TAGGED)


# Across accounts: whom the policies of a role, a bucket and a topic let in.


def lets(policy: Document, action: str, resource: str, who: str, *, tls: bool = True, **keys: str) -> bool:
    """Whether a resource's policy lets a principal do this, or a service, in a request that has these keys as well."""
    asked = request(who, action, resource, {key.lower(): value for key, value in keys.items()}, tls=tls)
    service = None if asked.principal_account else who
    return bool(iam_evaluator.evaluate_resource_policy(filled_in(policy), asked, service).decision == "Allow")


def role(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


@pytest.mark.parametrize(
    ("who", "organization", "expected"),
    [
        (role("aurora-office-hours-status"), OURS, YES),
        (role("aurora-office-hours-report"), OURS, YES),
        (role("aurora-office-hours-stop"), OURS, NO),
        (role("Administrator"), OURS, NO),
        (role("aurora-office-hours-status", MEMBER), OURS, NO),
        (role("aurora-office-hours-status"), OTHERS, NO),
    ],
)
def test_a_member_is_looked_at_by_the_central_status_and_report_functions_alone(
    package: Path, who: str, organization: str, expected: bool
) -> None:
    assert lets(trust(package, "CentreReader"), "sts:AssumeRole", "*", who, PrincipalOrgID=organization) is expected


def trust(package: Path, role: str) -> Document:
    """Who can assume a member's role. The evaluator asks every policy about a resource, which a trust does not name."""
    member = synthesize(StackSettings(organization=ORGANIZATION), package, plain=True)
    statements = member.properties(role)["AssumeRolePolicyDocument"]["Statement"]
    return {"Statement": [each | {"Resource": "*"} for each in statements]}


@pytest.mark.parametrize(("account", "expected"), [(ACCOUNT, YES), (MEMBER, NO)])
def test_a_members_failures_are_told_by_its_own_rules_alone(package: Path, account: str, expected: bool) -> None:
    policy = trust(package, "CentreTellRole")
    assert lets(policy, "sts:AssumeRole", "*", "events.amazonaws.com", SourceAccount=account) is expected


@EVERY_FUNCTION
def test_only_the_centres_functions_that_tell_may_look_at_members(deploy: Deploy, name: str) -> None:
    tells = name in ("status", "report")
    centre = deploy(name, organization=ORGANIZATION)
    reader = role("aurora-office-hours-reader", MEMBER)
    assert centre.may("sts:AssumeRole", reader) is centre.may("organizations:ListAccountsForParent", "*") is tells
    assert not centre.may("sts:AssumeRole", role("Administrator", MEMBER))
    units = json.dumps({"units": ORGANIZATION.units})
    assert centre.environment.get("OFFICE_HOURS_ORGANIZATION") == (units if tells else None)
    assert not deploy(name).may("sts:AssumeRole", reader)


def test_the_organizations_accounts_may_read_packages_and_nobody_else_anything(organization: Template) -> None:
    policy, package = organization.properties("PackagesPolicy")["PolicyDocument"], "arn:aws:s3:::packages/a.zip"
    deployer = role("stacksets-exec-1", MEMBER)
    assert lets(policy, "s3:GetObject", package, deployer, PrincipalOrgID=OURS)
    assert not lets(policy, "s3:GetObject", package, deployer, PrincipalOrgID=OTHERS)
    assert not lets(policy, "s3:GetObject", package, deployer, PrincipalOrgID=OURS, tls=False)
    for action in ("s3:PutObject", "s3:DeleteObject"):
        assert not lets(policy, action, package, deployer, PrincipalOrgID=OURS)
    assert set(organization.properties("Packages")["PublicAccessBlockConfiguration"].values()) == {True}


def test_the_organizations_members_may_publish_to_the_centres_topic(package: Path) -> None:
    alarm = f"arn:aws:cloudwatch:{HOME}:{MEMBER}:alarm:aurora-office-hours-refused"
    for alarms in (YES, NO):
        settings = StackSettings(organization=Organization(ORGANIZATION.units, alarms=alarms))
        policy = synthesize(settings, package).properties("TopicPolicy")["PolicyDocument"]
        for its in (OURS, OTHERS):
            may = lets(policy, "sns:Publish", topic(), role("tell", MEMBER), PrincipalOrgID=its)
            assert may is (not alarms and its == OURS)
            may = lets(policy, "sns:Publish", topic(), "cloudwatch.amazonaws.com", SourceOrgID=its, SourceArn=alarm)
            assert may is (alarms and its == OURS)
        assert not lets(policy, "sns:Subscribe", topic(), role("tell", MEMBER), PrincipalOrgID=OURS)


def test_only_this_accounts_alarms_may_publish_to_the_topic_and_over_tls_alone(template: Template) -> None:
    policy = template.properties("TopicPolicy")["PolicyDocument"]
    arn = f"arn:aws:cloudwatch:{HOME}:{{}}:alarm:aurora-office-hours-refused"
    for account, tls, source, expected in (
        (ACCOUNT, True, arn.format(ACCOUNT), YES),
        (ACCOUNT, False, arn.format(ACCOUNT), NO),
        (MEMBER, True, arn.format(ACCOUNT), NO),
        (ACCOUNT, True, arn.format(MEMBER), NO),
        (ACCOUNT, True, arn.format(ACCOUNT).replace("aurora-office-hours", "orders"), NO),
    ):
        alarm = "cloudwatch.amazonaws.com"
        may = lets(policy, "sns:Publish", topic(), alarm, tls=tls, SourceAccount=account, SourceArn=source)
        assert may is expected
    assert not lets(policy, "sns:Publish", topic(), "events.amazonaws.com", SourceAccount=ACCOUNT)
