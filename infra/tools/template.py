"""`make template BUCKET=...`: the stack for companies where nobody may use the CDK, or bootstrap an account for it.

Puts the package into the bucket, and writes the template that members get. CloudFormation's own command line deploys
it, and so do Terraform's aws_cloudformation_stack and a Service Catalog product.
"""

import json
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

import asset
from member import package_key
from organization import member_template
from prepare_account import context_of, sign_in
from rollout import organization_of
from settings import STACK, SettingsError, StackSettings

if TYPE_CHECKING:
    import boto3

TARGET = asset.PROJECT / "build" / "aurora-office-hours.template.json"


def main(bucket: str, arguments: list[str]) -> None:
    if not bucket:
        sys.exit("Which bucket? make template BUCKET=<one that everyone who deploys the template may read>")
    try:
        context = context_of(arguments)
        settings = StackSettings.from_context(context)
        session, account = sign_in(arguments)
        with tempfile.TemporaryDirectory() as folder:
            package = asset.build(Path(folder))
            template = json.loads(member_template(settings, package, context))
            fill_in(template["Parameters"], session, account, bucket)
            upload(session, package, bucket)
    except (SettingsError, asset.PackageError, BotoCoreError, ClientError) as error:
        sys.exit(str(error))
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(template, indent=1))
    print(f"The package is in s3://{bucket}, the template in {TARGET.relative_to(asset.PROJECT)}.")
    print("Deploy it in the bucket's Region, for example with CloudFormation's command line:")
    print(
        f"  aws cloudformation deploy --stack-name {STACK} --template-file {TARGET.relative_to(asset.PROJECT)} "
        f"--s3-bucket {bucket} --capabilities CAPABILITY_NAMED_IAM"
    )
    if missing := [name for name, each in template["Parameters"].items() if "Default" not in each]:
        print(f"It needs these parameters: {', '.join(missing)}")


def fill_in(parameters: dict[str, Any], session: "boto3.Session", account: str, bucket: str) -> None:
    """Give the parameters defaults, so that none are needed if this account is the centre."""
    parameters["PackageBucket"]["Default"] = bucket
    if "CentralAccount" in parameters:
        parameters["CentralAccount"]["Default"] = account
        with suppress(ClientError):  # not allowed to ask
            parameters["OrganizationId"]["Default"], _ = organization_of(session, account)


def upload(session: "boto3.Session", package: Path, bucket: str) -> None:
    """Put the package into the bucket. Exits if that fails, and says why."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(shutil.make_archive(f"{folder}/package", "zip", package))
        try:
            session.client("s3").put_object(Bucket=bucket, Key=package_key(package), Body=archive.read_bytes())
        except (BotoCoreError, ClientError) as error:
            sys.exit(f"The package can't be put into the bucket {bucket}: {error}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
