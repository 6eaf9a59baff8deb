"""`python -m demo`: a week of office hours on a simulated account, with the functions as they are deployed."""

import argparse
import io
import os
import sys
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from demo import page, terminal, timeline
from demo.account import CLUSTERS, DEEDS, END, EVERY, START, STARTING, STOPPING, RefusedTagError, of_your_own

OUTPUT = Path(__file__).parents[2] / "build" / "demo"


def main() -> None:
    """Simulate the week, and show what happened."""
    argparse.ArgumentParser(usage='make demo [TAG="mon-fri 08:00-18:00 Europe/Berlin"]').parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a tag may have letters that the output's encoding lacks
    console = Console(highlight=False, markup=False, emoji=False)
    try:
        clusters = (*([of_your_own(tag)] if (tag := os.environ.get("TAG")) else []), *CLUSTERS)
    except RefusedTagError as error:
        print(error, file=sys.stderr)
        sys.exit(2)

    length, every = f"{START:%A %d %B} to {END - EVERY:%A %d %B %Y}", _minutes(EVERY)
    about = (
        f"Simulated, no AWS account: stopping takes {_minutes(STOPPING)} minutes, starting {_minutes(STARTING)}.",
        f"{len(clusters)} clusters, {length}, UTC. Stop and start run every {every} minutes.",
    )
    for line in about:
        console.print(line)
    from demo.simulation import simulate  # noqa: PLC0415  slow to import, so only once there is something to see

    OUTPUT.mkdir(parents=True, exist_ok=True)
    log = OUTPUT / "log.jsonl"
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), console=console, transient=True, disable=not console.is_terminal
    )
    with log.open("w", encoding="utf-8") as stream, bar:
        task = bar.add_task("", total=(END - START).total_seconds())
        week = simulate(
            clusters,
            DEEDS,
            stream,
            lambda now: bar.update(task, description=f"{now:%a %d %b %H:%M}", completed=(now - START).total_seconds()),
        )
    result = timeline.timeline(clusters, week)
    html = OUTPUT / "timeline.html"
    html.write_text(page.page(result, about, _shown(log)), encoding="utf-8")
    terminal.show(console, result)
    console.print()
    console.print(f"Page: {_shown(html)}")
    console.print(f"Log:  {_shown(log)}, what the functions would have written to CloudWatch Logs")


def _minutes(length: timedelta) -> int:
    return length // timedelta(minutes=1)


def _shown(path: Path) -> str:
    """The path as the user can type it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
