"""Says what a tag means under cdk.json's settings: `make explain TAG="..."`, on any machine, without AWS."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from office_hours.reporting.explain import explain
from office_hours.settings import Settings
from settings import StackSettings

CDK_JSON = Path(__file__).parents[2] / "cdk.json"
USAGE = 'Which tag? make explain TAG="mon-fri 08:00-18:00 Europe/Berlin"'


def main() -> None:
    """Print it. The exit status is 1 if the tag can't be read."""
    tag = os.environ.get("TAG", "")
    if not tag:
        sys.exit(USAGE)
    checked = StackSettings.from_context(json.loads(CDK_JSON.read_text("utf-8"))["context"])
    told = explain(tag, Settings.from_json(checked.as_json()), datetime.now(UTC))
    if not told["valid"]:
        sys.exit(str(told["message"]))
    print(told["message"])


if __name__ == "__main__":
    main()
