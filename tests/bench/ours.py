"""Ours: the stop function, invoked as Lambda does it."""

from collections.abc import Callable
from typing import Any

from office_hours import handlers

# Lambda's context is whatever has its attributes.
stop: Callable[[object, Any], object] = handlers.stop


class Context:
    """What Lambda tells a function about its invocation."""

    function_name = "aurora-office-hours-stop"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:aurora-office-hours-stop"
    aws_request_id = "11111111-2222-3333-4444-555555555555"

    def get_remaining_time_in_millis(self) -> int:
        return 290_000


def run() -> None:
    stop({}, Context())
