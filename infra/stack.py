"""The stack: two functions, a schedule that invokes each, and what they may do."""

from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from office_hours.hold import SUFFIX
from settings import CONTEXT_KEY, EVERY_REGION, Settings, SettingsError
from test_events import EVENTS, ShareableTestEvents

NAME = "aurora-office-hours"
# Lambda's limit for all names and values of a function's environment together, in bytes.
ENVIRONMENT_LIMIT = 4096
# Memory buys CPU, and a run is mostly parsing RDS's answers: about 65 ms of a full CPU for 100 clusters.
MEMORY_MB = 512
# A run is over when the next one is due, which does what is left. Still, two of a function can go on at once: Lambda
# tries a failed one again, and people invoke them too. That does no harm, so that no concurrency is reserved, which
# would take it from the account's other functions.
LONGEST_RUN = cdk.Duration.minutes(5)
# The next run makes good what one has missed, so that each is tried again only a little, and only until then.
DELIVERY_RETRIES = 2
INVOCATION_RETRIES = 1


@dataclass(frozen=True)
class Operation:
    """What sets one function apart from the other: its name, and the one RDS action that changes anything."""

    name: str
    action: str
    purpose: str

    @property
    def construct_id(self) -> str:
        return self.name.capitalize()

    @property
    def function_name(self) -> str:
        return f"{NAME}-{self.name}"


OPERATIONS = (
    Operation("stop", "rds:StopDBCluster", "Stops tagged Aurora clusters outside their office hours"),
    Operation("start", "rds:StartDBCluster", "Starts tagged Aurora clusters for their office hours"),
)


