"""The import arrow train -> edge <- convert, and edge without TensorFlow, read off the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "edge": {"train", "convert", "tests", "tensorflow", "keras", "sklearn", "matplotlib", "PIL", "requests"},
    "train": {"convert", "tests"},
    "convert": {"train", "tests"},
}


def imported(path: Path) -> set[str]:
    """Top-level names of all that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_the_import_arrow_holds(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert len(files) > 5
    wrong = {str(path.relative_to(ROOT)): imported(path) & FORBIDDEN[package] for path in files}
    assert {path: names for path, names in wrong.items() if names} == {}


def test_the_check_sees_a_forbidden_import(tmp_path):
    (tmp_path / "bad.py").write_text("def f():\n    from tensorflow import keras\n")
    assert imported(tmp_path / "bad.py") == {"tensorflow"}
