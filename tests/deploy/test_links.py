"""Whoever starts at README.md finds every document, and no link is broken."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def linked(page: Path) -> set[Path]:
    """The files that a page links to."""
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    return {(page.parent / target).resolve() for target in targets if "://" not in target}


def test_readme_leads_to_each_document() -> None:
    documents = {p for p in DOCS.iterdir() if p.suffix in {".md", ".yaml", ".json"}}
    assert documents <= linked(ROOT / "README.md")


def test_the_map_of_edge_has_each_of_its_rooms() -> None:
    page = (DOCS / "architecture.md").read_text("utf-8")
    rooms = {f"{path.parent.name}/" for path in (ROOT / "edge").glob("*/__init__.py")}
    assert rooms <= set(re.findall(r"^\| `(\w+/)` \|", page, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_broken(page: Path) -> None:
    assert [path for path in linked(page) if not path.exists()] == []
