"""`python -m demo`: a week of office hours on a simulated account, with the functions as deployed."""

import io
import os
import sys
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from demo import page, terminal, timeline
from demo.account import (
    CLUSTERS,
    DAYS,
    END,
    EVERY,
    NOTICE_MINUTES,
    SAMPLE_PRICES,
    START,
    STARTING,
    STOPPING,
    TAG_KEY,
    YOURS,
    Cluster,
    refusal,
)
from office_hours.reporting.explain import explain
from office_hours.settings import Settings
from settings import stored_settings

OUTPUT = Path(__file__).parents[2] / "build" / "demo"


def main() -> None:
    """Simulate the week, and show what happened."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a tag may have letters that the output's encoding lacks
    console = Console(highlight=False, markup=False, emoji=False)
    # cdk.json's schedules, calendars and zone, for the simulated account.
    timed = replace(stored_settings(), every_minutes=_minutes(EVERY), notice_minutes=NOTICE_MINUTES)
    settings = replace(timed, tag_key=TAG_KEY, regions=()).as_json()
    tag = os.environ.get("TAG", "")
    explained = explain(tag, Settings.from_json(settings), START) if tag else {}
    if problem := refusal(tag) or (explained and not explained["valid"] and explained["message"]):
        print(problem, file=sys.stderr)
        sys.exit(2)
    clusters = (*([Cluster(YOURS, tag, "your own tag")] if tag else []), *CLUSTERS)

    prices = ", ".join(f"{name} ${usd:.2f}" for name, usd in SAMPLE_PRICES.items())
    about = (
        f"Simulated, not AWS: {len(clusters)} Aurora clusters, {START:%a %d} to {END - EVERY:%a %d %B %Y}.",
        f"A cluster's tag says when it should run; two functions check every {_minutes(EVERY)} minutes.",
        f"Stopping takes {_minutes(STOPPING)} minutes here, starting {_minutes(STARTING)}, and calls take no time.",
        f"Sample prices per hour, not AWS's: {prices}.",
    )
    for line in about:
        console.print(line)
    if explained:
        console.print(f"\nYour tag, {tag}:\n{explained['message']}")
    from demo.simulation import simulate  # noqa: PLC0415  slow to import, so only once there is something to see

    OUTPUT.mkdir(parents=True, exist_ok=True)
    log = OUTPUT / "log.jsonl"
    bar = Progress(TextColumn("{task.description}"), BarColumn(), console=console, transient=True)
    bar.disable = not console.is_terminal
    with log.open("w", encoding="utf-8") as stream, bar:
        task = bar.add_task("", total=DAYS * 24)
        hour = partial(bar.update, task, advance=1)
        week = simulate(clusters, settings, stream, lambda now: hour(description=f"{now:%a %d %b %H:%M}"))
    result = timeline.timeline(clusters, week, Settings.from_json(settings))
    html = OUTPUT / "timeline.html"
    html.write_text(page.page(result, about, log.name), encoding="utf-8")
    terminal.show(console, result)
    terminal.tell(console, week)
    console.print()
    console.print(f"Page: {os.path.relpath(html)}")
    console.print(f"Log:  {os.path.relpath(log)}, as the functions write it to CloudWatch Logs")


def _minutes(length: timedelta) -> int:
    return length // timedelta(minutes=1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
