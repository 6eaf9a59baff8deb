"""What the status and report functions do with an event."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from office_hours.answer import logger
from office_hours.event import EventError, unknown_keys
from office_hours.regions import Invocation
from office_hours.reporting.explain import TAG_VALUE, explain, is_tag_value
from office_hours.text import as_json

_OF_STATUS = 'Accepted: {}, {"explain": "mon-fri 08:00-18:00 Europe/Berlin"}, {"describe": true}'
_OF_REPORT = (
    'Accepted: {} for the report as the answer, {"send": true} to also send it when it is due, '
    '{"suggest": true} for tags that untagged clusters could have, {"describe": true}'
)


def status(event: object, invocation: Invocation) -> object:
    """Show the state of tagged clusters, or explain a tag. A dashboard gets HTML. Raises EventError and RunError."""
    from office_hours.reporting.status import look  # noqa: PLC0415  each function needs its own

    asked = _read(event, ("describe", "explain", "widgetContext"), _OF_STATUS)
    if asked.get("describe"):
        return _described("description")
    if "explain" in asked:
        return explain(asked["explain"], invocation.settings, invocation.now)
    if "widgetContext" in asked:
        from office_hours.reporting.widget import status_page  # noqa: PLC0415  slow to import, and JSON doesn't need it

        return status_page(*look(invocation, or_fail=False), asked["widgetContext"])
    return look(invocation)[0]


def report(event: object, invocation: Invocation) -> object:
    """Report what was saved, and send it if asked to; or suggest tags. Raises EventError and RunError."""
    from office_hours.reporting.report import report  # noqa: PLC0415  as above
    from office_hours.reporting.suggest import suggest  # noqa: PLC0415  as above

    asked = _read(event, ("describe", "send", "suggest", "widgetContext"), _OF_REPORT)
    if asked.get("describe"):
        return _described("suggestions")
    if "widgetContext" in asked:
        from office_hours.reporting.widget import suggestions_page  # noqa: PLC0415  slow to import, as in status

        return suggestions_page(suggest(invocation, or_fail=False), asked["widgetContext"])
    return suggest(invocation) if asked.get("suggest") else report(invocation, send=bool(asked.get("send")))


def _described(name: str) -> str:
    """A widget's documentation, which CloudWatch asks for."""
    return Path(__file__).with_name("templates").joinpath(f"{name}.md").read_text("utf-8")


def _read(event: object, keys: Sequence[str], accepted: str) -> dict[str, Any]:
    """The event, checked. Raises EventError, and logs it."""
    given = event if isinstance(event, dict) else {}
    mistakes = unknown_keys(given, keys, accepted)
    for key in [key for key in given if key in keys]:
        value, expected, is_right = given[key], "true or false", isinstance(given[key], bool)
        if key == "explain":
            expected, is_right = TAG_VALUE, is_tag_value(value)
        elif key == "widgetContext":
            expected, is_right = "what CloudWatch sends, an object", isinstance(value, dict)
        if not is_right:
            mistakes.append(f'"{key}" is {as_json(value)}: expected {expected}.')
    if given.get("send") and (given.get("suggest") or "widgetContext" in given):
        mistakes.append('"send" goes alone: the message has suggestions of its own.')
    if not isinstance(event, dict):
        mistakes = [f"The event is not a JSON object. {accepted}."]
    if mistakes:
        error = EventError(mistakes)
        logger.warning("%s", error)
        raise error
    return given
