"""Lambda's entry points: read the event, the settings and the clock, and hand them on to a run."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.typing import LambdaContext

from office_hours.decision import Action
from office_hours.event import Event, EventError
from office_hours.run import NAMESPACE, Answer, Order, logger, run
from office_hours.tags import Settings


@logger.inject_lambda_context
def stop(event: object, context: LambdaContext) -> Answer | str:
    """Stop the tagged clusters that should be stopped now, or those that are named. Raises EventError and RunError."""
    return _run(Action.STOP, event, context)


@logger.inject_lambda_context
def start(event: object, context: LambdaContext) -> Answer | str:
    """Start the tagged clusters that should be running now, or those that are named. Raises EventError and RunError."""
    return _run(Action.START, event, context)


@logger.inject_lambda_context
def status(event: object, context: LambdaContext) -> object:
    """Tell how all tagged clusters are, or explain a tag; to a dashboard as HTML. Raises EventError and RunError."""
    from office_hours.status import DESCRIPTION, explain, look, read_event  # noqa: PLC0415  not what stops and starts

    with _mistakes(context):
        asked = read_event(event)
    order = _order(Action.LEAVE, Event(dry_run=True), context)
    if "describe" in asked:
        return DESCRIPTION
    if "explain" in asked:
        return explain(str(asked["explain"]), order.settings, order.now)
    on_dashboard = "widgetContext" in asked
    seen, rows = look(order, or_fail=not on_dashboard)
    if not on_dashboard:
        return seen
    from office_hours.widget import status_page  # noqa: PLC0415  slow to import, and not needed for JSON

    widget = asked["widgetContext"]
    actions = json.loads(os.environ.get("OFFICE_HOURS_ACTIONS", "{}"))
    return status_page(seen, rows, widget if isinstance(widget, dict) else {}, actions)


@logger.inject_lambda_context
def report(event: object, context: LambdaContext) -> object:
    """Tell what was saved, and with `{"send": true}` send it. Raises EventError and RunError."""
    from office_hours.report import read_event, report  # noqa: PLC0415  not what stops and starts

    with _mistakes(context):
        send = read_event(event)
    return report(_order(Action.LEAVE, Event(dry_run=True), context), send=send)


def _run(action: Action, event: object, context: LambdaContext) -> Answer | str:
    order = _order(action, Event.read(event), context)
    if not (isinstance(event, dict) and "widgetContext" in event):
        with _mistakes(context):
            return run(order)
    from office_hours.widget import answer_page  # noqa: PLC0415  slow to import, and only a dashboard needs it

    try:
        answer = run(order)
    except EventError as error:
        # Told to the person, who sees no more of an error than that there was one.
        logger.warning("%s", error)
        return answer_page("Nothing was done", mistakes=error.mistakes)
    return answer_page("Done", answer["clusters"])


def _order(action: Action, event: Event, context: LambdaContext) -> Order:
    present = _clock()
    return Order(
        action=action,
        settings=Settings.from_json(os.environ.get("OFFICE_HOURS_SETTINGS", "{}")),
        event=event,
        now=event.time or present,
        clock=_clock,
        ends=present + timedelta(milliseconds=context.get_remaining_time_in_millis()),
    )


@contextmanager
def _mistakes(context: LambdaContext) -> Iterator[None]:
    """Log and count a person's mistake: for Lambda it is an error like any other, and an alarm has to leave it out."""
    try:
        yield
    except EventError as error:
        logger.warning("%s", error)
        with single_metric(name="UserErrors", unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
            metric.add_dimension(name="function_name", value=context.function_name)
        raise


def _clock() -> datetime:
    return datetime.now(UTC)
