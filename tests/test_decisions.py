"""Decision records: each has the form of `docs/decisions/README.md` and is in its index."""

import re

import pytest

from tests.support.source import ROOT

FOLDER = ROOT / "docs/decisions"
RECORDS = sorted(path.name for path in FOLDER.glob("*.md") if path.name != "README.md")
SECTIONS = ["Why", "What", "What follows"]


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_the_form(name: str) -> None:
    text = (FOLDER / name).read_text()
    lines = text.splitlines()
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+\.md", name)
    assert re.fullmatch(r"# \S.*[^.]", lines[0])
    assert re.fullmatch(r"Status: (accepted|replaced by \[.+\]\(.+\.md\))", lines[2])
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == SECTIONS


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_in_the_index_under_its_title(name: str) -> None:
    title = (FOLDER / name).read_text().splitlines()[0].removeprefix("# ")
    assert f"- [{title}]({name})" in (FOLDER / "README.md").read_text().splitlines()


def test_the_index_names_no_record_that_is_not_there() -> None:
    index = (FOLDER / "README.md").read_text().partition("## Index")[2]
    assert sorted(re.findall(r"\]\(([^)]+)\)", index)) == RECORDS
