"""The process that is measured: `python -I -S child.py FOLDER... -- floor|ours`, with the folders to import from.

For each line that it reads it runs once, the first time with the import before it, and answers with one line of JSON:
the seconds that passed, those of the processor, and the most memory that it had until then, in bytes. What the program
itself writes to its standard output is dropped.
"""

import time


def now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


began = now()

import json  # noqa: E402  the clock is first, since what is imported is part of a cold start
import os  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402


def main(folders: list[str], program: str) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.path[:0] = [*folders, os.path.dirname(__file__)]  # noqa: PTH120  pathlib takes its time to import
    for number, _ in enumerate(sys.stdin):
        wall, cpu = now() if number else began
        __import__(program).run()
        wall_after, cpu_after = now()
        answers.write(json.dumps([wall_after - wall, cpu_after - cpu, peak_memory()]) + "\n")


def peak_memory() -> int:
    # What Linux tells as ru_maxrss has that of the process that started this one in it.
    if not os.path.exists("/proc/self/status"):  # noqa: PTH110  as above
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open("/proc/self/status", encoding="utf-8") as status:  # noqa: PTH123  as above
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main(sys.argv[1 : sys.argv.index("--")], sys.argv[-1])
