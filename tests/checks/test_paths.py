"""Paths that only look as if they leaned on the working directory give no finding; others do."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.checks.engine import check_statically
from kit.submissions import Submission
from tests.support.checks import good_submission
from tests.support.kit import write_tree

CODES = {"path-relative", "path-absolute", "path-platform", "write-relative"}
MOVES = {
    "os.path": "os.chdir(os.path.dirname(os.path.abspath(__file__)))",
    "plain dirname": "os.chdir(os.path.dirname(__file__))",
    "pathlib": "os.chdir(Path(__file__).parent)",
    "a constant": "os.chdir(HERE)",
    "text of a constant": "os.chdir(str(HERE))",
    "contextlib": "contextlib.chdir(HERE).__enter__()",
    "a subfolder": 'os.chdir(HERE / "weights")',
    "an annotated name": "folder: Path = HERE\n{indent}os.chdir(folder)",
    "a function": "def here():\n{indent}    return HERE\n{indent}os.chdir(here())",
    "inspect": "os.chdir(os.path.dirname(inspect.getfile(inspect.currentframe())))",
    "a name of a name": "folder = str(HERE)\n{indent}os.chdir(folder)",
}
HEAD = "import contextlib\nimport inspect\nimport os\nfrom pathlib import Path\n"


def codes(folder: Path) -> set[str]:
    report = check_statically(Submission("s", folder))
    return {finding.code for finding in report.findings} & CODES


def with_model(tmp_path: Path, old: str, new: str) -> Path:
    folder = good_submission(tmp_path / "s")
    text = (folder / "model.py").read_text()
    assert old in text
    text = text.replace("from pathlib import Path\n", HEAD).replace(old, new)
    (folder / "model.py").write_text(text)
    return folder


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_paths_after_a_change_to_the_own_folder_are_fine(tmp_path: Path, move: str) -> None:
    at_import = f"{move.format(indent='')}\n\n\nclass Model:"
    folder = with_model(tmp_path / "a", "class Model:", at_import)
    text = (folder / "model.py").read_text()
    (folder / "model.py").write_text(text.replace('HERE / "weights" / "head.npz"', '"head.npz"'))
    assert codes(folder) == set()
    in_load = 8 * " " + move.format(indent=8 * " ") + '\n        with np.load("weights/head.npz")'
    line = '        with np.load(HERE / "weights" / "head.npz")'
    assert codes(with_model(tmp_path / "b", line, in_load)) == set()


@pytest.mark.parametrize(
    "line",
    [
        'np.load("weights/head.npz")\n        os.chdir(HERE)',
        'os.chdir("weights")\n        np.load("weights/head.npz")',
        'os.chdir("/tmp")\n        np.load("weights/head.npz")',
    ],
)
def test_a_path_before_the_change_or_after_another_is_found(tmp_path: Path, line: str) -> None:
    folder = with_model(tmp_path, 'self.device = "cpu"', f'self.device = "cpu"\n        {line}')
    assert "path-relative" in codes(folder)


MAIN = """
if __name__ == "__main__":
    print(np.load("weights/head.npz"), open("/home/me/image.jpg"), open("out.txt", "w"))
"""
MAIN_CALLS = """
def show(path="/home/me/image.jpg"):
    print(np.load("weights/head.npz"), open("/app/input_data/x"))
    show()


def main():
    show()


if "__main__" == __name__:
    main()
"""


@pytest.mark.parametrize("text", [MAIN, MAIN_CALLS])
def test_what_only_a_start_by_hand_runs_is_fine(tmp_path: Path, text: str) -> None:
    folder = good_submission(tmp_path / "s")
    (folder / "model.py").write_text((folder / "model.py").read_text() + text)
    assert codes(folder) == set()


def test_a_function_that_another_module_calls_runs(tmp_path: Path) -> None:
    folder = good_submission(tmp_path / "s")
    helper = 'import numpy as np\n\n\ndef read():\n    return np.load("weights/head.npz")\n\n\n'
    write_tree(folder, {"helper.py": helper + 'if __name__ == "__main__":\n    read()\n'})
    assert codes(folder) == set()
    model = (folder / "model.py").read_text()
    (folder / "model.py").write_text(
        model.replace(
            "import numpy as np\n", "import helper\n\nA = 1\nimport numpy as np\n"
        ).replace('self.device = "cpu"', "helper.read()")
    )
    assert codes(folder) == {"path-relative"}


@pytest.mark.parametrize("test", ['Model.__name__ == "Model"', '__name__ != "__main__"'])
def test_another_condition_hides_nothing(tmp_path: Path, test: str) -> None:
    folder = good_submission(tmp_path / "s")
    text = f'\nif {test}:\n    print(np.load("weights/head.npz"))\n'
    (folder / "model.py").write_text((folder / "model.py").read_text() + text)
    assert "path-relative" in codes(folder)


def test_a_path_that_is_joined_to_the_own_folder_is_fine(tmp_path: Path) -> None:
    for number, path in enumerate(
        ('HERE.joinpath(Path("weights"))', 'os.path.join(HERE, Path("weights"))',
         'HERE / Path("weights") / "head.npz"')
    ):  # fmt: skip
        folder = with_model(tmp_path / str(number), 'self.device = "cpu"', f"self.x = {path}")
        assert codes(folder) == set()
