"""The alarms, and the topic that they are sent to: few, each about something that a person has to see to.

CloudWatch bills an alarm by the metrics it reads, here nine, and gives ten away. There are none for the two functions
that only tell: a report that failed is in the failures queue, and who looks at the dashboard sees the status
function fail. None says when all is well again, so that each message asks for something.
"""

from collections.abc import Mapping

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
from settings import NAME, StackSettings, function_name

# Where a person finds what is wrong with which cluster.
_WHERE = (
    f"the CloudWatch dashboard {NAME} shows it first, and so does the answer of the function {function_name('status')}"
)
# Sent every minute by SQS.
_QUEUE_PERIOD = cdk.Duration.minutes(5)


class Topic(sns.Topic):
    """What the alarms and the report are sent to. Enforces TLS.

    It has no key: CloudWatch can use none but a customer's own, which is a dollar a month for messages without secrets.

    email: who gets it, once they have confirmed that they want to; empty for nobody.
    """

    def __init__(self, scope: Construct, id_: str, *, email: str) -> None:
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
        if email:
            self.add_subscription(subscriptions.EmailSubscription(email))


class Alarms(Construct):
    """All alarms.

    functions: those that stop and start, by these words.
    failures: the queue of what was given up on.
    metric_math: whether they can be on expressions; otherwise they are on the metric that is first in one.
    """

    def __init__(  # noqa: PLR0913  what they watch, and where they tell it
        self,
        scope: Construct,
        id_: str,
        *,
        topic: sns.ITopic,
        functions: Mapping[str, lambda_.IFunction],
        failures: sqs.IQueue,
        settings: StackSettings,
        metric_math: bool,
    ) -> None:
        super().__init__(scope, id_)
        self.metric_math = metric_math
        self.all: list[cloudwatch.Alarm] = []
        self.action = actions.SnsAction(topic)
        # Long enough for a run to be in it even if EventBridge is a minute late, as it may be: what lasts is told once.
        self.minutes = max(10, 2 * settings.every_minutes)
        self.period = cdk.Duration.minutes(self.minutes)
        for word, function in functions.items():
            self.add_errors(word, function)
            self.add_not_invoked(word, function)
        self.add_failures(failures)
        self.add_invalid_tags(settings.tag_key)
        self.add_overdue()

    def add_errors(self, word: str, function: lambda_.IFunction) -> None:
        name = function_name(word)
        self.add(
            f"{word}-errors",
            f"The {word} function failed: not all clusters or Regions could be handled. Mistakes in events by hand do "
            f"not count. What to do: look for ERROR in the log group /aws/lambda/{name}; error_message has AWS's own "
            "words. The next run tries again by itself.",
            self.expression(
                "Errors without UserErrors",
                # To Lambda, a person's mistake is an error like any other.
                "FILL(errors, 0) - FILL(mistakes, 0)",
                errors=function.metric_errors(statistic="Sum", period=self.period),
                mistakes=ours("UserErrors", "Sum", self.period, function_name=name),
            ),
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def add_not_invoked(self, word: str, function: lambda_.IFunction) -> None:
        name = function_name(word)
        self.add(
            f"{word}-not-invoked",
            f"The {word} function was not invoked for {self.minutes} minutes: nothing is {_DONE[word]} on schedule. "
            f"What to do: in EventBridge Scheduler, see whether the schedule {name} in the group {NAME} is enabled; in "
            f"Lambda, whether {name} is throttled, since the account's concurrency is used up. A new deployment "
            "(make deploy) restores what was changed or deleted.",
            self.expression(
                "Invocations",
                # Of data that is missing, CloudWatch thinks only after several periods.
                "FILL(invocations, 0)",
                invocations=function.metric_invocations(statistic="Sum", period=self.period),
            ),
            threshold=1,
            comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            # So it is red after the first deployment, until the first run. What it sends then goes to nobody: an
            # address gets nothing before it is confirmed.
            missing=cloudwatch.TreatMissingData.BREACHING,
        )

    def add_failures(self, failures: sqs.IQueue) -> None:
        self.add(
            "failures-queue",
            "The failures queue holds what a schedule could not deliver, or what a function failed at for good. What "
            "to do: read its messages in the SQS console (the stack's output FailuresQueue names it): each has the "
            "function and the reason. Later runs of stop and start make good what can be; a report is to be had by "
            f"invoking {function_name('report')}. Then purge the queue, so that this alarm can tell of the next.",
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
            # Without a run nobody knows better.
            missing=cloudwatch.TreatMissingData.IGNORE,
        )

    def add_overdue(self) -> None:
        self.add(
            "overdue-clusters",
            "A cluster is not in the state that its schedule or hold asks for, nor on its way there, long after the "
            f"runs that should have seen to it. What to do: {_WHERE}, with the reason. If RDS refuses, its words are "
            f"in the log groups /aws/lambda/{NAME}-stop and -start.",
            # In each run of the period: one that is seen to by the next is not worth a message.
            ours("OverdueClusters", "Minimum", self.period),
            missing=cloudwatch.TreatMissingData.IGNORE,
        )

    def expression(self, label: str, text: str, **metrics: cloudwatch.IMetric) -> cloudwatch.IMetric:
        if not self.metric_math:
            return next(iter(metrics.values()))
        return cloudwatch.MathExpression(label=label, expression=text, using_metrics=metrics, period=self.period)

    def add(  # noqa: PLR0913  all that tells one alarm from another
        self,
        name: str,
        description: str,
        metric: cloudwatch.IMetric,
        *,
        missing: cloudwatch.TreatMissingData,
        threshold: int = 0,
        comparison: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            "".join(word.capitalize() for word in name.split("-")),
            alarm_name=f"{NAME}-{name}",
            alarm_description=description,
            metric=metric,
            evaluation_periods=1,
            threshold=threshold,
            comparison_operator=comparison,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(self.action)
        self.all.append(alarm)


_DONE = {"stop": "stopped", "start": "started"}
