"""YAML from outside: what organisers write reads, what multiplies is refused at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.located_yaml import read_document
from kit.yaml_text import DEEPEST, MOST_BYTES, MOST_VALUES, parse_yaml, read_yaml
from tests.fuzz.limits import limited

LEVELS = range(1, 11)
BOMB = "v0: &v0 x\n" + "".join(
    f"v{n}: &v{n} [{', '.join([f'*v{n - 1}'] * 10)}]\n" for n in LEVELS
)  # fmt: skip
MERGES = "v0: &v0 {x: 1}\n" + "".join(
    f"v{n}: &v{n} {{<<: [{', '.join([f'*v{n - 1}'] * 10)}], k{n}: 1}}\n" for n in LEVELS
)
CHAIN = "v0: &v0 x\n" + "".join(f"v{n}: &v{n} [*v{n - 1}]\n" for n in range(1, 2000))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (BOMB, f"at most {MOST_VALUES:,} values"),
        (MERGES, f"at most {MOST_VALUES:,} values"),
        ("a: &a " + "x" * 5000 + "\nb: [" + "*a, " * 5000 + "]", "characters"),
        (CHAIN, f"at most {DEEPEST} levels"),
        ("a: " + "[" * 5000, f"at most {DEEPEST} levels"),
        ("".join("  " * n + f"n{n}:\n" for n in range(500)), f"at most {DEEPEST} levels"),
        ("a: &a [*a]", "holds it"),
        ("a: &a {<<: *a}", "holds it"),
        ("a: [" + "1, " * MOST_VALUES + "]", f"at most {MOST_VALUES:,} values"),
        ("a: " + "9" * 5000, "digits"),
        ("a: 0x" + "f" * 5000, "digits"),
        ("a: !!int ''", "kind int"),
        ("a: " + "1:" * 200 + "1.5", "kind float"),
        ("a" * (MOST_BYTES + 1), f"at most {MOST_BYTES:,}"),
    ],
)
def test_what_multiplies_is_refused_in_little_memory(text: str, found: str) -> None:
    with limited(megabytes=200), pytest.raises(ValueError, match=found):
        parse_yaml(text)


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "competition.yaml"
    with path.open("wb") as stream:
        stream.truncate(2**33)
    with limited(megabytes=200), pytest.raises(ValueError, match="8,589,934,592"):
        read_yaml(path)


def test_ordinary_anchors_aliases_and_merges_are_good(tmp_path: Path) -> None:
    path = tmp_path / "competition.yaml"
    path.write_text(
        "phase: &phase {tasks: [0], start: 2027-01-01}\n"
        "phases:\n"
        "  - <<: *phase\n"
        "    name: First\n"
        "  - {<<: *phase, start: '2027-02-01'}\n"
        "again: *phase\n"
    )
    document = read_document(path)
    first, second = document.content["phases"]
    assert first["tasks"] == second["tasks"] == [0]
    assert second["start"] == "2027-02-01"
    assert document.line("phases", 0, "start") == 1  # where the merged value stands
    assert document.line("phases", 1, "start") == 5
    assert ("phases", 0, "start") in document.timestamps
    assert ("phases", 1, "start") not in document.timestamps
    assert document.duplicates == []


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("a: 1\na: 2\n", ["a"]),
        ("a:\na: 2\n", []),
        ("a: ''\na: 2\n", []),
        ("a: []\na: [1]\n", []),
        ("a: 1\na: 1\n", []),
        ("a: [1]\na: [2]\n", ["a"]),
        ("a: 1\na:\n", ["a"]),
        ("a:\na: 1\na: 2\n", ["a"]),
        ("1: a\n'1': b\n", []),
        ("d: &d {x: 1}\n<<: *d\n<<: *d\n", []),
    ],
)
def test_a_key_given_twice_counts_where_a_value_is_lost(
    text: str, lost: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    assert [place[-1] for place in read_document(path).duplicates] == lost
