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
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, NoCredentialsError  # noqa: A004

from settings import SettingsError, StackSettings, stored_context

CDK = Path(__file__).with_name("node_modules") / ".bin" / "cdk"
# Where `cdk bootstrap` stores its version; the word in the middle is the CDK's default qualifier.
VERSION_PARAMETER = "/cdk-bootstrap/hnb659fds/version"


def main(arguments: list[str]) -> int:
    """Prepare the account and Region that the CDK will deploy to with these arguments. Returns the exit status."""
    try:
        StackSettings.from_context(context_of(arguments))
        chosen, account = sign_in(arguments)
        if is_prepared(chosen):
            return 0
    except SettingsError as error:
        sys.exit(str(error))
    except BotoCoreError:
        return 0  # the deployment that follows says what is wrong
    print(f"Account {account} is new to the CDK in {chosen.region_name}: bootstrapping it, once.", flush=True)
    named = parsed(arguments).profile
    command = [str(CDK), "bootstrap", f"aws://{account}/{chosen.region_name}", *(["--profile", named] if named else [])]
    # From an empty folder, so that our app isn't run.
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(command, cwd=folder, check=False).returncode


def parsed(arguments: list[str]) -> argparse.Namespace:
    """What matters here of the arguments for the CDK's command line."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-c", "--context", action="append", default=[])
    parser.add_argument("--profile")
    return parser.parse_known_args(arguments)[0]


def context_of(arguments: list[str]) -> dict[str, object]:
    """The context that the CDK's command line would pass on: cdk.json's, overridden by -c key=value.

    Raises SettingsError if cdk.json can't be read.
    """
    # As the CDK, which warns of others.
    return stored_context() | dict(each.split("=", 1) for each in parsed(arguments).context if "=" in each)


def session(arguments: list[str]) -> boto3.Session:
    """A session for the account and Region that the CDK uses with these arguments."""
    # The CDK reads AWS_REGION first; boto3 doesn't read it.
    return boto3.Session(profile_name=parsed(arguments).profile, region_name=os.environ.get("AWS_REGION"))


def sign_in(arguments: list[str]) -> tuple[boto3.Session, str]:
    """The session, and the account's number. Exits without a Region or credentials that work, and says why."""
    try:
        chosen = session(arguments)
        if not chosen.region_name:
            sys.exit("No Region is set. Set AWS_REGION, to eu-west-1 for instance.")
        return chosen, chosen.client("sts").get_caller_identity()["Account"]
    except NoCredentialsError:
        sys.exit("No AWS credentials found: sign in (aws sso login), or set AWS_PROFILE.")
    except (ConnectionError, HTTPClientError):
        raise  # no network, for example
    except (BotoCoreError, ClientError) as error:
        # This call needs no permission, so if AWS itself refuses it, the credentials are at fault.
        sys.exit(f"The AWS credentials don't work: {error}")


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
