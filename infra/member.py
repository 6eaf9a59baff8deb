"""What differs in a plain template, which needs neither the CDK's command line nor its bootstrap.

The organization's members get it through a StackSet, other accounts through whatever deploys templates. Everything else
in it is what `make deploy` deploys, from the same class.
"""

from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from permissions import allow, policy
from settings import NAME, function_name

# The role that the central functions assume in a member, to read. It has one name everywhere, so no list is needed.
READER = f"{NAME}-reader"
# The functions that read members. In the centre their roles have fixed names, since members trust them by name.
LOOKING = ("status", "report")


def package_key(package: Path) -> str:
    """The package's name in a bucket: the hash that the CDK gives it, so each package has its own name."""
    return f"{cdk.FileSystem.fingerprint(str(package))}.zip"


def code_in_bucket(stack: cdk.Stack, package: Path) -> lambda_.Code:
    """The package in a bucket that a parameter names. The bucket has to be in the stack's Region."""
    bucket = cdk.CfnParameter(stack, "PackageBucket", description="The bucket with the package, in this Region")
    return lambda_.Code.from_bucket(
        s3.Bucket.from_bucket_name(stack, "Packages", bucket.value_as_string), package_key(package)
    )


class Centre(Construct):
    """The centre as a member sees it: the topic for failures or alarms, and the role that lets the centre read.

    statements: what that role may do.
    tell: whether to publish each failure to the topic, as plain text.
    """

    def __init__(self, stack: cdk.Stack, *, statements: Sequence[iam.PolicyStatement], tell: bool) -> None:
        super().__init__(stack, "Centre")
        account = cdk.CfnParameter(stack, "CentralAccount", description="The central account, which shows all others")
        organization = cdk.CfnParameter(stack, "OrganizationId", description="The organization's id: o-...")
        # Neither EventBridge nor an alarm can publish to a topic in another Region, so the centre is in this one.
        self.topic = sns.Topic.from_topic_arn(
            self, "Topic", f"arn:{stack.partition}:sns:{stack.region}:{account.value_as_string}:{NAME}"
        )
        # By condition: a role named as principal must exist before those that trust it, and they lose it if it is
        # recreated.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
        roles = [f"arn:{stack.partition}:iam::{account.value_as_string}:role/{function_name(word)}" for word in LOOKING]
        central_functions = iam.AccountPrincipal(account.value_as_string).with_conditions(
            {
                "ArnEquals": {"aws:PrincipalArn": roles},
                "StringEquals": {"aws:PrincipalOrgID": organization.value_as_string},
            }
        )
        self.reader = iam.Role(
            self,
            "Reader",
            role_name=READER,
            description="Lets the central status and report functions read this account",
            assumed_by=central_functions,
            inline_policies=policy("look", *statements),
        )
        if tell:
            self.tell_failures(stack)

    def tell_failures(self, stack: cdk.Stack) -> None:
        """Publish what Lambda gives up on to the topic.

        AWS documents no Lambda destination in another account. EventBridge can reach a topic there, as a role, which
        carries the organization's id.
        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-cross-account.html
        """
        role = iam.Role(
            self,
            "TellRole",
            description="Reports scheduled runs that failed for good to the central account",
            # https://docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html
            assumed_by=iam.ServicePrincipal(
                "events.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}
            ),
            inline_policies=policy("tell", allow(None, ["sns:Publish"], self.topic.topic_arn)),
        )
        failed = events.EventField.from_path("$.detail.requestContext.functionArn")
        why = events.EventField.from_path("$.detail.responsePayload.errorMessage")
        # By the functions' names, since the whole account shares the bus.
        ours = {"prefix": f"arn:{stack.partition}:lambda:{stack.region}:{stack.account}:function:{NAME}-"}
        events.Rule(
            self,
            "Failures",
            description="Reports scheduled runs that failed for good to the central account",
            event_pattern=events.EventPattern(source=["lambda"], detail={"requestContext": {"functionArn": [ours]}}),
            targets=[
                targets.SnsTopic(
                    self.topic,
                    role=role.without_policy_updates(),
                    message=events.RuleTargetInput.from_text(
                        f"Aurora Office Hours, account {events.EventField.account}: a scheduled run failed for good. "
                        f"Function: {failed}. Why: {why}. The next run tries again."
                    ),
                )
            ],
        )
