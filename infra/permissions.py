"""What each function may do, statement by statement."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from office_hours.hold import SUFFIX
from settings import EVERY_REGION, StackSettings


def look(settings: StackSettings, *more: str) -> list[iam.PolicyStatement]:
    """Find the clusters and what happened to them; `more` are further actions that change nothing."""
    statements = [allow("FindClusters", ["rds:DescribeDBClusters", "rds:DescribeEvents", *more])]
    if settings.regions == EVERY_REGION:
        statements.append(allow("FindRegions", ["account:ListRegions"]))
    return statements


def look_up_who(settings: StackSettings) -> list[iam.PolicyStatement]:
    """Find out in CloudTrail who started or stopped a cluster. It knows no narrower resource than all."""
    return [allow("LookUpWho", ["cloudtrail:LookupEvents"])] if settings.cloud_trail else []


def look_up_connections() -> list[iam.PolicyStatement]:
    """Find out in CloudWatch who is connected. It knows no narrower resource than all."""
    return [allow("LookUpConnections", ["cloudwatch:GetMetricData"])]


def read_all(settings: StackSettings) -> list[iam.PolicyStatement]:
    """All that the central status and report functions ask of another account."""
    return [
        *look(settings, "rds:DescribeDBInstances"),
        *look_up_who(settings),
        allow("ReadMetrics", ["cloudwatch:GetMetricData"]),
    ]


def look_at_members(partition: str, reader: str) -> list[iam.PolicyStatement]:
    """Find the organization's accounts, with their names, and become the reader in each that has one."""
    return [
        allow(
            "FindAccounts", ["organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"]
        ),
        allow("ReadMembers", ["sts:AssumeRole"], f"arn:{partition}:iam::*:role/{reader}"),
    ]


def act_on_tagged(stack: cdk.Stack, settings: StackSettings, action: str) -> list[iam.PolicyStatement]:
    """Stop or start clusters that have the tag, and hold them so."""
    clusters = cluster_arns(settings, stack.partition, stack.region, stack.account)
    # The key counts in any case here (IAM), which the functions' own reading of the tag is stricter about.
    tagged = {"StringLike": {f"aws:ResourceTag/{settings.tag_key}": "*"}}
    the_hold_alone = {
        "ForAllValues:StringEquals": {"aws:TagKeys": [settings.tag_key + SUFFIX]},
        # "For all" is also true where there are none.
        "Null": {"aws:TagKeys": "false"},
    }
    return [
        allow("ActOnTaggedClusters", [action], *clusters, conditions=tagged),
        allow("HoldTaggedClusters", ["rds:AddTagsToResource"], *clusters, conditions={**tagged, **the_hold_alone}),
    ]


def cluster_arns(settings: StackSettings, partition: str, region: str, account: str) -> list[str]:
    return [f"arn:{partition}:rds:{each}:{account}:cluster:*" for each in settings.regions or (region,)]


def allow(
    sid: str, actions: list[str], *resources: str, conditions: Mapping[str, object] | None = None
) -> iam.PolicyStatement:
    """Allow actions on these resources, or on all where there are no narrower ones."""
    return iam.PolicyStatement(sid=sid, actions=actions, resources=[*resources] or ["*"], conditions=conditions)
