"""Paths that exist on one machine only: absolute ones, and ones that lean on the cwd."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kit.checks.submission.main_guard import not_reached
from kit.checks.submission.subject import Source, Subject
from kit.checks.submission.syntax import Code, text_argument
from kit.checks.submission.working_folder import moves_home, runs_at_home
from kit.contract import MODEL_FILE
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
    parsed = [(source, source.tree) for source in subject.sources if source.tree is not None]
    hidden = not_reached([tree for _, tree in parsed])
    codes = {source.name: Code(tree) for source, tree in parsed}
    entered = bool(MODEL_FILE in codes and moves_home(codes[MODEL_FILE]))
    for source, _ in parsed:
        code = codes[source.name]
        found = [*_absolute(source, code)]
        # What model.py imports and calls after its move runs in the submission's folder.
        stays = entered and source.name != MODEL_FILE
        found += _relative(source, code, set(subject.files), stays)
        yield from (finding for node, finding in found if node not in hidden)


def _absolute(source: Source, code: Code) -> Iterator[tuple[ast.AST, Finding]]:
    for node in code.strings():
        text = str(node.value)
        if _MACHINE.match(text):
            found = f"a path of one machine: {text[:60]!r}"
            yield node, Finding("path-absolute", source.name, found, node.lineno)
        elif _PLATFORM.match(text):
            found = f"a path that only the platform has: {text[:60]!r}"
            yield node, Finding("path-platform", source.name, found, node.lineno)


def _relative(
    source: Source, code: Code, shipped: set[str], at_home: bool
) -> Iterator[tuple[ast.AST, Finding]]:
    folders = {name.split("/")[0] for name in shipped if "/" in name}
    moves = moves_home(code)
    for name, call in code.calls():
        path = text_argument(call, keyword="file")
        if path is None or path.startswith("/") or "://" in path or _MACHINE.match(path):
            continue
        if name in _WRITERS or (name in ("open", "io.open") and _writes(call)):
            found = f"`{ast.unparse(call)[:60]}` writes into the working directory"
            yield call, Finding("write-relative", source.name, found, call.lineno)
        elif at_home or runs_at_home(call, code, moves):
            continue
        elif name in _READERS and not _is_joined(call, code):
            first = path.removeprefix("./").split("/")[0]
            if name != "pathlib.Path" or path in shipped or first in folders:
                found = f"`{ast.unparse(call)[:60]}` looks in the working directory"
                yield call, Finding("path-relative", source.name, found, call.lineno)


def _is_joined(call: ast.Call, code: Code) -> bool:
    """Say whether the path is only a part of another: `HERE / Path("weights")`, and with join."""
    around = code.parents.get(call)
    if isinstance(around, ast.Call) and isinstance(around.func, ast.Attribute):
        return around.func.attr in ("join", "joinpath")
    return isinstance(around, ast.BinOp)


def _writes(call: ast.Call) -> bool:
    mode = text_argument(call, 1, "mode") or "r"
    return any(sign in mode for sign in "wax+")