class OfficeHoursStack(cdk.Stack):
    """Everything that Aurora Office Hours needs in an account; removed, it leaves nothing of its own behind.

    package: the folder that is deployed to Lambda.
    """

    def __init__(self, scope: Construct, *, settings: Settings, package: Path) -> None:
        super().__init__(
            scope,
            "AuroraOfficeHours",
            description="Aurora Office Hours: stops and starts tagged Amazon Aurora clusters on office hours",
        )
        self.settings = settings
        self.interval = cdk.Duration.minutes(settings.every_minutes)
        self.code = lambda_.Code.from_asset(str(package))
        self.failures = sqs.Queue(
            self,
            "Failures",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        accept(self.failures, "SQS3", "It is the dead-letter queue.")
        self.group = scheduler.ScheduleGroup(
            self, "Schedules", schedule_group_name=NAME, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        for operation in OPERATIONS:
            self.add_schedule(operation, self.add_function(operation))
            cdk.CfnOutput(
                self,
                f"{operation.construct_id}DryRun",
                description=f"What the {operation.name} function would do now",
                # From a file, the payload means the same to versions 1 and 2 of the AWS CLI.
                value=f"""echo '{{"dry_run": true}}' | aws lambda invoke --function-name {operation.function_name} """
                "--payload fileb:///dev/stdin /dev/stdout",
            )
        test_events = f"{NAME}-test-events"
        ShareableTestEvents(
            self,
            "TestEvents",
            function_name=test_events,
            log_group=self.add_log_group("TestEvents", test_events),
            events={operation.function_name: EVENTS[operation.name] for operation in OPERATIONS},
        )
        cdk.CfnOutput(
            self,
            "FailuresQueue",
            description="Holds for 14 days what the schedules could not deliver and the functions could not finish",
            value=self.failures.queue_url,
        )

    def add_function(self, operation: Operation) -> lambda_.Function:
        log_group = self.add_log_group(operation.construct_id, operation.function_name)
        return lambda_.Function(
            self,
            operation.construct_id,
            function_name=operation.function_name,
            description=operation.purpose,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"office_hours.handlers.{operation.name}",
            code=self.code,
            role=self.add_role(operation, log_group),
            log_group=log_group,
            memory_size=MEMORY_MB,
            timeout=min(self.interval, LONGEST_RUN, key=cdk.Duration.to_seconds),
            environment=environment(self.settings),
            retry_attempts=INVOCATION_RETRIES,
            max_event_age=self.interval,
            on_failure=destinations.SqsDestination(self.failures),
        )

    def add_log_group(self, construct_id: str, function_name: str) -> logs.LogGroup:
        log_group = logs.LogGroup(
            self,
            f"{construct_id}Log",
            log_group_name=f"/aws/lambda/{function_name}",
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        # The CDK has a word for each number of days; CloudFormation takes the number.
        resource = log_group.node.default_child
        assert isinstance(resource, logs.CfnLogGroup)  # noqa: S101  for the type checker
        resource.retention_in_days = self.settings.log_retention_days
        return log_group

    def add_role(self, operation: Operation, log_group: logs.LogGroup) -> iam.IRole:
        clusters = [
            f"arn:{self.partition}:rds:{region}:{self.account}:cluster:*"
            for region in self.settings.regions or (self.region,)
        ]
        # The key counts in any case here (IAM), which the functions' own reading of the tag is stricter about.
        tagged = {"StringLike": {f"aws:ResourceTag/{self.settings.tag_key}": "*"}}
        statements = [
            iam.PolicyStatement(
                sid="FindClusters",
                actions=["rds:DescribeDBClusters", "rds:DescribeEvents"],
                resources=["*"],
            ),
            iam.PolicyStatement(
                sid="ActOnTaggedClusters", actions=[operation.action], resources=clusters, conditions=tagged
            ),
            iam.PolicyStatement(
                sid="HoldTaggedClusters",
                actions=["rds:AddTagsToResource"],
                resources=clusters,
                conditions={
                    **tagged,
                    "ForAllValues:StringEquals": {"aws:TagKeys": [self.settings.tag_key + SUFFIX]},
                    # "For all" is also true where there are none.
                    "Null": {"aws:TagKeys": "false"},
                },
            ),
            iam.PolicyStatement(
                sid="WriteOwnLog",
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log_group.log_group_arn],
            ),
            iam.PolicyStatement(
                sid="HandOverFailures",
                actions=["sqs:SendMessage"],
                resources=[self.failures.queue_arn],
            ),
        ]
        if self.settings.regions == EVERY_REGION:
            statements.append(iam.PolicyStatement(sid="FindRegions", actions=["account:ListRegions"], resources=["*"]))
        role = iam.Role(
            self,
            f"{operation.construct_id}Role",
            description=operation.purpose,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={operation.name: iam.PolicyDocument(statements=statements)},
        )
        accept(role, "IAM5[Resource::*]", "Listing knows no narrower resource, and changes nothing.")
        for region in self.settings.regions or ("<AWS::Region>",):
            arn = f"arn:<AWS::Partition>:rds:{region}:<AWS::AccountId>:cluster:*"
            accept(role, f"IAM5[Resource::{arn}]", "Clusters are found by their tag, and a condition asks for it.")
        # The list above is all: no construct adds to it.
        return role.without_policy_updates()

    def add_schedule(self, operation: Operation, function: lambda_.Function) -> None:
        role = iam.Role(
            self,
            f"{operation.construct_id}ScheduleRole",
            description=f"Invokes {operation.function_name} on its schedule",
            # No other account's schedule, nor one outside our group, can make EventBridge Scheduler use this role.
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": self.account,
                        "aws:SourceArn": self.group.schedule_group_arn,
                    }
                },
            ),
            inline_policies={
                "invoke": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn]),
                        iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.failures.queue_arn]),
                    ]
                )
            },
        )
        scheduler.Schedule(
            self,
            f"{operation.construct_id}Schedule",
            schedule_name=operation.function_name,
            description=operation.purpose,
            schedule_group=self.group,
            schedule=full_minutes(self.settings.every_minutes),
            target=targets.LambdaInvoke(
                function,
                role=role.without_policy_updates(),
                input=scheduler.ScheduleTargetInput.from_object({}),
                retry_attempts=DELIVERY_RETRIES,
                max_event_age=self.interval,
                dead_letter_queue=self.failures,
            ),
        )


def full_minutes(every: int) -> scheduler.ScheduleExpression:
    """Full minutes of the clock, on which windows have their edges; a rate would count from the deployment."""
    minute = {1: "*", 60: "0"}.get(every, f"0/{every}")
    return scheduler.ScheduleExpression.cron(minute=minute, time_zone=cdk.TimeZone.ETC_UTC)


def environment(settings: Settings) -> dict[str, str]:
    variables = {
        "OFFICE_HOURS_SETTINGS": settings.as_json(),
        "POWERTOOLS_SERVICE_NAME": NAME,
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }
    size = sum(len(name) + len(value) for name, value in variables.items())
    if size > ENVIRONMENT_LIMIT:
        raise SettingsError(
            f"{CONTEXT_KEY}.schedules and {CONTEXT_KEY}.calendars are too long together: with them, the functions' "
            f"environment has {size} bytes, and Lambda accepts {ENVIRONMENT_LIMIT}. Write days in a row as a range "
            "(2026-12-24:2027-01-01), or give long schedules to the clusters' own tags."
        )
    return variables


def accept(construct: Construct, finding: str, reason: str) -> None:
    """Acknowledge a finding of cdk-nag, for the reason given."""
    cdk.Validations.of(construct).acknowledge(
        cdk.Acknowledgment(id=f"AwsSolutions::AwsSolutions-{finding}", reason=reason)
    )
