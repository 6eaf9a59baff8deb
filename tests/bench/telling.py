"""Ours: the central status function, invoked as Lambda does it, with the event that is in its environment."""

import json
import os
from collections.abc import Callable
from typing import Any

from office_hours import handlers

# Lambda's context is whatever has its attributes.
status: Callable[[object, Any], object] = handlers.status


class Context:
    """What Lambda tells a function about its invocation."""

    function_name = "aurora-office-hours-status"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:aurora-office-hours-status"
    aws_request_id = "11111111-2222-3333-4444-555555555555"

    def get_remaining_time_in_millis(self) -> int:
        return 59_000


def run() -> None:
    status(json.loads(os.environ["BENCH_EVENT"]), Context())
