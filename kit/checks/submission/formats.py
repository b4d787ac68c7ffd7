"""Weights that are there but unusable: pointers, web pages, another format than the suffix says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from kit.checks.submission import contents
from kit.checks.submission.contents import (
    COMPRESSED,
    GGUF,
    HDF5,
    JSON,
    NPY,
    NPZ,
    ONNX,
    PAGE,
    PARQUET,
    PICKLE,
    POINTER,
    SAFETENSORS,
    TAR,
    TFLITE,
    TORCH_ZIP,
    UNKNOWN,
    ZIP,
)
from kit.checks.submission.cut_off import cut_off
from kit.checks.submission.subject import Subject
from kit.contract import MANIFEST_FILE
from kit.findings.finding import Finding
from kit.vendoring.record import VENDORED_FILE

_TORCH = (TORCH_ZIP, ZIP, PICKLE, TAR, COMPRESSED)
# torch.save, pickle and joblib are all used with these names.
_PICKLES = (PICKLE, COMPRESSED, TORCH_ZIP, ZIP)
# What each suffix promises. `.bin`, `.dat`, `.model` and the like may hold anything, and `.ckpt`
# what other frameworks than torch write.
_PROMISED: dict[str, tuple[str, ...]] = {
    ".safetensors": (SAFETENSORS,),
    ".npz": (NPZ,),
    ".npy": (NPY,),
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".pkl": _PICKLES,
    ".pickle": _PICKLES,
    ".joblib": _PICKLES,
    ".dill": _PICKLES,
    ".ckpt": (*_TORCH, HDF5, ONNX, UNKNOWN),
    ".pt2": (ZIP, TORCH_ZIP),
    ".ptl": (TORCH_ZIP,),
    ".json": (JSON,),
    ".onnx": (ONNX,),
    ".h5": (HDF5,),
    ".hdf5": (HDF5,),
    ".tflite": (TFLITE,),
    ".parquet": (PARQUET,),
    ".gguf": (GGUF,),
    ".keras": (ZIP, HDF5),
    ".zip": (ZIP, NPZ, TORCH_ZIP),
    ".gz": (COMPRESSED,),
    ".tgz": (COMPRESSED,),
    ".bz2": (COMPRESSED,),
    ".xz": (COMPRESSED,),
}  # fmt: skip
# Text that may well be a page.
_PAGES = (
    ".html", ".htm", ".xhtml", ".xml", ".xsl", ".svg", ".md", ".txt", ".rst", ".py", ".j2",
    ".jinja", ".jinja2", ".tmpl", ".tpl", ".template", ".mustache", ".hbs", ".vue", ".php",
)  # fmt: skip
# Their own checks read these.
_READ_ELSEWHERE = (MANIFEST_FILE, VENDORED_FILE)


def check_formats(subject: Subject) -> Iterator[Finding]:
    """Files whose content is not what their name promises, so that loading them fails."""
    for name, path in subject.files.items():
        if name not in _READ_ELSEWHERE:
            yield from _problems(name, path)


def has_format_problem(path: Path) -> bool:
    """Say whether `check_formats` finds something wrong with a file of that content and suffix."""
    return any(_problems(path.name, path))


def _problems(name: str, path: Path) -> Iterator[Finding]:
    suffix = PurePosixPath(name).suffix.lower()
    promised = _PROMISED.get(suffix)
    try:
        kind = contents.kind_of(path) if promised else contents.placeholder_in(path)
        if kind == POINTER:
            found = "is a git-lfs pointer: the file itself was not downloaded"
            yield Finding("lfs-pointer", name, found)
        elif kind == PAGE and suffix not in _PAGES:
            found = "holds a web page or a server's error message: the download failed"
            yield Finding("weights-page", name, found)
        elif promised and (lacking := cut_off(path, kind)):
            yield Finding("weights-format", name, f"is cut off: {kind} that lacks {lacking}")
        elif promised and kind not in promised:
            found = f"expected {promised[0]}, as {suffix} says; found {kind}"
            yield Finding("weights-format", name, found)
    except OSError as error:
        yield Finding("file-unreadable", name, f"cannot be read: {error.strerror}")
