"""Lambda's entry points: read the event, the settings and the clock, and hand them on to a run."""

import json
import os
from datetime import UTC, datetime, timedelta

from aws_lambda_powertools.utilities.typing import LambdaContext

from office_hours.decision import Action
from office_hours.run import Answer, Order, logger, run
from office_hours.tags import Settings

_ACCEPTED = '{"dry_run": true} and {"time": "2026-12-24T12:00:00+01:00"}, or {} to do what the schedules ask for now'
# Wherever tags have a meaning, and far from where the calendar ends.
_YEARS = range(1970, 3000)
_MOST_SHOWN, _LONGEST_SHOWN = 10, 80  # mistakes and characters


class EventError(ValueError):
    """The event cannot be understood, and nothing was done. Names each mistake and what would be right."""


@logger.inject_lambda_context
def stop(event: object, context: LambdaContext) -> Answer:
    """Stop the tagged clusters that should be stopped now. Raises EventError and RunError."""
    return _run(Action.STOP, event, context)


@logger.inject_lambda_context
def start(event: object, context: LambdaContext) -> Answer:
    """Start the tagged clusters that should be running now. Raises EventError and RunError."""
    return _run(Action.START, event, context)


def _run(action: Action, event: object, context: LambdaContext) -> Answer:
    present = _clock()
    try:
        time, dry_run = read_event(event)
    except EventError as error:
        logger.warning("%s", error)
        raise
    order = Order(
        action=action,
        settings=Settings.from_json(os.environ.get("OFFICE_HOURS_SETTINGS", "{}")),
        now=time or present,
        dry_run=dry_run or time is not None,
        clock=_clock,
        ends=present + timedelta(milliseconds=context.get_remaining_time_in_millis()),
    )
    return run(order)


def _clock() -> datetime:
    return datetime.now(UTC)


def read_event(event: object) -> tuple[datetime | None, bool]:
    """The event's `time`, if it has one, and whether it asks for a `dry_run`.

    Raises EventError that lists all mistakes.
    """
    if not isinstance(event, dict):
        raise EventError(f"The event is no JSON object, and nothing was done. Accepted: {_ACCEPTED}.")
    unknown = [key for key in event if key not in ("dry_run", "time")]
    mistakes = [f"unknown key {_shown(key)}" for key in unknown[:_MOST_SHOWN]]
    dry_run = event.get("dry_run", False)
    if not isinstance(dry_run, bool):
        mistakes.append(f'"dry_run" is {_shown(dry_run)}: expected true or false')
    time = _instant(event["time"]) if "time" in event else None
    if "time" in event and time is None:
        expected = "a date-time with an offset, such as 2026-12-24T12:00:00+01:00 or 2026-12-24T11:00:00Z"
        mistakes.append(f'"time" is {_shown(event["time"])}: expected {expected}')
    if mistakes:
        raise EventError(f"{'; '.join(mistakes)}. Nothing was done. Accepted: {_ACCEPTED}.")
    return time, dry_run


def _shown(value: object) -> str:
    """A value as JSON, plain ASCII and not too long: it goes into the log as it is."""
    shown = json.dumps(value, default=str)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."


def _instant(text: object) -> datetime | None:
    """A date-time with an offset, in a year that schedules can be asked about; None for anything else."""
    try:
        moment = datetime.fromisoformat(str(text).upper())
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo and moment.year in _YEARS else None
