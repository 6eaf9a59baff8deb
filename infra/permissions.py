"""What each function may do, statement by statement."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from office_hours.hold import SUFFIX
from settings import EVERY_REGION, StackSettings


def look(settings: StackSettings, *more: str) -> list[iam.PolicyStatement]:
    """Find the clusters and what happened to them. `more` are further actions, which change nothing."""
    statements = [allow("FindClusters", ["rds:DescribeDBClusters", "rds:DescribeEvents", *more])]
    if settings.regions == EVERY_REGION:
        statements.append(allow("FindRegions", ["account:ListRegions"]))
    return statements


def look_up_who(settings: StackSettings) -> list[iam.PolicyStatement]:
    """Find out from CloudTrail who started or stopped a cluster. It can't be limited to some resources."""
    return [allow("LookUpWho", ["cloudtrail:LookupEvents"])] if settings.cloud_trail else []


def read_all(settings: StackSettings) -> list[iam.PolicyStatement]:
    """What the central status and report functions need in another account."""
    return [
        *look(settings, "rds:DescribeDBInstances"),
        *look_up_who(settings),
        allow("ReadMetrics", ["cloudwatch:GetMetricData"]),
    ]


def look_at_members(partition: str, reader: str) -> list[iam.PolicyStatement]:
    """Find the organization's accounts and their names, and assume the reader role in each that has it."""
    return [
        allow(
            "FindAccounts", ["organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"]
        ),
        allow("ReadMembers", ["sts:AssumeRole"], f"arn:{partition}:iam::*:role/{reader}"),
    ]


def act_on_tagged(stack: cdk.Stack, settings: StackSettings, action: str) -> list[iam.PolicyStatement]:
    """Stop or start clusters that have the tag, and write their hold."""
    clusters = cluster_arns(settings, stack.partition, stack.region, stack.account)
    # IAM ignores the key's case here. The functions don't when they read the tag.
    tagged = {"StringLike": {f"aws:ResourceTag/{settings.tag_key}": "*"}}
    the_hold_alone = {
        "ForAllValues:StringEquals": {"aws:TagKeys": [settings.tag_key + SUFFIX]},
        # "For all" is also true if there are none.
        "Null": {"aws:TagKeys": "false"},
    }
    return [
        allow("ActOnTaggedClusters", [action], *clusters, conditions=tagged),
        allow("HoldTaggedClusters", ["rds:AddTagsToResource"], *clusters, conditions={**tagged, **the_hold_alone}),
    ]


def cluster_arns(settings: StackSettings, partition: str, region: str, account: str) -> list[str]:
    return [f"arn:{partition}:rds:{each}:{account}:cluster:*" for each in settings.regions or (region,)]


def policy(name: str, *statements: iam.PolicyStatement) -> dict[str, iam.PolicyDocument]:
    """A role's only policy."""
    return {name: iam.PolicyDocument(statements=[*statements])}


def allow(
    sid: str | None, actions: list[str], *resources: str, conditions: Mapping[str, object] | None = None
) -> iam.PolicyStatement:
    """Allow actions on these resources; without any, on all."""
    return iam.PolicyStatement(sid=sid, actions=actions, resources=[*resources] or ["*"], conditions=conditions)
