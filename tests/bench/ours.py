"""Ours, invoked as Lambda does it: the stop function, or the central status with the event in the environment."""

import json
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from office_hours import handlers

EVENT = os.environ.get("BENCH_EVENT")
# Lambda's context is whatever has its attributes.
function: Callable[[object, Any], object] = handlers.status if EVENT else handlers.stop
CONTEXT = SimpleNamespace(
    function_name="aurora-office-hours-stop",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:aurora-office-hours-stop",
    aws_request_id="11111111-2222-3333-4444-555555555555",
    get_remaining_time_in_millis=lambda: 59_000 if EVENT else 290_000,
)


def run() -> None:
    function(json.loads(EVENT or "{}"), CONTEXT)
