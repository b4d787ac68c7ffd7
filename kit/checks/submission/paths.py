"""Paths that exist on one machine only: absolute ones, and ones that lean on the cwd."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kit.checks.submission.subject import Source, Subject
from kit.checks.submission.syntax import Code, text_argument
from kit.findings.finding import Finding

_MACHINE = re.compile(
    r"(?:/home/|/Users/|/root/|/kaggle/|/content/|/mnt/|/media/|/scratch/|/workspace/|/data/"
    r"|/gpfs/|/lustre/|~/|[A-Za-z]:[\\/])\S"
)
_PLATFORM = re.compile(r"/app/\S")
# Functions that read the file that their first argument names.
_READERS = frozenset((
    "open", "io.open", "numpy.load", "numpy.loadtxt", "numpy.genfromtxt", "numpy.fromfile",
    "joblib.load", "torch.load", "torch.jit.load", "pandas.read_csv", "pandas.read_pickle",
    "PIL.Image.open", "safetensors.torch.load_file", "safetensors.numpy.load_file",
    "safetensors.safe_open", "cv2.imread", "pathlib.Path", "onnxruntime.InferenceSession",
    "lightgbm.Booster",
))  # fmt: skip
_WRITERS = frozenset((
    "numpy.save", "numpy.savez", "numpy.savez_compressed", "numpy.savetxt", "os.makedirs",
    "os.mkdir",
))  # fmt: skip


def check_paths(subject: Subject) -> Iterator[Finding]:
    """Absolute paths of a machine or of the platform, and paths relative to the cwd."""
    for source in subject.sources:
        if source.tree is not None:
            code = Code(source.tree)
            yield from _absolute(source, code)
            yield from _relative(source, code, set(subject.files))


def _absolute(source: Source, code: Code) -> Iterator[Finding]:
    for node in code.strings():
        text = str(node.value)
        if _MACHINE.match(text):
            yield Finding("path-absolute", source.name, f"a path of one machine: {text[:60]!r}",
                          node.lineno)  # fmt: skip
        elif _PLATFORM.match(text):
            found = f"a path that only the platform has: {text[:60]!r}"
            yield Finding("path-platform", source.name, found, node.lineno)


def _relative(source: Source, code: Code, shipped: set[str]) -> Iterator[Finding]:
    folders = {name.split("/")[0] for name in shipped if "/" in name}
    for name, call in code.calls():
        path = text_argument(call, keyword="file")
        if path is None or path.startswith("/") or "://" in path or _MACHINE.match(path):
            continue
        if name in _WRITERS or (name in ("open", "io.open") and _writes(call)):
            found = f"`{ast.unparse(call)[:60]}` writes into the working directory"
            yield Finding("write-relative", source.name, found, call.lineno)
        elif name in _READERS and not isinstance(code.parents.get(call), ast.BinOp):
            first = path.removeprefix("./").split("/")[0]
            if name != "pathlib.Path" or path in shipped or first in folders:
                found = f"`{ast.unparse(call)[:60]}` looks in the working directory"
                yield Finding("path-relative", source.name, found, call.lineno)


def _writes(call: ast.Call) -> bool:
    mode = text_argument(call, 1, "mode") or "r"
    return any(sign in mode for sign in "wax+")
