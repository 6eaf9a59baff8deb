"""Invokes a function some times in this process, alone, and tells the processor time that each invocation took.

`python tests/measured.py stop '{}' 4`: what the function logs goes to the standard output, the seconds to the other.
"""
# ruff: noqa: T201  both are read by `measure_bill.py`

import json
import sys
import time

from invocation import Context
from office_hours import handlers


def main(function: str, event: object, times: int) -> None:
    handler, seconds = getattr(handlers, function), []
    for _ in range(times):
        print("---", flush=True)
        began = time.process_time()
        handler(event, Context(remaining=290_000, function_name=f"aurora-office-hours-{function}"))
        seconds.append(time.process_time() - began)
    print(json.dumps(seconds), file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]))
