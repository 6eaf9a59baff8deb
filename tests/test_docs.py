"""Every link in the documentation leads somewhere in this project, heading included; every name in it is one."""

import re
from pathlib import Path

import pytest

from console_events import EVENTS
from office_hours.reporting.status import PROBLEMS

PROJECT = Path(__file__).parents[1]
DOCUMENTS = [
    *PROJECT.glob("*.md"),
    *(PROJECT / "infra").glob("*.md"),
    *PROJECT.glob("lambda/*.md"),
    *PROJECT.glob("tests/*/*.md"),
]


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives the headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https://)([^)#\s]*)(?:#([^)\s]+))?\)", document.read_text())
    targets = [(document.parent / path if path else document, anchor) for path, anchor in links]
    assert [str(path) for path, _ in targets if not path.exists()] == []
    assert [anchor for path, anchor in targets if anchor and anchor not in anchors(path)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_target_of_make_that_is_named_exists(document: Path) -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"(?:`|=\d+ )make ([a-z-]+)", document.read_text())) <= {*targets}


def test_what_infra_names_is_what_there_is() -> None:
    text = (PROJECT / "infra" / "README.md").read_text()
    table = text.partition("| problem | what it means |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| `(.+?)`", table, re.MULTILINE)) == PROBLEMS  # the worst first
    for name in (*EVENTS["stop"], *EVENTS["start"]):
        assert f"`{name}`" in text
