"""The stack: four functions, the schedules that invoke three of them, the alarms, the notices and the dashboard."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IConstruct

from alarms import Alarms, Topic
from dashboard import Dashboard
from member import LOOKING, READER, Centre, code_in_bucket
from notices import Notices
from permissions import (
    act_on_tagged,
    allow,
    cluster_arns,
    look,
    look_at_members,
    look_up_who,
    policy,
    read_all,
)
from settings import CONTEXT_KEY, NAME, STACK, Organization, SettingsError, StackSettings, function_name

# Lambda's limit for all names and values of a function's environment together, in bytes, less room for ARNs that are
# only known once deployed.
ENVIRONMENT_LIMIT = 4096 - 296
# Memory buys CPU, and a run is mostly parsing RDS's answers: about 65 ms of a full CPU for 100 clusters.
MEMORY_MB = 512
# People wait for the status, and the report parses two weeks of events and AWS's price list.
TELLING_MEMORY_MB = 1024
# A run ends by the time the next one is due, which does what is left. Still, two can overlap: Lambda retries a failed
# one, and people invoke the functions too. That does no harm, so no concurrency is reserved: the account's other
# functions would lose it.
LONGEST_RUN = cdk.Duration.minutes(5)
LONGEST_STATUS = cdk.Duration.minutes(1)
# The schedules invoke this alias of a function; people invoke the function itself. So alarms and retries, which are for
# scheduled runs only, are set on the alias.
ALIAS = "scheduled"
# The next run catches up on what one has missed, so each is retried only a little, and only until then.
DELIVERY_RETRIES = 2
INVOCATION_RETRIES = 1
# The times of an event by hand count from when it was sent ("until": "20:00"). So Lambda tries it once, and drops it if
# it can't begin within a minute, the shortest that Lambda accepts.
BY_HAND = cdk.Duration.minutes(1)
# The next report is a day away, but none is worth retrying all night.
REPORT_TRIED_FOR = cdk.Duration.hours(1)


@dataclass(frozen=True, kw_only=True)
class Function:
    """What sets one function apart from the others.

    name: its handler's.
    purpose: what it does, for people.
    statements: what it may do, besides writing its log.
    variables: its environment, besides the settings.
    event: what its schedule sends.
    schedule: when it is invoked; None for a function that only people and the dashboard invoke.
    tried_for: how long to keep trying a scheduled invocation.
    retries: how often to retry one that failed.
    """

    name: str
    purpose: str
    statements: list[iam.PolicyStatement]
    memory: int
    timeout: cdk.Duration
    variables: Mapping[str, str] = field(default_factory=dict)
    event: Mapping[str, object] = field(default_factory=dict)
    schedule: scheduler.ScheduleExpression | None = None
    tried_for: cdk.Duration | None = None
    retries: int = INVOCATION_RETRIES

    @property
    def construct_id(self) -> str:
        return self.name.capitalize()

    @property
    def function_name(self) -> str:
        return function_name(self.name)


class OfficeHoursStack(cdk.Stack):
    """Everything that Aurora Office Hours needs in an account. Removing it leaves nothing of its own behind.

    package: the folder that is deployed to Lambda.
    plain: whether the template can be deployed without the CDK, from a bucket that has the package. With an
        organization in the settings, a plain template is a member's; any other is the centre's.
    """

    def __init__(self, scope: Construct, *, settings: StackSettings, package: Path, plain: bool = False) -> None:
        super().__init__(
            scope,
            STACK,
            description="Aurora Office Hours: stops and starts tagged Amazon Aurora clusters on office hours",
            synthesizer=cdk.BootstraplessSynthesizer() if plain else None,
        )
        self.settings = settings = settings.of_a_member() if plain else settings
        self.code = code_in_bucket(self, package) if plain else lambda_.Code.from_asset(str(package))
        self.members = None if plain else settings.organization
        self.centre: Centre | None = None
        if settings.organization and plain:
            self.centre = Centre(self, statements=read_all(settings), tell=not settings.alarms)
            accept(self.centre.reader, "IAM5[Resource::*]", "Listing covers all resources, and changes nothing.")
        self.failures = sqs.Queue(
            self,
            "Failures",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        accept(self.failures, "SQS3", "This is the dead-letter queue.")
        self.topic = Topic(self, "Topic", email=settings.notify_email, organization=self.members)
        # Nobody watches the queue of a member without alarms, so each failure goes to the centre.
        self.tells = self.centre is not None and not settings.alarms
        self.group = scheduler.ScheduleGroup(
            self, "Schedules", schedule_group_name=NAME, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        self.scheduled: dict[str, lambda_.Alias] = {}
        may_also, variables = [allow("LookUpConnections", ["cloudwatch:GetMetricData"])], dict[str, str]()
        notices = Notices(self, "Notices", email=settings.notify_email) if settings.notice_minutes else None
        if notices:
            may_also.append(allow("SendNotices", ["sns:Publish"], notices.topic.topic_arn))
            variables["OFFICE_HOURS_NOTICES"] = notices.topic.topic_arn
        purpose = "Stops tagged Aurora clusters outside their office hours"
        stop = self.add_acting("stop", purpose, may_also, variables)
        start = self.add_acting("start", "Starts tagged Aurora clusters for their office hours")
        if notices and settings.slack_channel:
            notices.show_in_slack(settings, start=start)
        acting = {"stop": stop, "start": start}
        functions = {**acting, "status": self.add_status(acting), "report": self.add_report()}
        alarms: Sequence[cloudwatch.IAlarm] = ()
        if settings.alarms:
            topic = self.centre.topic if self.centre else self.topic
            watched = Alarms(self, topic, self.scheduled, self.failures, settings)
            alarms = watched.all
        if settings.dashboard:
            Dashboard(self, "Dashboard", functions=functions, alarms=alarms)
        self.add_outputs()

    def add_acting(
        self,
        name: str,
        purpose: str,
        may_also: Sequence[iam.PolicyStatement] = (),
        variables: Mapping[str, str] | None = None,
    ) -> lambda_.Function:
        """The function that stops or starts clusters: it may call this one RDS action, and write the hold."""
        interval = cdk.Duration.minutes(self.settings.every_minutes)
        function = Function(
            name=name,
            purpose=purpose,
            statements=[
                *look(self.settings),
                *look_up_who(self.settings),
                *act_on_tagged(self, self.settings, f"rds:{name.capitalize()}DBCluster"),
                *may_also,
            ],
            memory=MEMORY_MB,
            timeout=min(interval, LONGEST_RUN, key=cdk.Duration.to_seconds),
            variables=variables or {},
            schedule=full_minutes(self.settings.every_minutes),
            tried_for=interval,
        )
        made = self.add_function(function)
        for arn in cluster_arns(self.settings, "<AWS::Partition>", "<AWS::Region>", "<AWS::AccountId>"):
            role = self.node.find_child(f"{function.construct_id}Role")
            accept(role, f"IAM5[Resource::{arn}]", "Any cluster may get the tag, and a condition requires it.")
        return made

    def add_status(self, acting: Mapping[str, lambda_.Function]) -> lambda_.Function:
        """The function that shows all clusters, with buttons that invoke the acting functions."""
        return self.add_function(
            Function(
                name="status",
                purpose="Shows tagged Aurora clusters, what they should be, and why",
                statements=[*look(self.settings, "rds:DescribeDBInstances"), *look_up_who(self.settings)],
                memory=TELLING_MEMORY_MB,
                timeout=LONGEST_STATUS,
                variables={
                    "OFFICE_HOURS_ACTIONS": json.dumps({word: each.function_arn for word, each in acting.items()})
                },
            )
        )

    def add_report(self) -> lambda_.Function:
        """The function that reports what was saved."""
        return self.add_function(
            Function(
                name="report",
                purpose="Reports the hours that tagged Aurora clusters ran and were stopped, and what that saved",
                statements=[
                    *look(self.settings, "rds:DescribeDBInstances"),
                    allow("ReadConnections", ["cloudwatch:GetMetricData"]),
                    allow("ReadPrices", ["pricing:GetProducts"]),
                    allow("SendReport", ["sns:Publish"], self.topic.topic_arn),
                ],
                memory=TELLING_MEMORY_MB,
                timeout=LONGEST_RUN,
                variables={"OFFICE_HOURS_TOPIC": self.topic.topic_arn, "OFFICE_HOURS_REPORT": self.settings.report},
                event={"send": True},
                schedule=scheduler.ScheduleExpression.cron(hour="6", minute="0", time_zone=cdk.TimeZone.ETC_UTC),
                tried_for=REPORT_TRIED_FOR,
                # A retry would send the same report twice.
                retries=0,
            )
        )

    def reads_members(self, function: Function) -> Organization | None:
        """The organization whose members this function reads, if it does."""
        return self.members if function.name in LOOKING else None

    def add_function(self, function: Function) -> lambda_.Function:
        log_group = logs.LogGroup(
            self,
            f"{function.construct_id}Log",
            log_group_name=f"/aws/lambda/{function.function_name}",
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        # The CDK has a name for each number of days; CloudFormation takes the number.
        resource = log_group.node.default_child
        assert isinstance(resource, logs.CfnLogGroup)  # noqa: S101  for the type checker
        resource.retention_in_days = self.settings.log_retention_days
        variables = {**environment(self.settings), **function.variables}
        if organization := self.reads_members(function):
            variables["OFFICE_HOURS_ORGANIZATION"] = json.dumps({"units": organization.units})
        # CloudWatch bills metrics, and nobody looks at these. Powertools reads this variable.
        if self.centre and not (self.settings.alarms or self.settings.dashboard):
            variables["POWERTOOLS_METRICS_DISABLED"] = "true"
        made = lambda_.Function(
            self,
            function.construct_id,
            function_name=function.function_name,
            description=function.purpose,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"office_hours.handlers.{function.name}",
            code=self.code,
            role=self.add_role(function, log_group),
            log_group=log_group,
            memory_size=function.memory,
            timeout=function.timeout,
            environment=variables,
        )
        if function.schedule:
            made.configure_async_invoke(retry_attempts=0, max_event_age=BY_HAND)
            to_queue, to_centre = destinations.SqsDestination(self.failures), destinations.EventBridgeDestination()
            self.scheduled[function.name] = lambda_.Alias(
                self,
                f"{function.construct_id}Scheduled",
                alias_name=ALIAS,
                description="What the schedule invokes",
                version=made.latest_version,
                retry_attempts=function.retries,
                max_event_age=function.tried_for,
                on_failure=to_centre if self.tells else to_queue,
            )
            self.add_schedule(function, function.schedule)
        return made

    def add_role(self, function: Function, log_group: logs.LogGroup) -> iam.IRole:
        organization = self.reads_members(function)
        statements = [
            *function.statements,
            *(look_at_members(self.partition, READER) if organization else ()),
            allow("WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], log_group.log_group_arn),
        ]
        if function.schedule and self.tells:
            bus = f"arn:{self.partition}:events:{self.region}:{self.account}:event-bus/default"
            statements.append(allow("TellFailures", ["events:PutEvents"], bus))
        elif function.schedule:
            statements.append(allow("HandOverFailures", ["sqs:SendMessage"], self.failures.queue_arn))
        role = iam.Role(
            self,
            f"{function.construct_id}Role",
            role_name=function.function_name if organization else None,
            description=function.purpose,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies=policy(function.name, *statements),
        )
        accept(role, "IAM5[Resource::*]", "Listing covers all resources, and changes nothing.")
        if organization:
            reader = f"arn:<AWS::Partition>:iam::*:role/{READER}"
            accept(role, f"IAM5[Resource::{reader}]", "Accounts come and go; each has this role, which only reads.")
        # The list above is complete: no construct may add to it.
        return role.without_policy_updates()

    def add_schedule(self, function: Function, schedule: scheduler.ScheduleExpression) -> None:
        alias = self.scheduled[function.name]
        # EventBridge Scheduler may use this role only for schedules in our group.
        ours = {"aws:SourceAccount": self.account, "aws:SourceArn": self.group.schedule_group_arn}
        role = iam.Role(
            self,
            f"{function.construct_id}ScheduleRole",
            description=f"Invokes {function.function_name} on its schedule",
            assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions={"StringEquals": ours}),
            inline_policies=policy(
                "invoke",
                allow(None, ["lambda:InvokeFunction"], alias.function_arn),
                allow(None, ["sqs:SendMessage"], self.failures.queue_arn),
            ),
        )
        scheduler.Schedule(
            self,
            f"{function.construct_id}Schedule",
            schedule_name=function.function_name,
            description=function.purpose,
            schedule_group=self.group,
            schedule=schedule,
            target=targets.LambdaInvoke(
                alias,
                role=role.without_policy_updates(),
                input=scheduler.ScheduleTargetInput.from_object(dict(function.event)),
                retry_attempts=DELIVERY_RETRIES,
                max_event_age=function.tried_for,
                dead_letter_queue=self.failures,
            ),
        )

    def add_outputs(self) -> None:
        for name in ("stop", "start"):
            cdk.CfnOutput(
                self,
                f"{name.capitalize()}DryRun",
                description=f"Shows what the {name} function would do now",
                # A payload from a file means the same to versions 1 and 2 of the AWS CLI.
                value=f"""echo '{{"dry_run": true}}' | aws lambda invoke --function-name {function_name(name)} """
                "--payload fileb:///dev/stdin /dev/stdout",
            )
        kept = "Keeps scheduled runs that couldn't be delivered, or failed for good, for 14 days"
        cdk.CfnOutput(self, "FailuresQueue", description=kept, value=self.failures.queue_url)
        told = "Alarms and reports go here: others besides notifyEmail can subscribe"
        cdk.CfnOutput(self, "NotificationTopic", description=told, value=self.topic.topic_arn)


def full_minutes(every: int) -> scheduler.ScheduleExpression:
    """Full minutes of the clock, where windows have their edges; a rate would count from the deployment."""
    minute = {1: "*", 60: "0"}.get(every, f"0/{every}")
    return scheduler.ScheduleExpression.cron(minute=minute, time_zone=cdk.TimeZone.ETC_UTC)


def environment(settings: StackSettings) -> dict[str, str]:
    """What all functions have. Raises SettingsError if it is more than Lambda accepts."""
    variables = {
        "OFFICE_HOURS_SETTINGS": settings.as_json(),
        "POWERTOOLS_SERVICE_NAME": NAME,
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }
    size = sum(len(name) + len(value) for name, value in variables.items())
    if size > ENVIRONMENT_LIMIT:
        raise SettingsError(
            f"{CONTEXT_KEY}.schedules and {CONTEXT_KEY}.calendars are too long together: with them, the functions' "
            f"environment has {size} bytes, and Lambda accepts {ENVIRONMENT_LIMIT}. Write consecutive days as a range "
            "(2026-12-24:2027-01-01), or put long schedules into the clusters' own tags."
        )
    return variables


def accept(construct: IConstruct, finding: str, reason: str) -> None:
    """Acknowledge a finding of cdk-nag, with a reason."""
    cdk.Validations.of(construct).acknowledge(
        cdk.Acknowledgment(id=f"AwsSolutions::AwsSolutions-{finding}", reason=reason)
    )
