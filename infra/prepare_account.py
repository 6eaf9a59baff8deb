"""Prepares an account and Region for the CDK (`cdk bootstrap`), where nobody has done so yet.

What that makes is shared by all apps of the CDK there, so that one which exists is left as it is. And with a mistake in
the settings, or without credentials that can be used, it says so at once, before anything is made.
"""

import argparse
import json
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

from settings import SettingsError, StackSettings

PROJECT = Path(__file__).resolve().parents[1]
CDK = PROJECT / "infra" / "node_modules" / ".bin" / "cdk"
# Where `cdk bootstrap` leaves its version; the word in the middle is the CDK's default qualifier.
VERSION_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
# Asking who one is needs no permission, so that where AWS itself refuses it (ClientError), it refuses the credentials.
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
    """Look where the CDK will deploy to with these arguments: with the same profile, in the same Region."""
    try:
        StackSettings.from_context(context_of(arguments))
        chosen = session(arguments)
        if not chosen.region_name:
            sys.exit("No Region is chosen. Choose one: AWS_REGION=eu-west-1 make deploy")
        account = chosen.client("sts").get_caller_identity()["Account"]
        if is_prepared(chosen):
            return 0
    except SettingsError as error:
        sys.exit(str(error))
    except NoCredentialsError:
        sys.exit("No AWS credentials are found: sign in (aws sso login), or set AWS_PROFILE.")
    except UNUSABLE as error:
        sys.exit(f"The AWS credentials cannot be used: {error}")
    except BotoCoreError:
        return 0  # no network, or the like: the deployment that follows says what is missing
    print(f"Account {account} is new to the CDK in {chosen.region_name}: bootstrapping it, once.", flush=True)
    command = [str(CDK), "bootstrap", f"aws://{account}/{chosen.region_name}"]
    # From an empty folder, since our app has nothing to do with it.
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [*command, *(["--profile", named] if (named := profile(arguments)) else [])], cwd=folder, check=False
        ).returncode


def session(arguments: list[str]) -> boto3.Session:
    """A session for the account and Region that the CDK's command line takes with these arguments."""
    # The CDK reads AWS_REGION first, and boto3 does not read it.
    return boto3.Session(profile_name=profile(arguments), region_name=os.environ.get("AWS_REGION"))


def context_of(arguments: list[str]) -> dict[str, object]:
    """The context that the CDK's command line would hand over: cdk.json's, and above it -c key=value."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-c", "--context", action="append", default=[])
    given = parser.parse_known_args(arguments)[0].context
    stored: dict[str, object] = json.loads((PROJECT / "cdk.json").read_text())["context"]
    return stored | dict(each.split("=", 1) for each in given if "=" in each)  # as the CDK, which warns of others


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
        pass  # no right to look: the deployment that follows says so if one is needed and missing
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
