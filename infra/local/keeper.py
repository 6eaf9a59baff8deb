"""Runs a command in its own folder until the process that started this is gone, then removes both.

It is a process of its own because the one that started it can't clean up once it is killed. Its standard input is a
pipe that nobody writes to: the pipe ends with the other process, however that ends.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_LONGEST = 3  # seconds; until then, a dead process that nobody has reaped counts as running


def main(command: list[str]) -> None:
    """Print the folder and the command's process group as one line of JSON, and wait.

    If the command ends by itself, print its output.
    """
    # Ending this process ends the command with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    folder = Path(tempfile.mkdtemp(prefix="office-hours-local-"))
    group = None
    try:
        with (folder / "emulator.log").open("wb") as log:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "TMPDIR": str(folder), "HOME": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        group = child.pid
        print(json.dumps({"folder": str(folder), "group": group}), flush=True)
        while not select.select([sys.stdin], [], [], 0.2)[0]:
            if child.poll() is not None:
                print((folder / "emulator.log").read_text(errors="replace"))
                break
    finally:
        if group:
            end(group)
        shutil.rmtree(folder, ignore_errors=True)


def end(group: int) -> None:
    """Kill the whole group, and wait until nothing is left that could write into the folder."""
    deadline = time.monotonic() + _LONGEST
    with suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(group, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(-group, os.WNOHANG)
            time.sleep(0.02)


if __name__ == "__main__":
    main(sys.argv[1:])
