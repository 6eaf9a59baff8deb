"""The functions' own metrics, which the alarms and the dashboard read.

CloudWatch bills each by the hours in which it is sent, so there are few, and none per cluster.
"""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from settings import NAME

NAMESPACE = "AuroraOfficeHours"


def ours(name: str, statistic: str, period: cdk.Duration | None = None) -> cloudwatch.Metric:
    """One of the functions' own metrics, as Powertools writes it into their logs."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"service": NAME},
        statistic=statistic,
        period=period,
    )
