"""The kit's reader of requirements.txt and the ingestion program's agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.requirements import read_requirements
from wildlife_ingestion import requirements as ingestion
from wildlife_ingestion.errors import IngestionError

# Name -> content of the file, requirements that apply here, numbers of the lines refused.
AWKWARD: dict[str, tuple[bytes, list[str], list[int]]] = {
    "plain": (b"numpy\npillow==11.0\n", ["numpy", "pillow==11.0"], []),
    "no file end": (b"numpy", ["numpy"], []),
    "nothing": (b"", [], []),
    "comment after a tab": (b"numpy\t# fast\n", ["numpy"], []),
    "comment after a blank": (b"numpy # fast\n  # alone\n", ["numpy"], []),
    "a hash sign within": (b"numpy#fast\n", [], [1]),
    "continued": (b"numpy \\\n  >=1.0, \\\n  <99\npillow\n", ["numpy<99,>=1.0", "pillow"], []),
    "continued at the end": (b"pillow\nnumpy\\\n", ["pillow", "numpy"], []),
    "continued and wrong": (b"pillow\n\nnumpy \\\n  =1\n", ["pillow"], [3]),
    "a comment does not go on": (b"# old \\\nnumpy\n", ["numpy"], []),
    "an indented one neither": (b"  # old \\\nnumpy\n", ["numpy"], []),
    "a comment that is continued to": (b"numpy \\\n# old \\\npillow\n", ["numpy", "pillow"], []),
    "a comment right after the backslash": (b"numpy\\\n# old\npillow\n", ["numpy", "pillow"], []),
    "a comment after a package goes on": (b"numpy # old \\\npillow\n", ["numpy"], []),
    "marker that holds": (
        b'numpy; python_version >= "3"\n', ['numpy; python_version >= "3"'], [],
    ),
    "marker that does not": (b'numpy; python_version < "3"\npillow\n', ["pillow"], []),
    "hash": (b"numpy==1.0 --hash=sha256:00\n", [], [1]),
    "hash on the next line": (b"numpy==1.0 \\\n  --hash=sha256:00\npillow\n", ["pillow"], [1]),
    "extras": (b"timm[all]>=1\n", ["timm[all]>=1"], []),
    "byte order mark": (b"\xef\xbb\xbfnumpy\n", ["numpy"], []),
    "UTF-16": ("numpy\r\npillow\r\n".encode("utf-16"), ["numpy", "pillow"], []),
    "CRLF": (b"numpy\r\n\r\npillow  \r\n", ["numpy", "pillow"], []),
    "CRLF continued": (b"numpy \\\r\n>=1\r\n", ["numpy>=1"], []),
    "options": (b"-r base.txt\n--pre\n-e .\nnumpy\n", ["numpy"], [1, 2, 3]),
    "addresses and paths": (
        b"numpy @ https://x.org/n.whl\ngit+https://x.org/n\n./n.whl\nn.zip\n~/n\n",
        [],
        [1, 2, 3, 4, 5],
    ),
}  # fmt: skip


class Anything(dict[str, str]):
    """A whitelist of all names."""

    def __contains__(self, name: object) -> bool:
        return True


def read_by_ingestion(path: Path) -> tuple[list[str], list[int]]:
    """The requirements that apply and the refused lines; no requirements where one is refused."""
    try:
        return [str(item) for item in ingestion.read_requirements(path, Anything())], []
    except IngestionError as error:
        return [], [int(number) for number in re.findall(r"line (\d+) '", str(error))]


def read_by_kit(path: Path) -> tuple[list[str], list[int]]:
    lines = read_requirements(path)
    refused = [line.number for line in lines if line.content and line.requirement is None]
    return [str(line.requirement) for line in lines if line.applies], refused


@pytest.mark.parametrize("name", AWKWARD)
def test_both_readers_agree(name: str, tmp_path: Path) -> None:
    content, requirements, refused = AWKWARD[name]
    path = tmp_path / "requirements.txt"
    path.write_bytes(content)
    assert read_by_kit(path) == (requirements, refused)
    assert read_by_ingestion(path) == ([] if refused else requirements, refused)


WORDS = (
    "numpy",
    "pillow",
    "==1.0",
    ">=2",
    "#",
    " ",
    "\t",
    "\\",
    "\n",
    "\r\n",
    "-r",
    "x.whl",
    "[a]",
)


@given(st.lists(st.sampled_from(WORDS), max_size=12).map("".join))
def test_both_readers_agree_on_any_mixture(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("any") / "requirements.txt"
    path.write_bytes(text.encode())
    requirements, refused = read_by_kit(path)
    assert read_by_ingestion(path) == ([] if refused else requirements, refused)


def test_a_line_keeps_its_text(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("# first\n\nnumpy \\\n  >=1  # why\n")
    lines = read_requirements(path)
    assert [(line.number, line.text) for line in lines] == [
        (1, "# first"), (2, ""), (3, "numpy \\\n  >=1  # why"),
    ]  # fmt: skip
    assert lines[2].content == "numpy   >=1"


def test_a_missing_file_asks_for_nothing(tmp_path: Path) -> None:
    assert read_requirements(tmp_path / "requirements.txt") == []
