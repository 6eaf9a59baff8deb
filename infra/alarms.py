"""The alarms, and the topic that they are sent to: few, each about something that a person has to do.

Each reads one metric and tells when it is raised and when it is over. Of Lambda's metrics they read those of the alias
that the schedules invoke, so that a person's mistake raises none.

CloudWatch bills an alarm by the metrics it reads and gives ten away. There are none for the two functions that only
tell: a report that failed is in the failures queue, and who looks at the dashboard sees the status function fail.
"""

from collections.abc import Mapping
from math import ceil

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from metrics import ours
from settings import NAME, Organization, StackSettings, function_name

# Where a person finds what is wrong with which cluster.
_STATUS = function_name("status")
_WHERE = f"the CloudWatch dashboard {NAME} shows it first, and so does the answer of the function {_STATUS}"
# RDS refuses for passing reasons too, and the next run tries again.
_REFUSED_RUNS = 3
# Sent every minute by SQS.
_QUEUE_PERIOD = cdk.Duration.minutes(5)


class Topic(sns.Topic):
    """What the alarms and the report are sent to. Enforces TLS.

    It has no key: CloudWatch can use none but a customer's own, which is a dollar a month for messages without secrets.

    email: who gets it, once they have confirmed that they want to; empty for nobody.
    organization: whose members publish to it as well.
    """

    def __init__(self, scope: Construct, id_: str, *, email: str, organization: Organization | None = None) -> None:
        super().__init__(scope, id_, topic_name=NAME, display_name="Aurora Office Hours", enforce_ssl=True)
        stack = cdk.Stack.of(self)
        # A policy of its own, which enforces TLS, takes the place of the one that lets the whole account publish.
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="PublishAlarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {
                        "aws:SourceArn": f"arn:{stack.partition}:cloudwatch:{stack.region}:{stack.account}"
                        f":alarm:{NAME}-*"
                    },
                },
            )
        )
        if organization:
            self.let_members_publish(organization)
        if email:
            self.add_subscription(subscriptions.EmailSubscription(email))

    def let_members_publish(self, organization: Organization) -> None:
        """Let members tell their failures, or their alarms.

        Failures are published by a role, which has the organization's id; an alarm has another key for it.
        https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
        https://github.com/aws-samples/amazon-cloudwatch-auto-alarms (CloudWatchAutoAlarms-SNS.yaml)
        """
        stack = cdk.Stack.of(self)
        # Until `make deploy-organization` says which, it is no organization's.
        its_id = cdk.CfnParameter(
            stack, "OrganizationId", default="none", description="The organization of all accounts: o-..."
        ).value_as_string
        sid, conditions = "PublishFailuresOfMembers", {"StringEquals": {"aws:PrincipalOrgID": its_id}}
        who: iam.IPrincipal = iam.AnyPrincipal()
        if organization.alarms:  # then failures stay in the members' queues
            sid, who = "PublishAlarmsOfMembers", iam.ServicePrincipal("cloudwatch.amazonaws.com")
            alarms = f"arn:{stack.partition}:cloudwatch:{stack.region}:*:alarm:{NAME}-*"
            conditions = {"StringEquals": {"aws:SourceOrgID": its_id}, "ArnLike": {"aws:SourceArn": alarms}}
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid, principals=[who], actions=["sns:Publish"], resources=[self.topic_arn], conditions=conditions
            )
        )


