"""Which checkpoints torch.load refuses as more than weights, and where that is found."""

from __future__ import annotations

import argparse
import io
import pickle
import tarfile
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest

from kit.checks.engine import check_statically
from kit.checks.submission import torch_loads
from kit.checks.submission.pickles import is_data
from kit.findings.finding import Report
from kit.submissions import Submission
from tests.support.checks import add_weights, good_submission
from tests.support.submission_defects import torch_file

LOAD = 'torch.load(HERE / "weights" / "a.pt", map_location="cpu")'
MORE = torch_file({"loss": np.float64(0.5)})
PLAIN = torch_file(OrderedDict(epoch=3, names=["a", "b"], best=(0.5, None, {1, 2})))


def old_file(content: object) -> bytes:
    head = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, content, []]
    return b"".join(pickle.dumps(part, 2) for part in head)


def torchscript() -> bytes:
    """The members of an archive of TorchScript whose data names a class of its own code."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("w/data.pkl", b"\x80\x02c__torch__.net.mangle_0\nNet\n)\x81.")
        archive.writestr("w/constants.pkl", b"\x80\x02).")
        archive.writestr("w/code/__torch__/net.py", "class Net(Module):\n  pass\n")
        archive.writestr("w/version", "3\n")
    return stream.getvalue()


def tar_file() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"))
    return stream.getvalue()


def report_for(
    folder: Path, content: bytes, load: str = LOAD, requirement: str = "torch", name: str = "a.pt"
) -> Report:
    good_submission(folder)
    add_weights(folder, f"weights/{name}", content)
    model = (folder / "model.py").read_text().replace("HERE = ", "import torch\n\nHERE = ")
    before = "    def preprocess("
    (folder / "model.py").write_text(model.replace(before, f"        {load}\n\n{before}"))
    with (folder / "requirements.txt").open("a") as lines:
        lines.write(f"{requirement}\n" if requirement else "")
    return check_statically(Submission("mine", folder))


def refusals(report: Report) -> list[str]:
    codes = ("torch-load-refused", "torch-load-may-refuse")
    return [finding.code for finding in report.findings if finding.code in codes]


@pytest.mark.parametrize(
    "content",
    [
        MORE,
        old_file({"loss": np.float64(0.5)}),
        torch_file({"args": argparse.Namespace(lr=1)}),
        torch_file(defaultdict(list)),
        torch_file({"a": np.zeros(2)}),
        torch_file({"a": 1}, protocol=4),
        torchscript(),
        tar_file(),
    ],
    ids=["number", "old", "namespace", "defaultdict", "array", "protocol 4", "script", "tar"],
)
def test_more_than_weights_is_refused(content: bytes, tmp_path: Path) -> None:
    assert refusals(report_for(tmp_path, content)) == ["torch-load-refused"]


@pytest.mark.parametrize("content", [PLAIN, old_file({"a": 1})], ids=["new", "old"])
def test_plain_weights_are_taken(content: bytes, tmp_path: Path) -> None:
    assert not report_for(tmp_path, content).findings


@pytest.mark.parametrize(
    ("requirement", "codes"),
    [
        ("torch", ["torch-load-refused"]),
        ("torch==2.6.0", ["torch-load-refused"]),
        ("torch==2.7.1+cpu", ["torch-load-refused"]),
        ("torch>=2.0", ["torch-load-refused"]),
        ("torch==2.5.1", []),
        ("torch<2.6", []),
        ("torch~=2.4.0", []),
        ("", ["torch-load-may-refuse"]),
    ],
)
def test_the_version_of_torch_counts(requirement: str, codes: list[str], tmp_path: Path) -> None:
    assert refusals(report_for(tmp_path, MORE, requirement=requirement)) == codes


@pytest.mark.parametrize(
    "load",
    [
        "torch.load(HERE / 'weights' / 'a.pt', weights_only=False)",
        "torch.load(HERE / 'weights' / 'a.pt', weights_only=not self.device)",
        "torch.load(HERE / 'weights' / 'a.pt', **self.options)",
        "torch.load(HERE / 'weights' / 'a.pt', pickle_module=pickle)",
        "torch.load(HERE / 'weights' / 'other.pt')",
        "torch.serialization.add_safe_globals([np.float64]); torch.load(self.path)",
        "torch.jit.load(HERE / 'weights' / 'a.pt'); torch.load(self.path)",
        "torch.load(HERE / 'weights/a.pt', weights_only=False); torch.load(self.path)",
    ],
)
def test_what_reads_everything_is_no_finding(load: str, tmp_path: Path) -> None:
    assert not refusals(report_for(tmp_path, MORE, load))


@pytest.mark.parametrize(
    "load",
    [
        "torch.load(self.path)",
        "path = HERE / 'weights/a.pt'; torch.load(path)",
        "[torch.load(path) for path in HERE.glob('*.pt')]",
        "torch.load(f=open(HERE / 'weights/a.pt', 'rb'))",
    ],
)
def test_a_path_that_is_computed_may_be_any(load: str, tmp_path: Path) -> None:
    assert refusals(report_for(tmp_path, MORE, load)) == ["torch-load-refused"]


def test_an_argument_counts_whatever_the_version(tmp_path: Path) -> None:
    load = "torch.load(HERE / 'weights' / 'a.pt', weights_only=True)"
    assert refusals(report_for(tmp_path, MORE, load, "torch==2.4.0")) == ["torch-load-refused"]


def test_a_script_that_jit_loads_is_no_finding(tmp_path: Path) -> None:
    load = 'torch.jit.load(HERE / "weights" / "a.pt", map_location="cpu")'
    assert not report_for(tmp_path, torchscript(), load).findings


def test_names_of_torchscript_in_another_file_are_named(tmp_path: Path) -> None:
    content = pickle.dumps({}, 2).replace(b"}", b"c__torch__.net\nNet\n")
    report = report_for(tmp_path, content, "pass", name="a.pkl")
    assert [finding.code for finding in report.findings] == ["pickle-global"]


def test_a_file_that_torch_does_not_load_is_no_finding(tmp_path: Path) -> None:
    content = pickle.dumps({"loss": np.float64(0.5)})
    assert not refusals(report_for(tmp_path, content, "torch.load(self.path)", name="a.pkl"))


def test_the_allowed_names_are_those_of_torch() -> None:
    unpickler = pytest.importorskip("torch._weights_only_unpickler")
    names = unpickler._get_allowed_globals()
    assert not [name for name in names if not torch_loads._ALLOWED.fullmatch(name)]
    assert not [name for name in names if not is_data(*name.rsplit(".", 1))]
