"""What `make deploy-organization` does before and after it deploys.

Before, it looks up which organization this is, and prints the stacks' parameters. Afterwards, it names the accounts
that don't have what was deployed: one that fails doesn't hold up the others, so CloudFormation calls it a success.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from prepare_account import context_of, sign_in
from settings import CONTEXT_KEY, ORGANIZATION_STACK, STACK, SettingsError, StackSettings

if TYPE_CHECKING:
    import boto3

NO_UNITS = f"""Which accounts? Name their units in cdk.json, under {CONTEXT_KEY}:
  "organization": {{"units": ["ou-ab12-34cd56ef"]}}"""
NO_ACCESS = """CloudFormation may not deploy to the organization yet. Allow it, once, in the management account:
  aws cloudformation activate-organizations-access"""
NO_ADMINISTRATOR = """Run this in the management account, or in one that it has made an administrator of StackSets:
  aws organizations register-delegated-administrator --account-id 123456789012 \\
    --service-principal member.org.stacksets.cloudformation.amazonaws.com"""
OWN_STACK = f"""What already exists there is most likely from `make deploy`, which uses the same names. In that account,
remove the stack {STACK} with `make destroy`; tags and holds stay. Then run `make deploy-organization` again."""


def main(verb: str, arguments: list[str]) -> None:
    """Print what to deploy with (`prepare`) or the outcome (`report`), in the account that the CDK uses."""
    try:
        settings = StackSettings.from_context(context_of(arguments))
        if not settings.organization:
            sys.exit(NO_UNITS)  # the CDK would deploy only the centre
        session, account = sign_in(arguments)
        units = settings.organization.units
        print(prepare(session, account, units) if verb == "prepare" else report(session, account))
    except (SettingsError, BotoCoreError) as error:
        sys.exit(str(error))
    except ClientError as error:
        sys.exit(f"{error}\n{NO_ADMINISTRATOR}")


def prepare(session: "boto3.Session", account: str, units: Sequence[str]) -> str:
    """The parameters for the CDK's command line. Exits if the organization isn't prepared, or lacks a unit."""
    organization, call_as = organization_of(session, account)
    access = session.client("cloudformation").describe_organizations_access(CallAs=call_as)["Status"]
    if access != "ENABLED":
        sys.exit(NO_ACCESS)
    organizations = session.client("organizations")
    for unit in units:
        try:
            organizations.list_accounts_for_parent(ParentId=unit)  # as the centre's functions will
        except organizations.exceptions.ParentNotFoundException:
            sys.exit(f"The organization {organization} has no unit {unit}, which {CONTEXT_KEY}.organization names.")
    values = {
        f"{STACK}:OrganizationId": organization,
        f"{ORGANIZATION_STACK}:OrganizationId": organization,
        f"{ORGANIZATION_STACK}:CallAs": call_as,
    }
    return " ".join(f"--parameters {key}={value}" for key, value in values.items())


def report(session: "boto3.Session", account: str) -> str:
    """How many accounts have it. Exits if any doesn't, and says why."""
    _, call_as = organization_of(session, account)
    pages = session.client("cloudformation").get_paginator("list_stack_instances")
    pages_of_ours = pages.paginate(StackSetName=STACK, CallAs=call_as)
    text = told([each for page in pages_of_ours for each in page["Summaries"]])
    if "\n" in text:
        sys.exit(text)
    return text


def organization_of(session: "boto3.Session", account: str) -> tuple[str, str]:
    """The organization's id, and what to call CloudFormation as: the management account, or its delegate."""
    organization = session.client("organizations").describe_organization()["Organization"]
    return organization["Id"], "SELF" if organization["MasterAccountId"] == account else "DELEGATED_ADMIN"


def told(instances: Sequence[Mapping[str, Any]]) -> str:
    """How many of these are up to date; for each of the others a line, and what to do, if that is known."""
    behind = [each for each in instances if each["Status"] != "CURRENT"]
    lines = [f"{len(instances) - len(behind)} of {len(instances)} accounts have it."]
    lines += [f"  {each['Account']}: {each.get('StatusReason', each['Status'])}" for each in behind]
    if any("already exists" in each.get("StatusReason", "") for each in behind):
        lines.append(OWN_STACK)
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
