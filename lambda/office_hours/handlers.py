"""Lambda's entry points: read the event, the settings and the clock, and hand them on to a run."""

import os
from datetime import UTC, datetime, timedelta

from aws_lambda_powertools.utilities.typing import LambdaContext

from office_hours.decision import Action
from office_hours.event import Event, EventError
from office_hours.run import Answer, Order, logger, run
from office_hours.tags import Settings

NAMESPACE = "AuroraOfficeHours"


@logger.inject_lambda_context
def stop(event: object, context: LambdaContext) -> Answer:
    """Stop the tagged clusters that should be stopped now, or those that are named. Raises EventError and RunError."""
    return _run(Action.STOP, event, context)


@logger.inject_lambda_context
def start(event: object, context: LambdaContext) -> Answer:
    """Start the tagged clusters that should be running now, or those that are named. Raises EventError and RunError."""
    return _run(Action.START, event, context)


def _run(action: Action, event: object, context: LambdaContext) -> Answer:
    asked, present = Event.read(event), _clock()
    order = Order(
        action=action,
        settings=Settings.from_json(os.environ.get("OFFICE_HOURS_SETTINGS", "{}")),
        event=asked,
        now=asked.time or present,
        clock=_clock,
        ends=present + timedelta(milliseconds=context.get_remaining_time_in_millis()),
    )
    try:
        return run(order)
    except EventError as error:
        logger.warning("%s", error)
        _count_user_error(context.function_name)
        raise


def _clock() -> datetime:
    return datetime.now(UTC)


def _count_user_error(function_name: str) -> None:
    """Count a person's mistake: for Lambda it is an error like any other, and an alarm has to leave it out."""
    from aws_lambda_powertools.metrics import MetricUnit, single_metric  # noqa: PLC0415  of use to mistakes only

    with single_metric(name="UserErrors", unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
        metric.add_dimension(name="function_name", value=function_name)
