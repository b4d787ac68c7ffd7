"""Weights whose content is not what their name promises, and forms that only look so."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pytest

from kit.checks.engine import check_statically
from kit.submissions import Submission
from tests.support.checks import add_weights, classifier, good_submission
from tests.support.kit import Kit
from tests.support.submission_defects import LFS_POINTER

PAGE = b"\n<!-- saved -->\n<!doctype HTML>\n<html><title>Sign in</title></html>"
CODES = ("lfs-pointer", "weights-page", "weights-format")


def saved(write: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def zipped(**members: bytes) -> bytes:
    def write(stream: io.BytesIO) -> None:
        with zipfile.ZipFile(stream, "w") as archive:
            for name, content in members.items():
                archive.writestr(name.replace("__", "/"), content)

    return saved(write)


def tar_file() -> bytes:
    def write(stream: io.BytesIO) -> None:
        with tarfile.open(fileobj=stream, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("storages"))

    return saved(write)


def safetensors(missing: int = 0, length: int = 0) -> bytes:
    """length: of the header, filled with spaces as the library fills it."""
    tensor = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    header = json.dumps({"__metadata__": {}, "w": tensor}).encode().ljust(length)
    return struct.pack("<Q", len(header)) + header + bytes(16 - missing)


def onnx() -> bytes:
    """ir_version, producer_name, graph with a name, opset_import."""
    graph = b"\x12\x01g"
    return b"\x08\x08" + b"\x12\x02me" + b"\x3a" + bytes([len(graph)]) + graph + b"\x42\x02\x10\x0d"


def hdf5(user_block: int = 0) -> bytes:
    sign = b"\x89HDF\r\n\x1a\n"
    superblock = sign + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + bytes(24) + struct.pack("<Q", 96)
    return bytes(user_block) + superblock + bytes(48)


ARRAY = np.arange(2000.0)
NPY = saved(lambda stream: np.save(stream, ARRAY))
NPZ = saved(lambda stream: np.savez(stream, a=ARRAY))
NPZ_DEFLATED = saved(lambda stream: np.savez_compressed(stream, a=ARRAY))
TORCH = zipped(net__data_pkl=b"\x80\x02}.", net__version=b"3").replace(b"data_pkl", b"data.pkl")
LEGACY = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2) * 3

GOOD: dict[str, tuple[str, bytes]] = {
    "npz, stored": ("a.npz", NPZ),
    "npz, deflated": ("a.npz", NPZ_DEFLATED),
    "npz without arrays": ("a.npz", saved(lambda stream: np.savez(stream))),
    "npy": ("a.npy", NPY),
    "npy of structures": ("a.npy", saved(lambda s: np.save(s, np.zeros(3, "i4,(2,3)f8,U5")))),
    "npy of one number": ("a.npy", saved(lambda s: np.save(s, np.float32(1)))),
    "safetensors": ("a.safetensors", safetensors()),
    "safetensors that begin like zlib": ("a.safetensors", safetensors(length=0x0178)),
    "safetensors that begin like gzip": ("a.safetensors", safetensors(length=0x8B1F)),
    "safetensors that begin like LZMA": ("a.safetensors", safetensors(length=0x5D)),
    "a zip of torch": ("a.pt", TORCH),
    "an old file of torch": ("a.pth", LEGACY),
    "a tar of torch": ("a.pt", tar_file()),
    "a pickle called pt": ("a.pt", pickle.dumps({"a": 1})),
    "pt.tar, which is no tar": ("a.pth.tar", TORCH),
    "torch.save to pkl": ("a.pkl", TORCH),
    "a pickle of protocol 0": ("a.pkl", pickle.dumps({"a": [1, 2.5, "x"]}, 0)),
    "a pickle of protocol 1": ("a.pickle", pickle.dumps({"a": ARRAY}, 1)),
    "joblib": ("a.joblib", saved(lambda stream: joblib.dump({"a": ARRAY}, stream))),
    "joblib, zlib": ("a.joblib", saved(lambda s: joblib.dump({"a": ARRAY}, s, compress=3))),
    "joblib, xz": ("a.pkl", saved(lambda s: joblib.dump(ARRAY, s, compress=("xz", 3)))),
    "json": ("a.json", b'\xef\xbb\xbf{"a": NaN}'),
    "json, UTF-16": ("a.json", '{"a": 1}'.encode("utf-16")),
    "json lines": ("a.json", b'{"a": 1}\n{"a": 2}\n'),
    "onnx": ("a.onnx", onnx()),
    "hdf5": ("a.h5", hdf5()),
    "hdf5 after a block": ("a.hdf5", hdf5(user_block=512)),
    "keras": ("a.keras", zipped(config=b"{}")),
    "gzip": ("a.npy.gz", gzip.compress(NPY)),
    "a checkpoint of another framework": ("a.ckpt", b"\x0a\x10\xff\xfe\x00tensor"),
    "a checkpoint of torch": ("a.ckpt", TORCH),
    "tflite": ("a.tflite", b"\x1c\0\0\0TFL3\x14"),
    "bin holds anything": ("a.bin", b"\x00\x01\x02not a format"),
    "bin holds safetensors": ("a.bin", safetensors()),
    "a page that is a page": ("a.html", PAGE),
    "text about pointers": ("notes.md", b"See:\n" + LFS_POINTER),
    "a small file without suffix": ("classes", b"heliconius\n"),
}
BAD: dict[str, tuple[str, bytes, str]] = {
    **{
        f"a pointer called {name}": (name, LFS_POINTER, "lfs-pointer")
        for name in ("a.npz", "a.safetensors", "a.bin", "a.json", "a.onnx", "a.csv", "a")
    },
    "a pointer with CRLF": ("a.pt", LFS_POINTER.replace(b"\n", b"\r\n"), "lfs-pointer"),
    **{
        f"a page called {name}": (name, PAGE, "weights-page")
        for name in ("a.npz", "a.pth", "a.bin", "a.json", "a.onnx", "a.h5", "a.tflite", "a")
    },
    "an error of a store": (
        "a.bin",
        b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>',
        "weights-page",
    ),
    "an empty npz": ("a.npz", b"", "weights-format"),
    "npy called npz": ("a.npz", NPY, "weights-format"),
    "npz called npy": ("a.npy", NPZ, "weights-format"),
    "torch called npz": ("a.npz", TORCH, "weights-format"),
    "torch called safetensors": ("a.safetensors", TORCH, "weights-format"),
    "safetensors called pt": ("a.pt", safetensors(), "weights-format"),
    "npz called pth": ("a.pth", NPZ, "weights-format"),
    "safetensors called ckpt": ("a.ckpt", safetensors(), "weights-format"),
    "json called parquet": ("a.parquet", b"[]", "weights-format"),
    "hdf5 called pkl": ("a.pkl", hdf5(), "weights-format"),
    "text called joblib": ("a.joblib", b"Invalid username or password.", "weights-format"),
    "json called pt": ("a.pt", b'{"error": "not found"}', "weights-format"),
    "text called json": ("a.json", b"{'a': 1}", "weights-format"),
    "a pickle called onnx": ("a.onnx", classifier(), "weights-format"),
    "npy called h5": ("a.h5", NPY, "weights-format"),
    "a cut npz": ("a.npz", NPZ[:-300], "weights-format"),
    "a cut npy": ("a.npy", NPY[:-8], "weights-format"),
    "cut safetensors": ("a.safetensors", safetensors(missing=4), "weights-format"),
    "safetensors cut in the header": ("a.safetensors", safetensors()[:30], "weights-format"),
    "a cut zip of torch": ("a.pt", TORCH[:-60], "weights-format"),
    "cut hdf5": ("a.h5", hdf5()[:-8], "weights-format"),
    "a cut onnx": ("a.onnx", onnx()[:-2], "weights-format"),
}


def codes_for(folder: Path, name: str, content: bytes) -> list[str]:
    good_submission(folder)
    add_weights(folder, f"weights/{name}", content)
    return [finding.code for finding in check_statically(Submission("mine", folder)).findings]


@pytest.mark.parametrize("case", GOOD)
def test_what_a_suffix_may_hold_is_no_finding(case: str, tmp_path: Path) -> None:
    assert not set(codes_for(tmp_path, *GOOD[case])) & {*CODES, "pickle-damaged"}


@pytest.mark.parametrize("case", BAD)
def test_another_content_is_one_error(case: str, tmp_path: Path) -> None:
    name, content, code = BAD[case]
    assert codes_for(tmp_path, name, content) == [code]


def test_a_pointer_with_the_digest_of_its_file_is_one_finding(kit: Kit, tmp_path: Path) -> None:
    folder = good_submission(tmp_path / "s")
    (folder / "weights/head.npz").write_bytes(LFS_POINTER)
    report = check_statically(Submission("mine", folder))
    assert [finding.code for finding in report.findings] == ["lfs-pointer"]
    answer = kit("pack", folder, "--out", tmp_path / "s.zip")
    assert answer.status == 1
    assert "git-lfs pointer" in answer.text
    assert not (tmp_path / "s.zip").exists()


@pytest.mark.parametrize("header", [b"{'descr'(: '<f8'", b"{'descr': '<f8',\n\n(", b"\x00" * 20])
def test_a_damaged_header_is_no_traceback(header: bytes, tmp_path: Path) -> None:
    content = NPY[:10] + header + NPY[10 + len(header) :]
    assert "npz-object" not in codes_for(tmp_path, "a.npy", content)