class Alarms(Construct):
    """All alarms.

    scheduled: what the schedules of stop and start invoke, by these words.
    failures: the queue of what was given up on.
    """

    def __init__(  # noqa: PLR0913  what they watch, and where they tell it
        self,
        scope: Construct,
        id_: str,
        *,
        topic: sns.ITopic,
        scheduled: Mapping[str, lambda_.IAlias],
        failures: sqs.IQueue,
        settings: StackSettings,
    ) -> None:
        super().__init__(scope, id_)
        self.all: list[cloudwatch.Alarm] = []
        self.action = actions.SnsAction(topic)
        self.every_minutes = settings.every_minutes
        self.interval = cdk.Duration.minutes(settings.every_minutes)
        # Long enough for a run to be in it even if EventBridge is a minute late, as it may be: what lasts is told once.
        self.period = cdk.Duration.minutes(max(10, 2 * settings.every_minutes))
        for word, alias in scheduled.items():
            self.add_errors(word, alias)
            self.add_not_invoked(word, alias)
        self.add_failures(failures)
        self.add_invalid_tags(settings.tag_key)
        self.add_overdue()
        self.add_refused()

    def add_errors(self, word: str, alias: lambda_.IAlias) -> None:
        self.add(
            f"{word}-errors",
            f"A scheduled run of the {word} function failed: not all clusters or Regions could be handled. What to do: "
            f"look for ERROR in the log group /aws/lambda/{function_name(word)}; error_message has AWS's own words. "
            "The next run tries again by itself.",
            alias.metric_errors(statistic="Sum", period=self.period),
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def add_not_invoked(self, word: str, alias: lambda_.IAlias) -> None:
        name = function_name(word)
        # Where data is missing, CloudWatch looks further back, at a number of periods that it does not promise, before
        # it counts them as breaching: the shorter they are, the sooner it tells.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
        periods = max(2, ceil(10 / self.every_minutes))
        self.add(
            f"{word}-not-invoked",
            f"The schedule of the {word} function did not invoke it for {periods * self.every_minutes} minutes or "
            f"more: nothing is {_DONE[word]} on schedule. What to do: in EventBridge Scheduler, see whether the "
            f"schedule {name} in the group {NAME} is enabled; in Lambda, whether {name} is throttled because the "
            "account's concurrency is used up. A new deployment (make deploy) restores what was changed or deleted.",
            alias.metric_invocations(statistic="Sum", period=self.interval),
            periods=periods,
            threshold=1,
            comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )

    def add_failures(self, failures: sqs.IQueue) -> None:
        self.add(
            "failures-queue",
            "The failures queue holds what a schedule could not deliver, or what a function failed at for good. What "
            "to do: read its messages in the SQS console (the stack's output FailuresQueue names it): each has the "
            "function and the reason. Later runs of stop and start make good what they can; for a report that is "
            f"missing, invoke {function_name('report')}. Then purge the queue, so that this alarm can be raised again.",
            failures.metric_approximate_number_of_messages_visible(statistic="Maximum", period=_QUEUE_PERIOD),
            # SQS sends nothing about a queue that nobody has used for hours.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def add_invalid_tags(self, tag_key: str) -> None:
        self.add(
            "invalid-tags",
            f'A cluster\'s tag "{tag_key}" or its hold cannot be read, and the cluster is left as it is. What to do: '
            f"{_WHERE}, with the word at fault and what may have been meant. Correct the tag: the next run reads it.",
            ours("InvalidTags", "Maximum", self.period),
            # Without a run nothing has changed.
            missing=cloudwatch.TreatMissingData.IGNORE,
        )

    def add_overdue(self) -> None:
        self.add(
            "overdue-clusters",
            "A cluster is not in the state that its schedule or hold says, nor on its way there, long after the runs "
            f"that should have changed it. What to do: {_WHERE}, with the reason. If RDS refuses, its words are in the "
            f"log groups /aws/lambda/{NAME}-stop and -start.",
            # In each run of the period: what the next run mends is not worth a message.
            ours("OverdueClusters", "Minimum", self.period),
            missing=cloudwatch.TreatMissingData.IGNORE,
        )

    def add_refused(self) -> None:
        self.add(
            "refused",
            f"RDS refused to stop or start a cluster in {_REFUSED_RUNS} runs in a row, so it does not pass by itself. "
            f"What to do: in the log groups /aws/lambda/{NAME}-stop and -start look for RDS refused: error_message has "
            "RDS's own words. Remove the cause (a cluster in a blue/green deployment, say, "
            "cannot be stopped), or take the cluster's tag away.",
            # Both functions send it: one that is refused nothing must not hide what the other is.
            ours("Refused", "Maximum", self.interval),
            periods=_REFUSED_RUNS,
            missing=cloudwatch.TreatMissingData.IGNORE,
        )

    def add(  # noqa: PLR0913  all that tells one alarm from another
        self,
        name: str,
        description: str,
        metric: cloudwatch.IMetric,
        *,
        missing: cloudwatch.TreatMissingData,
        periods: int = 1,
        threshold: int = 0,
        comparison: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            "".join(word.capitalize() for word in name.split("-")),
            alarm_name=f"{NAME}-{name}",
            alarm_description=description,
            metric=metric,
            evaluation_periods=periods,
            threshold=threshold,
            comparison_operator=comparison,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(self.action)
        alarm.add_ok_action(self.action)
        self.all.append(alarm)


_DONE = {"stop": "stopped", "start": "started"}
