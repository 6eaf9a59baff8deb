"""An invocation of one of the functions, as Lambda makes it, at an instant that the test chooses.

PYTEST_DONT_REWRITE: test modules import this one, and load it as a plugin for its fixtures.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest
import time_machine

from office_hours import answer, handlers

Answer = dict[str, Any]
Handler = Callable[[Any, Any], Any]  # what Lambda sees: the context is a stand-in


@dataclass
class Context:
    """What Lambda tells a function about its invocation, as far as ours ask."""

    remaining: int = 60_000
    function_name: str = "aurora-office-hours"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:aurora-office-hours"
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


@dataclass
class Log:
    """What the functions wrote, read back line by line: each must be one JSON object."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    def debug(self) -> None:
        """Have what is worth no line otherwise written too, until the test ends."""
        answer.logger.setLevel("DEBUG")

    def lines(self, level: str | None = None) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in lines if level in (None, line["level"])]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """What the functions write from now on, through Powertools' own formatter."""
    log = Log()
    level = answer.logger.log_level
    monkeypatch.setattr(answer.logger.registered_handler, "stream", log.stream)
    yield log
    answer.logger.setLevel(level)


def invoke(handler: Handler, at: str | None, event: object, context: Context | None) -> Answer:
    """Call a handler at an instant, on a clock that stands still; without one, on whatever clock the test has made."""
    with time_machine.travel(at, tick=False) if at else nullcontext():
        answer: Answer = handler({} if event is None else event, context or Context())
        return answer


def stop(at: str | None = None, event: object = None, context: Context | None = None) -> Answer:
    return invoke(handlers.stop, at, event, context)


def start(at: str | None = None, event: object = None, context: Context | None = None) -> Answer:
    return invoke(handlers.start, at, event, context)


def settings(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    """Have the functions read these settings, as the stack writes them."""
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps(values))


def decisions(answer: Answer) -> dict[str, tuple[str, str]]:
    """Each cluster's decision and reason."""
    return {entry["cluster"]: (entry["decision"], entry["reason"]) for entry in answer["clusters"]}
