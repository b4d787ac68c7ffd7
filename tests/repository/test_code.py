"""The code as a whole: how long functions are, and what the tests of the kit import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import ROOT, is_vendored, tracked

FOLDERS = (
    "kit",
    "ingestion_program",
    "scoring_program",
    "submissions",
    "training",
    "sample_data",
    "benchmarks",
    "tests",
)
LONGEST_USUAL = 30  # lines
COLLECT = """
import sys, pytest
options = ["-q", "--collect-only", "-p", "no:cacheprovider", "-p", "no:xdist"]
status = pytest.main([*options, *sys.argv[1:]])
heavy = sorted({"torch", "torchvision", "timm", "transformers", "cv2"} & set(sys.modules))
sys.exit(f"status {status}, imported: {heavy}" if status or heavy else 0)
"""


def function_lengths(path: Path) -> list[int]:
    """The lines of each function in a file, decorators not counted."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, functions)
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_nineteen_of_twenty_functions_are_short(folder: str) -> None:
    files = [path for path in tracked(f"{folder}/*.py") if not is_vendored(path)]
    lengths = sorted(length for path in files for length in function_lengths(path))
    assert lengths
    p95 = lengths[int(0.95 * len(lengths))]
    assert p95 <= LONGEST_USUAL, f"{folder}: 95 % of the functions have at most {p95} lines"


def kit_tests() -> list[str]:
    """The folders of `make test-kit`."""
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    (folders,) = [line.split(":=")[1].split() for line in lines if line.startswith("KIT_TESTS :=")]
    assert all((ROOT / folder).is_dir() for folder in folders)
    return folders


@pytest.mark.process
def test_make_test_kit_needs_no_torch() -> None:
    """Its tests are collected without importing one of the large packages."""
    ended = subprocess.run(
        [sys.executable, "-c", COLLECT, *kit_tests()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
