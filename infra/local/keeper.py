"""Runs a command in a folder of its own until whoever started this is gone, and then leaves nothing of either.

A process of its own, since nothing that the one who started it could do would help when that one is killed. Its
standard input is a pipe that nobody writes to: it ends with the other process, however that ends.
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

_LONGEST = 3  # seconds; what is dead, but reaped by nobody, counts as there until then


def main(command: list[str]) -> None:
    """Tell the folder and the command's process group in one line of JSON, and wait.

    Where the command ends by itself, tell what it said.
    """
    # Whoever ends this ends the command with it.
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
    """Kill all of the group, and wait until none is left that could write into the folder."""
    deadline = time.monotonic() + _LONGEST
    with suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(group, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(-group, os.WNOHANG)
            time.sleep(0.02)


if __name__ == "__main__":
    main(sys.argv[1:])
