"""Prepares an account and Region for the CDK (`cdk bootstrap`), if nobody has done so yet.

All CDK apps there share the bootstrap, so an existing one is left alone. If the settings are wrong or the credentials
don't work, this says so at once, before anything is made.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    LoginError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from settings import SettingsError, StackSettings, stored_context

PROJECT = Path(__file__).resolve().parents[1]
CDK = PROJECT / "infra" / "node_modules" / ".bin" / "cdk"
# Where `cdk bootstrap` stores its version; the word in the middle is the CDK's default qualifier.
VERSION_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
NO_CREDENTIALS = "No AWS credentials found: sign in (aws sso login), or set AWS_PROFILE."
# GetCallerIdentity needs no permission, so if AWS itself refuses it (ClientError), the credentials are at fault.
UNUSABLE = (
    ClientError,
    CredentialRetrievalError,
    LoginError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)


def main(arguments: list[str]) -> int:
    """Prepare the account and Region that the CDK will deploy to with these arguments. Returns the exit status."""
    try:
        StackSettings.from_context(context_of(arguments))
        chosen = session(arguments)
        if not chosen.region_name:
            sys.exit("No Region is set. Set AWS_REGION, to eu-west-1 for instance.")
        account = chosen.client("sts").get_caller_identity()["Account"]
        if is_prepared(chosen):
            return 0
    except SettingsError as error:
        sys.exit(str(error))
    except NoCredentialsError:
        sys.exit(NO_CREDENTIALS)
    except UNUSABLE as error:
        sys.exit(f"The AWS credentials don't work: {error}")
    except BotoCoreError:
        return 0  # no network, for example: the deployment that follows says what is wrong
    print(f"Account {account} is new to the CDK in {chosen.region_name}: bootstrapping it, once.", flush=True)
    command = [str(CDK), "bootstrap", f"aws://{account}/{chosen.region_name}"]
    # From an empty folder, so that our app isn't run.
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [*command, *(["--profile", named] if (named := profile(arguments)) else [])], cwd=folder, check=False
        ).returncode


def session(arguments: list[str]) -> boto3.Session:
    """A session for the account and Region that the CDK uses with these arguments."""
    # The CDK reads AWS_REGION first; boto3 doesn't read it.
    return boto3.Session(profile_name=profile(arguments), region_name=os.environ.get("AWS_REGION"))


def context_of(arguments: list[str]) -> dict[str, object]:
    """The context that the CDK's command line would pass on: cdk.json's, overridden by -c key=value.

    Raises SettingsError if cdk.json can't be read.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-c", "--context", action="append", default=[])
    given = parser.parse_known_args(arguments)[0].context
    # As the CDK, which warns of others.
    return stored_context() | dict(each.split("=", 1) for each in given if "=" in each)


def profile(arguments: list[str]) -> str | None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--profile")
    chosen: str | None = parser.parse_known_args(arguments)[0].profile
    return chosen


def is_prepared(session: boto3.Session) -> bool:
    ssm = session.client("ssm")
    try:
        ssm.get_parameter(Name=VERSION_PARAMETER)
    except ssm.exceptions.ParameterNotFound:
        return False
    except ClientError:
        pass  # not allowed to look: the deployment that follows says if it needs a bootstrap
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
