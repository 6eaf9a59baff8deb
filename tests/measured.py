"""Invokes a function some times in this process, alone, and tells the processor time that each invocation took.

`python tests/measured.py stop '{}' 4 2026-11-24T16:30Z`, the last being its clock's moment: what it logs
goes to the standard output, the seconds to the other.
"""
# ruff: noqa: T201  both are read by `measure_bill.py`

import json
import sys
import time

import time_machine

from invocation import Context
from office_hours import handlers


def main(function: str, event: object, times: int) -> None:
    handler, seconds = getattr(handlers, function), []
    name = f"aurora-office-hours-{function}"
    scheduled = f"arn:aws:lambda:eu-west-1:123456789012:function:{name}:scheduled"
    context = Context(remaining=290_000, function_name=name, invoked_function_arn=scheduled)
    for _ in range(times):
        print("---", flush=True)
        began = time.process_time()
        handler(event, context)
        seconds.append(time.process_time() - began)
    print(json.dumps(seconds), file=sys.stderr)


if __name__ == "__main__":
    with time_machine.travel(sys.argv[4]):
        main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]))
