"""The stack on an emulated account, deployed by the real CDK."""

import json
from pathlib import Path

from asset import PROJECT
from local.emulator import ACCOUNT, REGION, Account
from prepare_account import CDK
from settings import STACK


def bootstrap(account: Account) -> None:
    """Prepare the account for the CDK."""
    # From a folder without a cdk.json, so that our app isn't run.
    account.run([str(CDK), "bootstrap", f"aws://{ACCOUNT}/{REGION}"], cwd=account.folder)


def deploy(account: Account, **settings: object) -> None:
    """Deploy the stack as it stands, with these settings in place of cdk.json's."""
    context = [word for key, value in settings.items() for word in ("-c", f"officeHours.{key}={json.dumps(value)}")]
    never_ask = ("--require-approval", "never")
    account.run([str(CDK), "deploy", STACK, *never_ask, *context, "--output", str(assembly(account))], cwd=PROJECT)


def destroy(account: Account) -> None:
    """Remove what was deployed last."""
    account.run([str(CDK), "destroy", STACK, "--force", "--app", str(assembly(account))], cwd=PROJECT)


def assembly(account: Account) -> Path:
    """Where the CDK puts what it deploys."""
    return account.folder / "cdk.out"
