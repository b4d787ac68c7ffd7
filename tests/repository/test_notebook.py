"""The notebook: it runs from the first cell to the last, and leaves nothing in the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pages import shell_environment
from tests.support.repository import ROOT

NOTEBOOK = ROOT / "docs" / "notebooks" / "first_submission.ipynb"
# In a process of its own: its event loop and its threads are none of pytest's.
RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


@pytest.mark.process
def test_the_notebook_ends_with_a_packed_zip(tmp_path: Path) -> None:
    for name in ("nbclient", "nbformat", "ipykernel"):
        pytest.importorskip(name, reason="the extra `docs` is not installed")
    (tmp_path / "temporary").mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", RUN, NOTEBOOK, tmp_path / "run.ipynb"],
        cwd=tmp_path,
        env=shell_environment() | {"TMPDIR": str(tmp_path / "temporary")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    (work,) = (tmp_path / "temporary").glob("first_submission_*")
    assert (work / "dist/first.zip").is_file()
    assert {path.name for path in work.iterdir()} == {"submissions", "runs", "dist"}
    shown = json.loads((tmp_path / "run.ipynb").read_text(encoding="utf-8"))["cells"]
    assert "first.zip" in json.dumps(shown[-2]["outputs"])


def test_the_notebook_is_stored_without_outputs() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
