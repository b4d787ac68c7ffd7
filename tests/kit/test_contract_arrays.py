"""Arrays as predictions: files that are no .npz, damaged, or of another shape are told."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from kit.contracts.arrays import array_problems, read_array
from kit.errors import KitError

NAME, SOURCE = "out.npz", "in.npz"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A folder with predictions as wanted, for the input data next to it."""
    folder = tmp_path / "output"
    folder.mkdir()
    (tmp_path / "data").mkdir()
    np.savez(tmp_path / "data" / SOURCE, np.zeros((2, 3, 4)))
    np.savez(folder / NAME, np.ones((2, 3)))
    return folder


def problems(output: Path) -> list[str]:
    found = array_problems(output, {NAME: SOURCE}, output.with_name("data"))
    return [f"{one.code} {one.file}: {one.found}" for one in found]


def test_an_array_as_wanted_has_no_problem(output: Path) -> None:
    assert problems(output) == []


def test_a_plain_npy_file_is_no_npz(output: Path) -> None:
    with (output / NAME).open("wb") as stream:
        np.save(stream, np.ones((2, 3)))
    (problem,) = problems(output)
    assert problem.startswith("answers-missing out.npz: expected an .npz file with the array arr_0")


def test_damaged_bytes_are_one_problem(output: Path) -> None:
    np.savez_compressed(output / NAME, np.random.default_rng(0).normal(size=(2, 3)))
    whole = (output / NAME).read_bytes()
    for place in range(30, len(whole)):
        (output / NAME).write_bytes(
            whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        )
        assert len(problems(output)) <= 1, place
    (output / NAME).write_bytes(whole[: len(whole) // 2])
    assert len(problems(output)) == 1


def test_a_header_that_claims_a_huge_array_is_one_problem(output: Path) -> None:
    np.savez(output / NAME, np.ones((2, 3)))
    text = (output / NAME).read_bytes()
    (output / NAME).write_bytes(text.replace(b"(2, 3), }        ", b"(2222222, 33333), }"[:17]))
    assert len(problems(output)) == 1


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.ones((2, 4)), "expected the shape (2, 3), found (2, 4); in.npz has one axis more"),
        (np.array([["a"] * 3] * 2), "expected numbers, found <U1"),
        (np.array([[1, np.nan, np.inf], [0, 0, 0]]), "2 of 6 numbers"),
        (np.array([[None] * 3] * 2), "expected an .npz file with the array arr_0: Object arrays"),
    ],
)
def test_an_array_of_another_kind(output: Path, array: np.ndarray, found: str) -> None:
    np.savez(output / NAME, array)
    (problem,) = problems(output)
    assert found in problem


def test_a_missing_file_is_told(output: Path) -> None:
    (output / NAME).unlink()
    assert problems(output) == ["answers-missing out.npz: expected this file, found none"]


def test_damaged_input_data_are_told_with_their_path(output: Path) -> None:
    path = output.with_name("data") / SOURCE
    path.write_bytes(b"no zip")
    with pytest.raises(KitError, match=r"data/in\.npz: expected an \.npz file"):
        problems(output)
    with pytest.raises(KitError, match=r"data/in\.npz"):
        read_array(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_not_waited_for(output: Path) -> None:
    (output / NAME).unlink()
    os.mkfifo(output / NAME)
    (problem,) = problems(output)
    assert "expected an .npz file with the array arr_0" in problem
