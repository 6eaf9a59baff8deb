"""Where to look: the Regions of the function's own account and, in an organization, of the accounts in its units.

Each account's clients are made of its own credentials, and forgotten after use: nothing of one is used for another.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import chain
from typing import Any

from botocore.config import Config
from botocore.httpsession import URLLib3Session

from office_hours import rds
from office_hours.regions import Invocation, Region, regions_of, side_by_side

ROLE = "aurora-office-hours-reader"  # in each member account; only the central status and report function assume it
AT_ONCE = 64  # places, of up to five threads each: Lambda allows 1,024
_FOR_ACCOUNTS = 0.25  # of the time: to list the accounts, and again to get into them
_SHORTEST_SESSION = 900  # seconds: no shorter one is given
_UNITS_AT_ONCE = 4
# Organizations answers a few calls a second, and throttles the rest.
_PATIENT = rds.IMPATIENT.merge(Config(retries={"mode": "standard", "total_max_attempts": 8}))


@dataclass(frozen=True)
class Account:
    """A member of the organization, whose path is its `name/id`; or without an id all of them."""

    id: str = ""
    path: str = ""
    state: str = "ACTIVE"

    def __str__(self) -> str:
        return f"Account {self.path}" if self.id else "The organization's accounts"


@dataclass(frozen=True)
class _MemberRegion(Region):
    keys: Mapping[str, Any] = field(kw_only=True, repr=False)

    def beside(self, service: str) -> Any:  # noqa: ANN401  as in the base class
        return _client(service, self.name, **self.keys)


def places(invocation: Invocation, share: float) -> tuple[list[Region], list[str]]:
    """The Regions to look at, and the accounts that aren't active. To find them may take a part of this share."""
    regions = regions_of(invocation)
    units = json.loads(os.environ.get("OFFICE_HOURS_ORGANIZATION", "{}")).get("units")
    if not units:
        return regions, []
    share *= _FOR_ACCOUNTS
    found = side_by_side(invocation, [Account()], lambda *_: _accounts(units), share)
    own, *members = ({each.id: each for each in found} or {"": Account()}).values()
    active = [each for each in members if each.state == "ACTIVE"]
    theirs = side_by_side(invocation, active, partial(_member_regions, _client("sts")), share, rds.THREADS)
    inactive = sorted(f"{each.path}: {each.state}" for each in members if each.state != "ACTIVE")
    return [replace(region, account=own.path) for region in regions] + theirs, inactive


def _accounts(units: Sequence[str]) -> Iterator[Account]:
    """The function's own account, then those in the units and in the units below them, which may name it again.

    A service-managed StackSet deploys to any account but the management account, which has no such role then.
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccountsForParent.html
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs.html
    """
    own = _client("sts").get_caller_identity()["Account"]
    yield Account(own, own)
    client = _client("organizations", config=_PATIENT)

    def of_each(operation: str, key: str) -> Iterator[Mapping[str, str]]:
        paginate = client.get_paginator(operation).paginate
        found = pool.map(lambda unit: [each for page in paginate(ParentId=unit) for each in page[key]], units)
        return chain.from_iterable(found)

    with ThreadPoolExecutor(_UNITS_AT_ONCE) as pool:
        while units:
            for each in of_each("list_accounts_for_parent", "Accounts"):
                id_, name = each["Id"], " ".join(each.get("Name", "").split())
                if id_ == own or f"::{id_}:" not in each.get("Arn", ""):  # an ARN has the management account's
                    state = each.get("State") or each.get("Status") or "ACTIVE"  # `Status` is the older name
                    yield Account(id_, f"{name}/{id_}" if name else id_, state)
            units = [unit["Id"] for unit in of_each("list_organizational_units_for_parent", "OrganizationalUnits")]


def _member_regions(sts: Any, invocation: Invocation, account: Account) -> Iterator[Region]:  # noqa: ANN401
    """The Regions of a member account, with its credentials."""
    role = f"arn:{sts.meta.partition}:iam::{account.id}:role/{ROLE}"
    given = sts.assume_role(RoleArn=role, RoleSessionName=rds.USER_AGENT, DurationSeconds=_SHORTEST_SESSION)
    id_, secret, token = (given["Credentials"][key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    keys = {"aws_access_key_id": id_, "aws_secret_access_key": secret, "aws_session_token": token}
    names: Sequence[str] = invocation.settings.regions or [sts.meta.region_name]
    if names == ("*",):
        names = rds.enabled_regions(_client("account", **keys))
    for name in names:
        yield _MemberRegion(name, _client("rds", name, **keys), account.path, keys=keys)


def _client(service: str, region: str | None = None, config: Config = rds.IMPATIENT, **keys: str) -> Any:  # noqa: ANN401
    """A client, with an account's credentials or the function's own."""
    make: Any = rds.session().create_client
    with rds.making:
        client = make(service, region_name=region, config=config, **keys)
        connections = _connections(client.meta.endpoint_url)
    client.meta.events.register_last("before-send", lambda request, **_: connections.send(request))
    return client


@lru_cache(maxsize=128)
def _connections(_endpoint: str) -> URLLib3Session:
    """Connections for all accounts: a request carries its own signature, and to connect takes 13 ms of a processor.

    https://docs.aws.amazon.com/botocore/latest/topics/events.html#before-send
    """
    config: Any = rds.IMPATIENT
    patience: Any = config.connect_timeout, config.read_timeout
    return URLLib3Session(timeout=patience, max_pool_connections=AT_ONCE)
