"""The dashboard: alarms and savings, then every cluster, then the functions' own metrics.

To see it you need `lambda:InvokeFunction` for the status and report functions, and to press a button, for the function
that it calls: CloudWatch calls them with your own permissions, after asking you whether the widget may run.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_security.html
"""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from alarms import ours
from settings import NAME

# CloudWatch's grid has this many columns.
_WIDTH = 24
_CLUSTERS_HEIGHT, _SUGGESTIONS_HEIGHT, _ALARMS_HEIGHT, _GRAPH_HEIGHT = 15, 6, 3, 6
_A_WEEK, _A_DAY = cdk.Duration.days(7), cdk.Duration.days(1)


class Dashboard(cloudwatch.Dashboard):
    """The dashboard.

    functions: all of them, by the last word of their names.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        functions: Mapping[str, lambda_.IFunction],
        alarms: Sequence[cloudwatch.IAlarm],
    ) -> None:
        states = cloudwatch.AlarmStatusWidget(
            title="Alarms", alarms=[*alarms], width=_WIDTH * 3 // 4, height=_ALARMS_HEIGHT
        )
        super().__init__(
            scope,
            id_,
            dashboard_name=NAME,
            default_interval=_A_WEEK,
            widgets=[
                [states, saved(_WIDTH // 4)] if alarms else [saved(_WIDTH)],
                [clusters(functions["status"])],
                [suggestions(functions["report"])],
                [
                    graph("Runs", [each.metric_invocations(label=word) for word, each in functions.items()]),
                    graph(
                        "Longest run",
                        [each.metric_duration(label=word, statistic="Maximum") for word, each in functions.items()],
                    ),
                    graph(
                        "Failures",
                        [
                            ours("Failures", "Sum"),
                            *(each.metric_errors(label=f"{word}: errors") for word, each in functions.items()),
                        ],
                    ),
                ],
                [
                    graph("Clusters stopped and started", [ours("Stopped", "Sum"), ours("Started", "Sum")]),
                    graph(
                        "Clusters that need attention",
                        [ours(name, "Maximum") for name in ("InvalidTags", "OverdueClusters", "Refused")],
                    ),
                    graph("Saved in a day, US dollars", [ours("SavedUSD", "Maximum", _A_DAY)]),
                ],
            ],
        )


def clusters(status: lambda_.IFunction) -> cloudwatch.CustomWidget:
    return cloudwatch.CustomWidget(
        title="Clusters",
        function_arn=status.function_arn,
        width=_WIDTH,
        height=_CLUSTERS_HEIGHT,
        # It always shows the same days, whatever time range the graphs show.
        update_on_time_range_change=False,
    )


def suggestions(report: lambda_.IFunction) -> cloudwatch.CustomWidget:
    return cloudwatch.CustomWidget(
        title="Untagged clusters that could save",
        function_arn=report.function_arn,
        params={"suggest": True},
        width=_WIDTH,
        height=_SUGGESTIONS_HEIGHT,
        # Four weeks of data hardly change in a minute, and each query costs money.
        update_on_refresh=False,
        update_on_resize=False,
        update_on_time_range_change=False,
    )


def saved(width: int) -> cloudwatch.IWidget:
    """The sum of the report's days. The widget shows the latest value, which for a running sum is the total.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """
    total = cloudwatch.MathExpression(
        expression="RUNNING_SUM(day)",
        using_metrics={"day": ours("SavedUSD", "Maximum", _A_DAY)},
        label="US dollars",
        period=_A_DAY,
    )
    return cloudwatch.SingleValueWidget(
        title="Saved in the last 30 days", metrics=[total], start="-P30D", width=width, height=_ALARMS_HEIGHT
    )


def graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=metrics,
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        width=_WIDTH // 3,
        height=_GRAPH_HEIGHT,
    )
