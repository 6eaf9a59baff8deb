"""What `make deploy` does before it deploys: it bootstraps the CDK where nobody has."""

import os
import subprocess
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

import prepare_account

Commands = list[list[str]]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    """The commands that are run, in an account of moto's that is new to the CDK."""
    run: Commands = []

    def record(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        run.append(command)
        return subprocess.CompletedProcess(command, returncode=3)

    monkeypatch.setattr(subprocess, "run", record)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")  # which the CDK heeds only without the other
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield run


def test_an_account_that_is_new_to_the_cdk_is_bootstrapped(commands: Commands) -> None:
    assert prepare_account.main([]) == 3  # what the command said
    assert commands == [[str(prepare_account.CDK), "bootstrap", "aws://123456789012/eu-west-1"]]


def test_an_account_that_somebody_has_bootstrapped_is_left_as_it_is(commands: Commands) -> None:
    ssm = boto3.client("ssm", region_name="eu-west-1")
    ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
    assert prepare_account.main([]) == 0
    assert not commands


def test_bootstrapping_elsewhere_does_not_count(commands: Commands) -> None:
    ssm = boto3.client("ssm", region_name="us-east-1")
    ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
    prepare_account.main([])
    assert len(commands) == 1


def test_without_a_region_it_asks_for_one(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(SystemExit, match="No Region is chosen"):
        prepare_account.main([])
    assert not commands


def test_a_profile_that_does_not_exist_is_left_to_the_cdk_to_tell(commands: Commands) -> None:
    assert prepare_account.main(["--require-approval", "never", "--profile", "nobody"]) == 0
    assert not commands
