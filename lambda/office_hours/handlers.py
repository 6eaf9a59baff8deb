"""Lambda's entry points: read the event, the settings and the clock, and hand them on."""

import os
from datetime import UTC, datetime, timedelta

from aws_lambda_powertools.utilities.typing import LambdaContext

from office_hours.answer import Answer, logger
from office_hours.decision import Action
from office_hours.event import Event, EventError
from office_hours.regions import Invocation
from office_hours.run import Order, run
from office_hours.settings import Settings


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
    """Show the state of tagged clusters, or explain a tag. A dashboard gets HTML. Raises EventError and RunError."""
    from office_hours.reporting.handlers import status  # noqa: PLC0415  stop and start don't need it

    return status(event, _invocation(context))


@logger.inject_lambda_context
def report(event: object, context: LambdaContext) -> object:
    """Report what was saved, and with `{"send": true}` send it. Raises EventError and RunError."""
    from office_hours.reporting.handlers import report  # noqa: PLC0415  stop and start don't need it

    return report(event, _invocation(context))


def _run(action: Action, event: object, context: LambdaContext) -> Answer | str:
    given, tell = _invocation(context), None
    on_dashboard = isinstance(event, dict) and "widgetContext" in event
    # Only a schedule's run, by its alias, sends notices: a person's {} in the same minute would send them twice.
    by_schedule = context.invoked_function_arn.endswith(":scheduled")
    if by_schedule and action is Action.STOP and given.settings.notice_minutes:
        from office_hours.reporting import notices  # noqa: PLC0415  only needed with noticeMinutes

        tell = notices.send
    try:
        asked = Event.read(event, given.now, given.settings.zone)
        answer = run(Order(given.settings, asked.time or given.now, given.ends, action, asked, tell))
    except EventError as error:
        logger.warning("%s", error)
        if not on_dashboard:
            raise
        answer = {"mistakes": error.mistakes}  # for any other error, a dashboard only says that there was one
    if not on_dashboard:
        return answer
    from office_hours.reporting.widget import answer_page  # noqa: PLC0415  only a dashboard needs it

    return answer_page(answer)


def _invocation(context: LambdaContext) -> Invocation:
    settings, now = Settings.from_json(os.environ.get("OFFICE_HOURS_SETTINGS", "{}")), datetime.now(UTC)
    return Invocation(settings, now, ends=now + timedelta(milliseconds=context.get_remaining_time_in_millis()))
