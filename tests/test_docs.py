"""What the documentation says: every link leads somewhere in this project, and what can be held to the code is."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from console_events import EVENTS
from office_hours.decision import Reason
from office_hours.event import Event
from office_hours.hold import Hold
from office_hours.reporting.status import PROBLEMS
from office_hours.schedule import Schedule
from settings import KEYS, StackSettings, field_of

PROJECT = Path(__file__).parents[1]
DOCUMENTS = [file for where in ("", "infra/", "lambda/", "tests/*/") for file in PROJECT.glob(f"{where}*.md")]
EACH_DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
README, OF_LAMBDA = ((PROJECT / folder / "README.md").read_text("utf-8") for folder in ("", "lambda"))
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives the headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@EACH_DOCUMENT
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https://)([^)#\s]*)(?:#([^)\s]+))?\)", document.read_text())
    targets = [(document.parent / path if path else document, anchor) for path, anchor in links]
    assert [str(path) for path, _ in targets if not path.exists()] == []
    assert [anchor for path, anchor in targets if anchor and anchor not in anchors(path)] == []


def rows(text: str, heading: str) -> Iterator[list[str]]:
    """The rows of the tables below a heading, without their heads, a cell each."""
    section = re.split("^## ", text.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]
    for table in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE):
        yield from ([cell.strip() for cell in row[1:-1].split("|")] for row in table.splitlines()[2:])


def code(text: str) -> list[str]:
    return re.findall("(?<!`)`([^`\n]+)`", text)


def test_the_tags_events_and_holds_can_be_read() -> None:
    tags = code(" ".join(tag for tag, _ in rows(README, "Tag a cluster")))
    of_events = re.compile(r'\{("(clusters|dry_run|time)|\})')
    events = [each for each in code(README + OF_LAMBDA) if of_events.match(each) and "..." not in each]
    holds = re.findall(r"[`=]((?:running|stopped) (?:from|until) \d[^`']*)", README + OF_LAMBDA)
    assert all([tags, events, holds])
    for tag in tags:
        Schedule.parse(tag, named={"berlin": "mon-fri 08:00-18:00 Europe/Berlin"})
    assert [each for each in events if Event.read(json.loads(each), NOW).mistakes] == []
    for hold in holds:
        Hold.parse(hold, zone=ZoneInfo("UTC"))


def test_the_tables_have_all_reasons_all_settings_with_their_defaults_and_all_modules_of_what_acts() -> None:
    assert {code(row[0])[0] for row in rows(README, "What is done, and why")} == {*Reason}
    defaults = {key: code(row[1]) for row in rows(README, "Settings") for key in code(row[0])}
    values = {key: getattr(StackSettings(), field_of(key)) for key in KEYS}
    words = {key: value if value and isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    assert defaults == {key: [] if values[key] in ((), None) else [words[key]] for key in KEYS}
    modules = code(" ".join(row[1] for row in rows(OF_LAMBDA, "The modules")))
    assert sorted(modules) == sorted(each.name for each in (PROJECT / "lambda/office_hours").glob("[a-z]*.py"))


@EACH_DOCUMENT
def test_every_target_of_make_that_is_named_exists(document: Path) -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"(?:`|=\d+ )make ([a-z-]+)", document.read_text())) <= {*targets}


def test_what_infra_names_is_what_there_is() -> None:
    text = (PROJECT / "infra" / "README.md").read_text()
    table = text.partition("| problem | what it means |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| `(.+?)`", table, re.MULTILINE)) == PROBLEMS  # the worst first
    for name in (*EVENTS["stop"], *EVENTS["start"]):
        assert f"`{name}`" in text
