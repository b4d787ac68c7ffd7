"""The import check sees packages: what Python would find is found, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.checks.engine import check_statically
from kit.submissions import Submission
from tests.support.checks import good_submission
from tests.support.kit import write_tree

NET = {"net.py": "A = 1"}
LAYERS = {"net.py": "from .layers import A", "layers.py": "A = 1"}
# Name -> files of the submission next to model.py, and the line that model.py begins with.
GOOD: dict[str, tuple[dict[str, str], str]] = {
    "a file": (NET, "from net import A"),
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
        NET,
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
    "a relative import with an absolute one in reserve": (
        NET,
        "try:\n    from .net import A\nexcept ImportError:\n    from net import A",
    ),
    "a relative import with one in reserve for any error": (
        NET,
        "try:\n    from . import net\nexcept Exception:\n    import net",
    ),
    "a relative import in reserve": (
        NET,
        "try:\n    from net import A\nexcept ImportError:\n    from .net import A",
    ),
    "a relative import in packages only": (
        NET,
        "if __package__:\n    from .net import A\nelse:\n    from net import A",
    ),
    "a relative import that only a script of its own meets": (
        NET,
        "from net import A\nif __name__ == '__main__':\n    from .net import A\n    import nowhere",
    ),
    "a relative import in a file that nothing imports": (
        {"net.py": "A = 1", "train.py": "from .net import A"},
        "from net import A",
    ),
    "a relative import by import_module": (
        {"pack/inner.py": "import importlib\nimportlib.import_module('.leaf', __package__)",
         "pack/leaf.py": "A = 1"},
        "import pack.inner",
    ),
    "a package in a folder on the path": (
        {"src/pack/inner.py": "from .leaf import A", "src/pack/leaf.py": "A = 1"},
        "import sys\nsys.path.insert(0, 'src')\nfrom pack.inner import A",
    ),
    "a folder that is both on the path and a package": (
        {"src/net.py": "from .leaf import A", "src/leaf.py": "A = 1", "src/tool.py": "B = 1"},
        "import sys\nsys.path.insert(0, 'src')\nfrom src.net import A\nimport tool",
    ),
}  # fmt: skip
RELATIVE: dict[str, tuple[dict[str, str], str]] = {
    "from a module": (NET, "from .net import A"),
    "from the folder": (NET, "from . import net"),
    "everything": (NET, "from .net import *"),
    "from a package": ({"pack/net.py": "A = 1"}, "from .pack.net import A"),
    "from above": (NET, "from .. import net"),
    "with __init__.py next to model.py": (
        {"net.py": "A = 1", "__init__.py": ""}, "from .net import A",
    ),
    "in a function": (NET, "def build():\n    from .net import A\n    return A"),
    "in the module next to it": (LAYERS, "from net import A"),
    "in a module that import_module loads": (
        LAYERS,
        "import importlib\nnet = importlib.import_module('net')",
    ),
    "in a module that something loads": (
        LAYERS,
        "import importlib, os\nnet = importlib.import_module(os.environ['NET'])",
    ),
    "in a package, too far up": (
        {"pack/net.py": "from ..layers import A", "layers.py": "A = 1"}, "import pack.net",
    ),
    "in a folder on the path": (
        {"src/net.py": "from .leaf import A", "src/leaf.py": "A = 1"},
        "import sys\nsys.path.insert(0, 'src')\nfrom net import A",
    ),
    "by import_module": (
        NET, "import importlib\nimportlib.import_module('.net', __package__)",
    ),
    "under a handler that raises": (
        NET,
        "try:\n    from .net import A\nexcept ImportError as e:\n    raise OSError from e",
    ),
    "under a handler of another error": (
        NET,
        "try:\n    from .net import A\nexcept ModuleNotFoundError:\n    from net import A",
    ),
    "twice": (
        {"net.py": "A = 1", "old.py": "A = 1"},
        "try:\n    from .net import A\nexcept ImportError:\n    from .old import A",
    ),
    "unless it is a script": (
        NET,
        "if __name__ == '__main__':\n    from net import A\nelse:\n    from .net import A",
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


@pytest.mark.parametrize("name", RELATIVE)
def test_a_relative_import_that_fails_is_found(name: str, tmp_path: Path) -> None:
    (found,) = import_findings(tmp_path, *RELATIVE[name])
    assert "leads out of the packages" in found


def test_what_stands_in_for_a_relative_import_has_to_be_there(tmp_path: Path) -> None:
    head = "try:\n    from .net import A\nexcept ImportError:\n    from nett import A"
    (found,) = import_findings(tmp_path, NET, head)
    assert "nett is not in the submission" in found


def test_a_folder_on_the_path_does_not_bring_the_others(tmp_path: Path) -> None:
    files = {"src/net.py": "A = 1", "lib/tool.py": "A = 1"}
    head = "import sys\nsys.path.insert(0, 'src')\nimport net, tool"
    (found,) = import_findings(tmp_path, files, head)
    assert "tool is not at the root of the submission; its name is lib.tool" in found


def test_a_relative_import_at_the_root_says_why(tmp_path: Path) -> None:
    (found,) = import_findings(tmp_path, NET, "from .net import A")
    assert "model.py is imported without a package" in found
