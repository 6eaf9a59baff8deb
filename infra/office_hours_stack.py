"""The stack: two functions, a schedule that invokes each, and what they may do."""

from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from office_hours_settings import CONTEXT_KEY, EVERY_REGION, LOG_RETENTION, Settings, SettingsError

STACK_NAME = "AuroraOfficeHours"
SERVICE = "aurora-office-hours"
# Lambda's limit for all names and values of a function's environment together, in bytes.
ENVIRONMENT_LIMIT = 4096

# Memory buys CPU, and a run is mostly parsing RDS's answers: about 65 ms of a full CPU for 100 clusters.
MEMORY_MB = 512
# A run may take until the next one begins, which goes on where it stopped; but a slow one every minute must not use up
# the ten concurrent executions that are all a new account has.
SHORTEST_TIMEOUT, LONGEST_TIMEOUT = cdk.Duration.minutes(2), cdk.Duration.minutes(5)
# A delivery or an invocation that fails is tried again only as long as the next run, which makes good, is not due.
DELIVERY_RETRIES = 2
INVOCATION_RETRIES = 1
KEEP_FAILURES_FOR = cdk.Duration.days(14)


@dataclass(frozen=True)
class Operation:
    """What sets one function apart from the other: its word, and the one RDS action that it may call."""

    word: str
    action: str
    purpose: str

    @property
    def function_name(self) -> str:
        return f"{SERVICE}-{self.word}"

    @property
    def id(self) -> str:
        return self.word.capitalize()


OPERATIONS = (
    Operation("stop", "rds:StopDBCluster", "Stops tagged Aurora clusters outside their office hours"),
    Operation("start", "rds:StartDBCluster", "Starts tagged Aurora clusters for their office hours"),
)


