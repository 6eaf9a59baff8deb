"""Many accounts: a member's template deployed to three of an emulator's, from one bucket, and what the centre sees.

The StackSet, which the emulator lacks, is only read. What CloudFormation does with a StackSet was not tried.
"""

import io
import json
import os
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from asset import PROJECT
from local import clusters, emulator
from local.clusters import Cluster
from local.emulator import ACCOUNT, REGION, Account
from member import READER, package_key
from organization import member_template
from settings import NAME, STACK, Organization, StackSettings
from tools.template import TARGET, upload

BUCKET = "packages-of-the-organization"
MEMBERS = ("111111111111", "222222222222", "333333333333")
LIMIT = 240
SETTINGS = StackSettings(every_minutes=1, organization=Organization(("r-ab12",)))


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with emulator.account() as account:
        yield account


@pytest.fixture(scope="module")
def template(account: Account) -> dict[str, Any]:
    account.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    context = ["-c", 'officeHours.organization={"units":["r-ab12"]}', "-c", "officeHours.everyMinutes=1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", "lambda:infra")
        print(account.run([sys.executable, "-m", "tools.template", BUCKET, *context], cwd=PROJECT))
    return json.loads(TARGET.read_text())


def test_it(account: Account, template) -> None:
    print(template["Parameters"])
    topic = account.client("sns").create_topic(Name=NAME)["TopicArn"]
    queue = account.client("sqs").create_queue(QueueName="inbox")["QueueUrl"]
    arn = account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    account.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    for member in MEMBERS:
        cfn = account.client("cloudformation", user=member)
        cfn.create_stack(StackName=STACK, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"])
        for _ in range(100):
            stack = cfn.describe_stacks(StackName=STACK)["Stacks"][0]
            if not stack["StackStatus"].endswith("IN_PROGRESS"): break
            time.sleep(.2)
        print(member, stack["StackStatus"], stack.get("StackStatusReason"))
        for e in cfn.describe_stack_events(StackName=STACK)["StackEvents"]:
            if "FAILED" in e["ResourceStatus"]: print(e["LogicalResourceId"], e.get("ResourceStatusReason"))
        f = account.client("lambda", user=member).get_function(FunctionName=f"{NAME}-stop")
        print(f["Configuration"]["CodeSize"], f["Configuration"]["Environment"])
        r = account.client("lambda", user=member).invoke(FunctionName=f"{NAME}-stop", Payload=b'{}')
        print(r["Payload"].read()[:300])
        account.client("lambda", user=member).invoke(FunctionName=f"{NAME}-stop", Qualifier="scheduled", InvocationType="Event", Payload=b'{"x":1}')
        a = account.client("sts").assume_role(RoleArn=f"arn:aws:iam::{member}:role/{READER}", RoleSessionName="status")
        print(a["Credentials"]["AccessKeyId"], a["AssumedRoleUser"])
        print(account.client("events", user=member).put_events(Entries=[{"Source":"lambda","DetailType":"Lambda Function Invocation Result - Failure","Detail":json.dumps({"requestContext":{"functionArn":f"arn:aws:lambda:{REGION}:{member}:function:{NAME}-stop:scheduled"},"responsePayload":{"errorMessage":'RDS said "no"'}})}]))
    t=time.time()
    while time.time()-t<100:
        for m in account.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages",[]): print(time.time()-t, m["Body"][:1500])
    assert 0
