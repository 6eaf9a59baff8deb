"""TEMPORARY until the schedule branch is merged."""

import json
from office_hours.schedule import nearest as nearest


def as_json(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 120 else f"{text[:120]}..."


def sentence(error: object) -> str:
    text = str(error)
    return text if text.endswith((".", "?")) else f"{text}."
