from pathlib import Path

import pytest

from storage import sql

AREAS = sorted(path.stem for path in sql.FOLDER.glob("*.sql"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sql, "FOLDER", tmp_path)
    sql.statements.cache_clear()
    return tmp_path


@pytest.mark.parametrize("area", AREAS)
def test_every_file_of_statements_can_be_read(area: str) -> None:
    assert sql.statements(area)


def test_a_statement_is_found_by_its_name_without_its_comment(folder: Path) -> None:
    (folder / "a.sql").write_text(
        "-- About.\n\n-- name: one\n-- Says one.\nSELECT 1\n\n-- name: two\n-- Two.\nSELECT\n2\n"
    )
    assert sql.statements("a") == {"one": "SELECT 1", "two": "SELECT\n2"}


def test_a_statement_without_a_comment_is_refused(folder: Path) -> None:
    (folder / "b.sql").write_text("-- name: one\nSELECT 1\n")
    with pytest.raises(AssertionError, match="expected a comment"):
        sql.statements("b")


def test_a_name_twice_is_refused(folder: Path) -> None:
    (folder / "c.sql").write_text("-- name: one\n-- A.\nSELECT 1\n-- name: one\n-- B.\nSELECT 2\n")
    with pytest.raises(AssertionError, match="were two"):
        sql.statements("c")
