"""What `make deploy` checks before it deploys, and `make template` too: it bootstraps the CDK where nobody has."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

import prepare_account
from tools import template

Commands = list[list[str]]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    """The commands that are run, in an account of moto's that is new to the CDK."""
    run: Commands = []

    def record(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        run.append(command)
        return subprocess.CompletedProcess(command, returncode=3)

    monkeypatch.setattr(subprocess, "run", record)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")  # which the CDK heeds only without the other
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with mock_aws(config={"core": {"mock_credentials": False}}):
        yield run


def test_an_account_that_is_new_to_the_cdk_is_bootstrapped_and_no_other(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = tmp_path / "credentials"
    profile.write_text("[home]\naws_access_key_id=somebody\naws_secret_access_key=secret")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profile))
    assert prepare_account.main(["--profile", "home"]) == 3  # what the command said
    assert [command[1:] for command in commands] == [["bootstrap", "aws://123456789012/eu-west-1", "--profile", "home"]]
    ssm = boto3.client("ssm", region_name="eu-west-1")
    ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
    assert prepare_account.main([]) == 0
    assert len(commands) == 1


def test_a_mistake_in_the_settings_is_said_before_anything_is_made(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match=r"^officeHours\.everyMinutes must be a divisor of 60"):
        prepare_account.main(["-c", "officeHours.everyMinutes=7"])
    monkeypatch.setattr("settings.CDK_JSON", tmp_path / "cdk.json")
    (tmp_path / "cdk.json").write_text('{"context":\n  {"officeHours": {"everyMinutes": 5,}}}')
    with pytest.raises(SystemExit, match=r"^cdk\.json can't be read: .* line 2 column 38"):
        prepare_account.main([])
    (tmp_path / "cdk.json").write_text("{}")  # which the CDK accepts
    assert prepare_account.context_of([]) == {}
    assert not commands


@pytest.mark.usefixtures("commands")
def test_a_bucket_that_does_not_take_the_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"put into the bucket nobodys: .* bucket does not exist"):
        template.upload(boto3.Session(), tmp_path, "nobodys")


def test_without_a_region_or_credentials_it_asks_for_them(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for main in (prepare_account.main, lambda arguments: template.main("packages", arguments)):
        with pytest.raises(SystemExit, match="No AWS credentials found: sign in"):
            main([])
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(SystemExit, match="No Region is set"):
        prepare_account.main([])
    assert not commands


@set_initial_no_auth_action_count(0)  # from here on, moto asks for credentials that it has given out
def test_credentials_that_aws_does_not_accept_stop_it_in_the_words_of_aws(commands: Commands) -> None:
    with pytest.raises(SystemExit, match=r"The AWS credentials don't work: .*The security token .* is invalid"):
        prepare_account.main([])
    assert not commands


def test_without_the_right_to_look_the_deployment_goes_on(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="deployer")
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    assert set_initial_no_auth_action_count(0)(prepare_account.main)([]) == 0
    assert not commands


def test_without_a_network_the_deployment_goes_on(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    no_network = Mock(side_effect=EndpointConnectionError(endpoint_url="https://sts.eu-west-1.amazonaws.com"))
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", no_network)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://sts.example.com")  # which moto leaves alone
    assert prepare_account.main([]) == 0
    assert not commands
