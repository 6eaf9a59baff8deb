"""What is asked of RDS and of its answers, at the wire."""

import json
import re
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from aws_server import Account
from office_hours import rds
from snapshots import STRUCTURE, filled

pytest_plugins = ["aws_server"]

CODE = Path(rds.__file__).parent
MODEL = json.loads((CODE / "models" / "rds" / "2014-10-31" / "service-2.sdk-extras.json").read_text())
LISTED = MODEL["merge"]["shapes"]["ListedDBCluster"]["members"]


def test_a_listing_is_parsed_for_what_is_read_of_it_and_for_nothing_else(account: Account) -> None:
    whole = filled(STRUCTURE, "", count()) | {"Engine": "aurora-mysql"}
    account.add("a", **whole)
    ((listed,),) = rds.clusters(rds.client("rds", None))
    members = [{"DBInstanceIdentifier": member["DBInstanceIdentifier"]} for member in whole["DBClusterMembers"]]
    assert listed == {name: whole[name] for name in LISTED} | {"DBClusterMembers": members}
    assert account.calls[0].agent.startswith(rds.USER_AGENT)  # by which CloudTrail tells our calls from others
    code = "".join(module.read_text() for module in CODE.rglob("*.py"))
    assert set(re.findall(r'snapshot(?:\.get\(|\[)"(\w+)"', code)) == set(LISTED)
    instances = list(rds.instances(rds.client("rds", None)))
    assert instances
    assert {name for each in instances for name in each} == {"DBInstanceClass", "DBInstanceIdentifier"}


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T18:00:00.123Z",
        "2026-11-23T19:00:00.123+01:00",
        "Mon, 23 Nov 2026 18:00:00.123 GMT",
        "1795456800.123",
    ],
)
def test_a_time_is_read_in_whatever_form_aws_sends_it(text: str) -> None:
    assert rds._timestamp(text) == datetime(2026, 11, 23, 18, 0, 0, 123000, tzinfo=UTC)  # noqa: SLF001
