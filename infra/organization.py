"""The organization's stack: a bucket with the package, and the StackSet that gives each account its own stack.

The StackSet is CloudFormation's plain resource. `cdk-stacksets` (0.0.157, experimental) would add the bucket and the
upload, which take a few lines here, but as a second library that has to follow each release of the CDK. Its stack is
also a different class, and a member's should be the very stack that `make deploy` makes.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_s3_deployment as deployment
from cdk_nag import AwsSolutionsChecks
from constructs import Construct

from settings import ORGANIZATION_STACK, STACK, Organization, StackSettings
from stack import OfficeHoursStack, accept

# Deploy to this share of the accounts at a time, so that a bad version is noticed before all have it.
_PERCENT_AT_A_TIME = 25


def member_template(settings: StackSettings, package: Path, context: Mapping[str, object]) -> str:
    """A member's template: plain JSON, the same for everybody, whatever they deploy it with."""
    # Leave out what the CDK's command line adds for stacks that it deploys itself.
    ours = {key: value for key, value in context.items() if not key.startswith("aws:cdk:")}
    with tempfile.TemporaryDirectory() as folder:
        app = cdk.App(context=ours, outdir=folder, auto_synth=False)
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks())
        OfficeHoursStack(app, settings=settings, package=package, plain=True)
        return json.dumps(app.synth().get_stack_by_name(STACK).template, indent=1)


class OrganizationStack(cdk.Stack):
    """What the management account, or a delegated administrator's, has for the members.

    centre: this account's own stack.
    package: the folder that is deployed to Lambda.
    template: the file with the members' template.
    """

    def __init__(
        self, scope: Construct, *, centre: OfficeHoursStack, organization: Organization, package: Path, template: Path
    ) -> None:
        super().__init__(
            scope,
            ORGANIZATION_STACK,
            description="Aurora Office Hours: deploys it to the organization's accounts",
        )
        # It has the topic to which members publish.
        self.add_stack_dependency(centre)
        its_id = cdk.CfnParameter(self, "OrganizationId", description="The organization's id: o-...")
        bucket = self.add_bucket(its_id.value_as_string)
        packages = self.add_package(bucket, package)
        call_as = cdk.CfnParameter(
            self,
            "CallAs",
            description="DELEGATED_ADMIN if this is not the management account",
            allowed_values=["SELF", "DELEGATED_ADMIN"],
            default="SELF",
        )
        parameters = [
            cdk.CfnStackSet.ParameterProperty(parameter_key=key, parameter_value=value)
            for key, value in (
                ("PackageBucket", bucket.bucket_name),
                ("CentralAccount", self.account),
                ("OrganizationId", its_id.value_as_string),
            )
        ]
        # Not to this account, which has the centre. (AWS never deploys to the management account.)
        targets = cdk.CfnStackSet.DeploymentTargetsProperty(
            organizational_unit_ids=list(organization.units), account_filter_type="DIFFERENCE", accounts=[self.account]
        )
        members = cdk.CfnStackSet(
            self,
            "Members",
            stack_set_name=STACK,
            description="Aurora Office Hours",
            permission_model="SERVICE_MANAGED",
            call_as=call_as.value_as_string,
            auto_deployment={"enabled": True, "retainStacksOnAccountRemoval": False},
            # The reader role has a fixed name.
            capabilities=["CAPABILITY_NAMED_IAM"],
            managed_execution={"Active": True},
            # An account that fails, for example because it already has its own stack, doesn't hold up the others.
            # `make deploy-organization` says which failed.
            operation_preferences={"failureTolerancePercentage": 100, "maxConcurrentPercentage": _PERCENT_AT_A_TIME},
            parameters=parameters,
            stack_instances_group=[
                cdk.CfnStackSet.StackInstancesProperty(regions=[self.region], deployment_targets=targets)
            ],
            # A template may have 1 MB by URL, but only 51,200 bytes inline.
            template_url=assets.Asset(self, "Template", path=str(template)).http_url,
        )
        # A new version's template needs its package.
        members.node.add_dependency(packages)

    def add_bucket(self, organization_id: str) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Packages",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
            auto_delete_objects=True,
        )
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="ReadPackages",
                principals=[iam.AnyPrincipal()],
                # Lambda reads a package with the permissions of whoever deploys it, in any of the accounts.
                actions=["s3:GetObject"],
                resources=[bucket.arn_for_objects("*")],
                conditions={"StringEquals": {"aws:PrincipalOrgID": organization_id}},
            )
        )
        accept(bucket, "S1", "Its content is not secret, and is named by its hash.")
        return bucket

    def add_package(self, bucket: s3.Bucket, package: Path) -> deployment.BucketDeployment:
        """Put the package into the bucket, named by its hash. Earlier ones stay: members may still run them."""
        made = deployment.BucketDeployment(
            self,
            "Package",
            destination_bucket=bucket,
            sources=[deployment.Source.asset(str(package))],
            extract=False,
            prune=False,
            memory_limit=512,
        )
        copier, resource = made.handler_role.node.scope, bucket.node.default_child
        assert copier and isinstance(resource, cdk.CfnElement)  # noqa: S101, PT018  for the type checker
        policy = "arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        assets_of_the_cdk = "arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-<AWS::AccountId>-<AWS::Region>/*"
        for finding in (
            "L1",
            f"IAM4[Policy::{policy}]",
            *(f"IAM5[Action::s3:{action}*]" for action in ("GetObject", "GetBucket", "List", "DeleteObject", "Abort")),
            *(f"IAM5[Resource::{each}]" for each in (assets_of_the_cdk, f"<{self.get_logical_id(resource)}.Arn>/*")),
        ):
            accept(copier, finding, "The CDK's own function, which copies the package and nothing else.")
        return made
