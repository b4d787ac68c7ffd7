"""The frame of a script: exit status, one line for an error, a traceback for a bug."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from training.common import script
from training.common.atomic import write_all, write_json
from training.common.digests import short_digest
from training.common.errors import DataError


@dataclass(frozen=True)
class Recipe:
    """As the trainers have them."""

    learning_rate: float = 0.1
    epochs: int = field(default=3, metadata={"help": "passes over the data"})
    backbone: str = "tiny"
    sizes: tuple[int, ...] = (1, 2)


def run(work: Callable[[argparse.Namespace], int | None], *arguments: str) -> int:
    options = script.parser("training.hybrid.example", "An example.")
    script.add_recipe_options(options, Recipe)
    parsed = options.parse_args(arguments)
    return script.run(parsed, lambda: work(parsed))


def test_success_and_the_works_own_status() -> None:
    assert run(lambda options: None) == 0
    assert run(lambda options: 1) == 1


def test_an_error_of_the_project_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def work(options: argparse.Namespace) -> None:
        raise DataError("train.csv: no rows")

    assert run(work) == 1
    assert capsys.readouterr().err == "example: train.csv: no rows\n"
    assert run(work, "--debug") == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_file_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def work(options: argparse.Namespace) -> None:
        (tmp_path / "none").read_bytes()

    assert run(work) == 1
    assert "none: No such file or directory" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback() -> None:
    def work(options: argparse.Namespace) -> None:
        raise ValueError("operands could not be broadcast")

    with pytest.raises(ValueError, match="broadcast"):
        run(work)


def test_an_interruption_has_its_own_status(capsys: pytest.CaptureFixture[str]) -> None:
    def work(options: argparse.Namespace) -> None:
        raise KeyboardInterrupt

    assert run(work) == 130
    assert "interrupted" in capsys.readouterr().err


def test_options_change_a_recipe_and_the_rest_stays() -> None:
    seen: list[Recipe] = []

    def work(options: argparse.Namespace) -> None:
        seen.append(script.changed(Recipe(), options))

    assert run(work, "--learning-rate", "0.5", "--backbone", "wide") == 0
    assert seen == [Recipe(learning_rate=0.5, backbone="wide")]


def test_only_the_named_fields_get_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    options = script.parser("training.hybrid.example", "An example.")
    script.add_recipe_options(options, Recipe, ["epochs"])
    with pytest.raises(SystemExit) as ended:
        options.parse_args(["--backbone", "wide"])
    assert ended.value.code == 2
    assert "--epochs INT" in capsys.readouterr().err


def test_several_files_are_replaced_together(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"old": True})
    with pytest.raises(TypeError):
        write_all(tmp_path, {"a.json": b"{}", "b": None})  # type: ignore[dict-item]
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert "old" in (tmp_path / "a.json").read_text()
    write_all(tmp_path, {"b/c": b"1", "a.json": b"{}"})
    assert (tmp_path / "b" / "c").read_bytes() == b"1"
    assert (tmp_path / "a.json").read_bytes() == b"{}"


def test_a_digest_of_text_bytes_and_files(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert short_digest("abc") == short_digest(b"abc") == short_digest(tmp_path / "x")
    assert short_digest("a", b"bc") == short_digest("abc") == "ba7816bf8f01cfea"
