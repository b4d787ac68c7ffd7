"""The import check sees packages: what Python would find is found, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.checks.engine import check_statically
from kit.submissions import Submission
from tests.support.checks import good_submission
from tests.support.kit import write_tree

# Name -> files of the submission next to model.py, and the line that model.py begins with.
GOOD: dict[str, tuple[dict[str, str], str]] = {
    "a file": ({"net.py": "A = 1"}, "from net import A"),
    "a namespace package": ({"pack/inner.py": "A = 1"}, "from pack.inner import A"),
    "a module of one": ({"pack/inner.py": "A = 1"}, "from pack import inner"),
    "a package": ({"pack/__init__.py": "A = 1"}, "from pack import A"),
    "a nested package": ({"pack/deep/inner.py": "A = 1"}, "import pack.deep.inner"),
    "everything": ({"pack/__init__.py": "A = 1"}, "from pack import *"),
    "a name by star": (
        {"pack/__init__.py": "from .inner import *", "pack/inner.py": "A = 1"},
        "from pack import A",
    ),
    "a name on demand": (
        {"pack/__init__.py": "def __getattr__(name):\n    return 1"},
        "from pack import anything",
    ),
    "relative imports in a package": (
        {
            "pack/__init__.py": "from . import inner\nfrom .inner import A",
            "pack/inner.py": "A = 1",
            "pack/deep/leaf.py": "from ..inner import A\nfrom .. import inner, A",
        },
        "import pack.deep.leaf",
    ),
    "src on the path, from a literal": (
        {"src/net.py": "A = 1"},
        "import sys\nsys.path.insert(0, 'src')\nimport net",
    ),
    "src on the path, from __file__": (
        {"src/net.py": "A = 1"},
        "import os, sys\n"
        "sys.path.append(os.path.join(os.path.dirname(__file__), 'src'))\nimport net",
    ),
    "src on the path, by a name": (
        {"src/deep/net.py": "A = 1"},
        "import sys\nfrom pathlib import Path\nROOT = Path(__file__).parent\nSRC = ROOT / 'src'\n"
        "sys.path += [str(SRC / 'deep')]\nimport net",
    ),
    "a folder on the path that nobody can tell": (
        {"src/net.py": "A = 1"},
        "import os, sys\nsys.path.insert(0, os.environ['CODE'])\nimport net",
    ),
    "the folder itself on the path": (
        {"net.py": "A = 1"},
        "import sys\nfrom pathlib import Path\n"
        "sys.path.insert(0, str(Path(__file__).parent))\nimport net",
    ),
    "a folder with the name of an installed package": (
        {"sklearn/notes.py": "A = 1", "numpy/table.json": "{}"},
        "from sklearn.linear_model import LogisticRegression",
    ),
    "a module that may be missing": (
        {"pack/inner.py": "A = 1"},
        "try:\n    from pack.fast import A\nexcept ImportError:\n    from pack.inner import A",
    ),
}  # fmt: skip


def import_findings(folder: Path, files: dict[str, str], head: str) -> list[str]:
    good_submission(folder)
    write_tree(folder, dict(files))
    model = folder / "model.py"
    model.write_text(f"{head}\n{model.read_text()}")
    report = check_statically(Submission("mine", folder))
    return [str(f) for f in report.findings if f.code.startswith("import-")]


@pytest.mark.parametrize("name", GOOD)
def test_what_python_finds_is_found(name: str, tmp_path: Path) -> None:
    assert not import_findings(tmp_path, *GOOD[name])


def test_a_folder_on_the_path_does_not_bring_the_others(tmp_path: Path) -> None:
    files = {"src/net.py": "A = 1", "lib/tool.py": "A = 1"}
    head = "import sys\nsys.path.insert(0, 'src')\nimport net, tool"
    (found,) = import_findings(tmp_path, files, head)
    assert "tool is not at the root of the submission; its name is lib.tool" in found


def test_a_relative_import_at_the_root_says_why(tmp_path: Path) -> None:
    (found,) = import_findings(tmp_path, {"net.py": "A = 1"}, "from .net import A")
    assert "model.py is imported without a package" in found
