"""MiniStack, plus what it lacks: clusters' history, prices, refusal of invalid JSON, aliases, code of another account.

Runs in place of `python -m ministack`. As on AWS, each stop and start goes into RDS's event log and CloudTrail's event
history; there is a price list, of the demo's sample prices; no function is invoked with an event that can't be read;
each knows the alias that it was invoked by; and its code may be in any account's bucket (whose policy isn't checked).
It wraps four of MiniStack's own functions, which don't change while its version is locked.
"""

# ruff: noqa: SLF001  RDS's state is in private names

import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from ministack import app
from ministack.core import responses, router
from ministack.services import cloudtrail, lambda_svc, rds, s3

# Takes method, path, headers, body and query. Returns status, headers and body.
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, str]], Awaitable[Any]]
_CHANGES = {"StopDBCluster": "stopped", "StartDBCluster": "started"}


def with_history(handle: Handler) -> Handler:
    """Make RDS remember the calls that succeeded."""

    async def handler(*request: Any) -> Any:  # noqa: ANN401
        answer = await handle(*request)
        if answer[0] == 200:
            remember(*request)
        return answer

    return handler


def remember(method: str, _: str, headers: dict[str, str], body: bytes, __: object) -> None:
    asked = {key: values[0] for key, values in parse_qs(body.decode()).items()}
    action, name = asked.get("Action", ""), asked.get("DBClusterIdentifier", "").rpartition(":")[2].lower()
    if action in _CHANGES:
        log(name, _CHANGES[action], time.time())
        key = router.extract_access_key_id(headers)
        agent, parameters = headers.get("user-agent", ""), {"dBClusterIdentifier": name}
        where, request = responses.get_region(), str(uuid4())
        cloudtrail.record_event("rds", action, key, key, [], where, request, agent, parameters, method)
    # With its instance a cluster is complete, and gets its past: each change, and when, in seconds since 1970.
    if action == "CreateDBInstance" and (past := Path(f"{name}.json")).exists():
        cluster = rds._clusters[name]
        for change, at in json.loads(past.read_text()):
            log(name, change, at)
            if change == "created":
                cluster["ClusterCreateTime"] = rds._format_time(at)
            cluster["Status"] = "stopped" if change == "stopped" else "available"


def log(name: str, change: str, at: float) -> None:
    """Add an event to RDS's log."""
    source = {"SourceIdentifier": name, "SourceType": "db-cluster", "SourceArn": rds._clusters[name]["DBClusterArn"]}
    event = {"Message": f"DB cluster {change}.", "Date": at, "EventCategories": ["notification"]}
    rds._events[str(uuid4())] = source | event


async def prices(*_: object) -> Any:  # noqa: ANN401  as MiniStack's own handlers
    """Answer GetProducts: the sample prices, whatever Region and engine are asked for."""
    return responses.json_response({"FormatVersion": "aws_v1", "PriceList": json.loads(os.environ["PRICE_LIST"])})


def without_invalid_json(handle: Handler) -> Handler:
    """Make Lambda refuse an event that isn't JSON. MiniStack takes it for {}, which is what the schedules send."""

    async def handler(*request: Any) -> Any:  # noqa: ANN401
        _, path, _, body, _ = request
        try:
            if path.endswith("/invocations"):
                json.loads(body or b"{}")
        except ValueError as error:
            message = f"Could not parse request body into json: {error}"
            return responses.error_response_json("InvalidRequestContentException", message)
        return await handle(*request)

    return handler


def of_any_account(fetch: Callable[..., bytes | None]) -> Callable[..., bytes | None]:
    """Make Lambda find the account that has a bucket, since buckets' names are global."""

    def fetcher(bucket: str, key: str, version_id: str | None = None) -> bytes | None:
        owners = [account for account, name in s3._buckets._data if name == bucket]
        with responses.request_scope(*owners or [responses.get_account_id()], responses.get_region()):
            return fetch(bucket, key, version_id)

    return fetcher


def with_aliases(find: Callable[..., tuple[Any, Any]]) -> Callable[..., tuple[Any, Any]]:
    """Add the invoked alias to a function's ARN, as on AWS."""

    def found(function: Any, qualifier: str | None) -> tuple[Any, Any]:  # noqa: ANN401
        record, config = find(function, qualifier)
        if config and qualifier in record.get("aliases", {}):
            config = {**config, "FunctionArn": f"{config['FunctionArn']}:{qualifier}"}
        return record, config

    return found


if __name__ == "__main__":
    router.SERVICE_PATTERNS["pricing"] = {"target_prefixes": ["AWSPriceListService"]}
    app.SERVICE_HANDLERS["pricing"] = prices
    rds.handle_request = with_history(rds.handle_request)
    lambda_svc.handle_request = without_invalid_json(lambda_svc.handle_request)
    lambda_svc._fetch_code_from_s3 = of_any_account(lambda_svc._fetch_code_from_s3)
    lambda_svc._effective_func_record_for_qualifier = with_aliases(lambda_svc._effective_func_record_for_qualifier)
    app.main()
