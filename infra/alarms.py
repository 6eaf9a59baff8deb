"""The alarms, and the topic that they notify. There are few, and each calls for action.

Each watches one metric and sends a message when it is raised and when it clears. Lambda's metrics are those of the
alias that the schedules invoke, so a person's mistake raises no alarm.

CloudWatch bills an alarm by the metrics it reads; the first ten are free. The two functions that only report have no
alarm: a failed report is in the failures queue, and whoever opens the dashboard sees the status function fail.
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

from settings import NAME, Organization, StackSettings, function_name

# Where to see which cluster is affected, and why.
_WHERE = f"the CloudWatch dashboard {NAME} and the function {function_name('status')} show it first"
# A refusal may pass, and the next run tries again.
_REFUSED_RUNS = 3


class Topic(sns.Topic):
    """The topic for alarms and reports. Enforces TLS.

    It has no key: CloudWatch could only use a customer managed one, a dollar a month for messages without secrets.

    email: who gets them, after confirming the subscription; empty for nobody.
    organization: its members may publish as well.
    """

    def __init__(self, scope: Construct, id_: str, *, email: str, organization: Organization | None = None) -> None:
        super().__init__(scope, id_, topic_name=NAME, display_name="Aurora Office Hours", enforce_ssl=True)
        stack = cdk.Stack.of(self)
        # Enforcing TLS adds a policy, which replaces the default one that lets the whole account publish.
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
        """Let members publish their failures or, if they have alarms, those.

        A role publishes failures, and carries the organization's id; for an alarm, that is in another condition key.
        https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
        https://github.com/aws-samples/amazon-cloudwatch-auto-alarms (CloudWatchAutoAlarms-SNS.yaml)
        """
        stack = cdk.Stack.of(self)
        # The default matches no organization: `make deploy-organization` gives the id.
        its_id = cdk.CfnParameter(
            stack, "OrganizationId", default="none", description="The organization's id: o-..."
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

    topic: what they notify.
    scheduled: the aliases that the schedules invoke, by the function's own word.
    failures: the failures queue.
    """

    def __init__(
        self,
        stack: cdk.Stack,
        topic: sns.ITopic,
        scheduled: Mapping[str, lambda_.IAlias],
        failures: sqs.IQueue,
        settings: StackSettings,
    ) -> None:
        super().__init__(stack, "Alarms")
        self.all: list[cloudwatch.Alarm] = []
        self.action = actions.SnsAction(topic)
        every = settings.every_minutes
        interval = cdk.Duration.minutes(every)
        # Long enough to contain a run even if EventBridge is a minute late: a lasting problem sends one message.
        period = cdk.Duration.minutes(max(10, 2 * every))
        # Before CloudWatch counts missing data as breaching, it looks further back, over a number of periods that it
        # doesn't promise: the shorter the periods, the sooner the alarm.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
        silent = max(2, ceil(10 / every))
        for word, done in (("stop", "stopped"), ("start", "started")):
            name = function_name(word)
            self.add(
                f"{word}-errors",
                f"A scheduled run of the {word} function failed: it couldn't handle every cluster or Region. What to "
                f"do: look for ERROR in the log group /aws/lambda/{name}; error_message has AWS's own words. The next "
                "run tries again.",
                scheduled[word].metric_errors(statistic="Sum", period=period),
                missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            self.add(
                f"{word}-not-invoked",
                f"The schedule of the {word} function hasn't invoked it for {silent * every} minutes or more: no "
                f"cluster is {done} on schedule. What to do: in EventBridge Scheduler, check that the schedule {name} "
                f"in the group {NAME} is enabled; in Lambda, check whether {name} is throttled because the account's "
                "concurrency is used up. Deploying again (make deploy) restores what was changed or deleted.",
                scheduled[word].metric_invocations(statistic="Sum", period=interval),
                periods=silent,
                threshold=1,
                comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
                missing=cloudwatch.TreatMissingData.BREACHING,
            )
        self.add(
            "failures-queue",
            "A scheduled run couldn't be delivered, or failed for good, and is in the failures queue. What to do: read "
            "the messages in the SQS console (the stack's output FailuresQueue names the queue): each has the "
            "function and the reason. Later runs of stop and start catch up where they can; if a report is missing, "
            f"invoke {function_name('report')}. Then purge the queue, or this alarm can't be raised again.",
            failures.metric_approximate_number_of_messages_visible(statistic="Maximum", period=cdk.Duration.minutes(5)),
            # SQS sends no metrics for a queue that hasn't been used for hours.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.add(
            "invalid-tags",
            f'A cluster\'s tag "{settings.tag_key}" or its hold cannot be read, so the cluster is left alone. What to '
            f"do: {_WHERE}, with the word at fault and what may have been meant. Correct the tag: the next run reads "
            "it.",
            ours("InvalidTags", "Maximum", period),
        )
        self.add(
            "overdue-clusters",
            "A cluster is not in the state that its schedule or hold says, and not on its way there, long after a run "
            f"should have changed it. What to do: {_WHERE}, with the reason. If RDS refused, its own words are in the "
            f"log groups /aws/lambda/{NAME}-stop and -start.",
            # Overdue in every run of the period: what the next run fixes isn't worth a message.
            ours("OverdueClusters", "Minimum", period),
        )
        self.add(
            "refused",
            f"RDS has refused to stop or start a cluster in {_REFUSED_RUNS} runs in a row, so this won't pass by "
            f"itself. What to do: look for RDS refused in the log groups /aws/lambda/{NAME}-stop and -start: "
            "error_message has RDS's own words. Remove the cause (a cluster in a blue/green deployment, for example, "
            "can't be stopped) or the cluster's tag.",
            # Both functions send it: a run without refusals must not hide those of the other function.
            ours("Refused", "Maximum", interval),
            periods=_REFUSED_RUNS,
        )

    def add(  # noqa: PLR0913  what sets one alarm apart from another
        self,
        name: str,
        description: str,
        metric: cloudwatch.IMetric,
        *,
        # Without a run, nothing has changed.
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.IGNORE,
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


def ours(name: str, statistic: str, period: cdk.Duration | None = None) -> cloudwatch.Metric:
    """One of the functions' own metrics, as Powertools writes it into their logs.

    CloudWatch bills each by the hours in which it is sent, so there are few, and none per cluster.
    """
    return cloudwatch.Metric(
        namespace="AuroraOfficeHours",
        metric_name=name,
        dimensions_map={"service": NAME},
        statistic=statistic,
        period=period,
    )
