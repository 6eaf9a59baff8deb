"""What is asked of RDS and of its answers, at the wire."""

import json
import re
from itertools import count
from pathlib import Path

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