class OfficeHoursStack(cdk.Stack):
    """Everything that Aurora Office Hours needs in an account; removed, it leaves nothing behind."""

    def __init__(self, scope: Construct, *, settings: Settings, package: Path) -> None:
        super().__init__(
            scope,
            STACK_NAME,
            description="Aurora Office Hours: stops and starts tagged Amazon Aurora clusters on office hours",
            tags={"application": SERVICE},
        )
        self.settings = settings
        self.code = lambda_.Code.from_asset(str(package))
        self.failures = sqs.Queue(
            self,
            "Failures",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=KEEP_FAILURES_FOR,
        )
        self.group = scheduler.CfnScheduleGroup(self, "Schedules", name=SERVICE)
        for operation in OPERATIONS:
            function = self.add_function(operation)
            self.add_schedule(operation, function)
            cdk.CfnOutput(
                self,
                f"{operation.id}Rehearsal",
                description=f"Shows what the {operation.word} function would do now, and does nothing",
                value=f"aws lambda invoke --function-name {operation.function_name} --cli-binary-format "
                """raw-in-base64-out --payload '{"dry_run": true}' /dev/stdout""",
            )
        cdk.CfnOutput(
            self,
            "FailuresQueue",
            description="Holds what neither the schedules nor Lambda could get done, for 14 days",
            value=self.failures.queue_url,
        )

    def add_function(self, operation: Operation) -> lambda_.Function:
        # Named and made here, so that it has a retention and goes with the stack; the function may not create one.
        log_group = logs.LogGroup(
            self,
            f"{operation.id}Log",
            log_group_name=f"/aws/lambda/{operation.function_name}",
            retention=logs.RetentionDays[LOG_RETENTION[self.settings.log_retention_days]],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        role = iam.Role(
            self,
            f"{operation.id}Role",
            description=operation.purpose,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={operation.word: iam.PolicyDocument(statements=self.permissions(operation, log_group))},
        )
        accept(
            role,
            "AwsSolutions::AwsSolutions-IAM5",
            "Clusters are found by their tag, so which ones cannot be named: listing has no narrower resource, acting is "
            "limited to tagged clusters by a condition. Log streams are named by Lambda.",
        )
        return lambda_.Function(
            self,
            operation.id,
            function_name=operation.function_name,
            description=operation.purpose,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"office_hours.handlers.{operation.word}",
            code=self.code,
            # What the role may do is written above, once: no construct adds to it.
            role=role.without_policy_updates(),
            log_group=log_group,
            memory_size=MEMORY_MB,
            timeout=self.timeout(),
            environment=environment(self.settings),
            retry_attempts=INVOCATION_RETRIES,
            max_event_age=self.interval(),
            on_failure=destinations.SqsDestination(self.failures),
        )

    def permissions(self, operation: Operation, log_group: logs.LogGroup) -> list[iam.PolicyStatement]:
        tagged = {"StringLike": {f"aws:ResourceTag/{self.settings.tag_key}": "*"}}
        statements = [
            iam.PolicyStatement(
                sid="FindClusters",
                actions=["rds:DescribeDBClusters", "rds:DescribeEvents"],
                resources=["*"],
                conditions=self.only_our_regions(),
            ),
            iam.PolicyStatement(
                sid="ActOnTaggedClusters",
                actions=[operation.action],
                resources=[
                    self.format_arn(
                        service="rds",
                        region=region,
                        resource="cluster",
                        resource_name="*",
                        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                    )
                    for region in self.regions()
                ],
                conditions=tagged,
            ),
            iam.PolicyStatement(
                sid="WriteOwnLog",
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log_group.log_group_arn],
            ),
            iam.PolicyStatement(
                sid="HandOverFailures", actions=["sqs:SendMessage"], resources=[self.failures.queue_arn]
            ),
        ]
        if self.settings.regions == EVERY_REGION:
            statements.append(
                iam.PolicyStatement(sid="FindRegions", actions=["account:ListRegions"], resources=["*"])
            )
        return statements

    def regions(self) -> tuple[str, ...]:
        return self.settings.regions or (self.region,)

    def only_our_regions(self) -> dict[str, dict[str, list[str]]] | None:
        if self.settings.regions == EVERY_REGION:
            return None
        return {"StringEquals": {"aws:RequestedRegion": list(self.regions())}}

    def add_schedule(self, operation: Operation, function: lambda_.Function) -> None:
        role = iam.Role(
            self,
            f"{operation.id}ScheduleRole",
            description=f"Invokes {operation.function_name} on its schedule",
            # The confused deputy: EventBridge Scheduler may take the role for this group's schedules only.
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": self.account, "aws:SourceArn": self.group.attr_arn},
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
        scheduler.CfnSchedule(
            self,
            f"{operation.id}Schedule",
            name=operation.function_name,
            description=operation.purpose,
            group_name=self.group.ref,
            schedule_expression=schedule_expression(self.settings.every_minutes),
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function.function_arn,
                role_arn=role.role_arn,
                input="{}",
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=DELIVERY_RETRIES,
                    maximum_event_age_in_seconds=self.interval().to_seconds(),
                ),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=self.failures.queue_arn),
            ),
        )

    def interval(self) -> cdk.Duration:
        return cdk.Duration.minutes(self.settings.every_minutes)

    def timeout(self) -> cdk.Duration:
        seconds = (SHORTEST_TIMEOUT.to_seconds(), self.interval().to_seconds(), LONGEST_TIMEOUT.to_seconds())
        return cdk.Duration.seconds(sorted(seconds)[1])


def schedule_expression(every_minutes: int) -> str:
    """Full minutes of the clock, so that a run falls on a window's edge; a rate would begin when the stack was deployed."""
    return "cron(0 * * * ? *)" if every_minutes == 60 else f"cron(0/{every_minutes} * * * ? *)"


def environment(settings: Settings) -> dict[str, str]:
    variables = {
        "OFFICE_HOURS_SETTINGS": settings.as_json(),
        "POWERTOOLS_SERVICE_NAME": SERVICE,
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


def accept(construct: Construct, rule: str, reason: str) -> None:
    """Acknowledge a finding of cdk-nag, for the reason given."""
    cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=rule, reason=reason))
