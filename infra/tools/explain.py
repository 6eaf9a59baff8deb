"""Says what a tag means under cdk.json's settings: `make explain TAG="..."`, on any machine, without AWS."""

import os
import sys
from datetime import UTC, datetime

from office_hours.reporting.explain import TAG_VALUE, VERBS, explain, is_tag_value
from office_hours.settings import Settings
from office_hours.text import as_json
from settings import stored_settings


def main() -> None:
    """Print it, and the next transitions. The exit status is 1 if the tag can't be read."""
    tag = os.environ.get("TAG", "")
    if not tag:
        sys.exit('Which tag? make explain TAG="mon-fri 08:00-18:00 Europe/Berlin"')
    if not is_tag_value(tag):
        sys.exit(f"TAG is {as_json(tag)}: expected {TAG_VALUE}.")
    told = explain(tag, Settings.from_json(stored_settings().as_json()), datetime.now(UTC))
    if not told["valid"]:
        sys.exit(told["message"])
    print(told["message"])
    for each in told["transitions"]:
        print(f"  {VERBS[each['to']]:6} {each['local']}")


if __name__ == "__main__":
    main()
