"""The files of the migrations belong together."""

import ast
from pathlib import Path

import pytest

from storage.migration_files import VERSIONS, head, migration_files, statements

PYTHON = sorted(VERSIONS.glob("*.py"))


def assigned(path: Path, name: str) -> object:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{path.name} does not say its {name}")


def test_revisions_form_one_chain_that_begins_with_nothing() -> None:
    revisions = [assigned(path, "revision") for path in PYTHON]
    assert revisions == [path.name[:4] for path in PYTHON]
    assert [assigned(path, "down_revision") for path in PYTHON] == [None, *revisions[:-1]]
    assert head() == revisions[-1]


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.stem)
def test_every_revision_can_go_both_ways(path: Path) -> None:
    assert statements(str(path))
    assert statements(str(path), down=True)


def test_every_upgrading_file_has_a_checksum() -> None:
    assert [file.name for file in migration_files()] == [f"{path.stem}.sql" for path in PYTHON]
    assert len({file.sha256 for file in migration_files()}) == len(PYTHON)


def test_statements_are_cut_at_marks_only(tmp_path: Path) -> None:
    (tmp_path / "0001_x.sql").write_text("select ';' -- ;; not here\n-- ;;\nselect 2;\n-- ;;\n\n")
    assert statements(str(tmp_path / "0001_x.py")) == ["select ';' -- ;; not here", "select 2;"]
