"""Cloud Custodian's off-hours policy for Aurora clusters, invoked by its own entry point for Lambda.

It reads the policy from `config.json` in its working directory, as it does in the package that it deploys.
"""

import os
from pathlib import Path
from types import SimpleNamespace

os.chdir(Path(__file__).parent)

from c7n import handler  # noqa: E402  from there


def run() -> None:
    handler.dispatch_event({}, SimpleNamespace())
