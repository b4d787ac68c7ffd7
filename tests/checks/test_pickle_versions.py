"""Pickles made with NumPy 2, under what requirements.txt asks for."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pytest

from kit.checks.engine import check_statically
from kit.submissions import Submission
from tests.support.checks import add_weights, good_submission

ARRAY = np.arange(5.0)
OBJECTS = np.array([1, None, {"a": np.float64(3)}], dtype=object)


def saved(write: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


MADE_WITH_2: dict[str, tuple[str, bytes]] = {
    "pickle": ("a.pkl", pickle.dumps(ARRAY)),
    "a number": ("a.pkl", pickle.dumps({"loss": np.float32(2)})),
    "joblib": ("a.joblib", saved(lambda s: joblib.dump({"a": ARRAY, "b": np.float64(1)}, s))),
    "joblib, zlib": ("a.joblib", saved(lambda s: joblib.dump(np.float64(1), s, compress=3))),
    "npy of objects": ("a.npy", saved(lambda s: np.save(s, OBJECTS, allow_pickle=True))),
    "npz of objects": ("a.npz", saved(lambda s: np.savez(s, a=OBJECTS))),
}
# What NumPy 1.26's stubs have no module for.
UNREADABLE = {
    "pickle of protocol 5": pickle.dumps(ARRAY, 5),
    "a generator": pickle.dumps(np.random.default_rng(0)),
}


def codes_for(folder: Path, name: str, content: bytes, numpy: str) -> set[str]:
    good_submission(folder)
    add_weights(folder, f"weights/{name}", content)
    lines = (folder / "requirements.txt").read_text().splitlines()
    (folder / "requirements.txt").write_text("\n".join([numpy, *lines[1:]]).strip() + "\n")
    report = check_statically(Submission("mine", folder))
    found = [finding for finding in report.findings if finding.file == f"weights/{name}"]
    return {finding.code for finding in found if finding.code.startswith("numpy-")}


@pytest.mark.parametrize("case", MADE_WITH_2)
@pytest.mark.parametrize("numpy", ["numpy==1.24.3", "numpy<1.26", "numpy==1.26.0", "numpy~=1.24.0"])
def test_numpy_1_cannot_read_it(case: str, numpy: str, tmp_path: Path) -> None:
    assert codes_for(tmp_path, *MADE_WITH_2[case], numpy) == {"numpy-pin-older"}


@pytest.mark.parametrize("numpy", ["numpy==1.26.4", "numpy<2", "numpy~=1.24", "numpy==1.*"])
def test_the_last_numpy_1_reads_most_through_stubs(numpy: str, tmp_path: Path) -> None:
    content = MADE_WITH_2["pickle"]
    assert codes_for(tmp_path / "a", *content, numpy) == {"numpy-made-newer"}
    for number, content_1 in enumerate(UNREADABLE.values()):
        found = codes_for(tmp_path / str(number), "a.pkl", content_1, numpy)
        assert found == {"numpy-pin-older"}


@pytest.mark.parametrize("numpy", ["numpy", "numpy>=2", "numpy==2.1.3", "numpy>1", "", "numpy<3"])
def test_numpy_2_reads_it(numpy: str, tmp_path: Path) -> None:
    assert not codes_for(tmp_path, "a.pkl", UNREADABLE["pickle of protocol 5"], numpy)


def test_pickles_of_numpy_1_and_plain_arrays_are_read_by_both(tmp_path: Path) -> None:
    old = pickle.dumps(ARRAY).replace(b"\x16numpy._core.multiarray", b"\x15numpy.core.multiarray")
    assert b"numpy.core" in old
    assert not codes_for(tmp_path / "a", "a.pkl", old, "numpy==1.24.3")
    plain = saved(lambda stream: np.save(stream, ARRAY))
    assert not codes_for(tmp_path / "b", "a.npy", plain, "numpy==1.24.3")
