"""The process that is measured: `python -I -S child.py FOLDER... -- floor|ours`, with the folders to import from.

For each line that it reads it runs once, the first time with the import before it, and answers with one line of JSON:
the seconds that passed, and those of the processor. What the program itself writes to its standard output is dropped.
"""

import time


def now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


began = now()

import json  # noqa: E402  the clock is first, since what is imported is part of a cold start
import os  # noqa: E402
import sys  # noqa: E402


def main(folders: list[str], program: str) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.path[:0] = [*folders, os.path.dirname(__file__)]  # noqa: PTH120  pathlib takes its time to import
    for number, _ in enumerate(sys.stdin):
        since = now() if number else began
        __import__(program).run()
        answers.write(json.dumps([after - before for before, after in zip(since, now(), strict=True)]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1 : sys.argv.index("--")], sys.argv[-1])
