"""Rules about the source tree that no linter has."""

import ast
import pydoc
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FILE = 500
LONGEST_FUNCTION = 60
CHECKED = (".py", ".js", ".css", ".html", ".sh")


def source_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [ROOT / name for name in listed if name.endswith(CHECKED) and (ROOT / name).is_file()]


def test_no_file_is_longer_than_500_lines():
    long = {
        str(path): n for path in source_files() if (n := len(path.read_text().splitlines())) > LONGEST_FILE
    }
    assert not long


def test_no_function_is_longer_than_60_lines():
    long = {}
    for path in source_files():
        if path.suffix != ".py" or "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = length
    assert not long


@pytest.mark.parametrize("path", ["syncjobs/queue.py"])
def test_each_task_name_resolves(path):
    names = re.findall(r'"(syncjobs\.tasks\.\w+)"', (ROOT / path).read_text())
    assert names
    for name in names:
        assert callable(pydoc.locate(name)), name
