"""Checkpoints that torch.load refuses: since torch 2.6 it reads plain weights only, by default."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kit.checks.submission.contents import PICKLE, TAR, TORCH_ZIP, kind_of
from kit.checks.submission.inert_pickle import TORCH_MAGIC, read_inert
from kit.checks.submission.needed import is_script_only
from kit.checks.submission.own_modules import literals, own_modules
from kit.checks.submission.pickles import is_torchscript, pickles_in
from kit.checks.submission.reached import packages_of_runs
from kit.checks.submission.requirements import asked_for
from kit.checks.submission.subject import Source, Subject
from kit.checks.submission.syntax import Code, keyword
from kit.checks.submission.version_ranges import allows_from
from kit.findings.finding import Finding, shown

# torch/_weights_only_unpickler.py: the names that it knows; a test compares the two.
_ALLOWED = re.compile(
    r"collections\.(?:OrderedDict|Counter)|_codecs\.encode|builtins\.(?:bytearray|set|complex)"
    r"|torch\.(?:Size|Tensor|device|bool|per_\w+|nn\.parameter\.Parameter|serialization\._get_layout)"
    r"|torch\.(?:b?float|b?complex|u?int|qu?int|bits)\d\w*"
    r"|torch\.(?:cuda\.)?(?:\w+Storage|(?:sparse\.)?\w+Tensor)"
    r"|torch\.storage\.(?:Typed|Untyped)Storage|torch\._tensor\._rebuild_from_type_v2"
    r"|torch\._utils\._rebuild_(?:parameter|parameter_with_state|qtensor|tensor|tensor_v2|tensor_v3"
    r"|sparse_tensor|meta_tensor_no_storage|wrapper_subclass|device_tensor_from_numpy"
    r"|device_tensor_from_cpu_tensor)"
)
# Its opcodes are those of protocol 2, and a few of 3.
_LAST_PROTOCOL = 3
# Sources with one of these allow more names, or turn the default off.
_OTHER_DEFAULT = re.compile(
    r"\bsafe_globals|TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD|\btorch\.load\s*=[^=]|_safe_globals"
)


@dataclass(frozen=True)
class _Load:
    """A call that loads checkpoints: its rule, and the names of files in it."""

    source: Source
    call: ast.Call
    explicit: bool
    files: frozenset[str]


def check_torch_loads(subject: Subject) -> Iterator[Finding]:
    """Files that hold more than weights, where the sources load them as weights only."""
    running = packages_of_runs(own_modules(subject))
    sources = [source for source in subject.sources if source.tree and source.name in running]
    if any(_OTHER_DEFAULT.search(source.text) for source in sources):
        return
    loads = [load for source in sources for load in _strict_loads(source)]
    loads.sort(key=lambda load: not load.explicit)
    if not loads:
        return
    elsewhere = {name for source in sources for name in _named_by_other_loads(source)}
    for name, path in subject.files.items():
        if why := _refused(name, path):
            yield from _finding(subject, name, why, loads, elsewhere)


def _finding(
    subject: Subject, name: str, why: str, loads: list[_Load], elsewhere: set[str]
) -> Iterator[Finding]:
    base = PurePosixPath(name).name
    for load in loads:
        unclear = not load.files and base not in elsewhere
        if base not in load.files and not unclear:
            continue
        asked = asked_for(subject, "torch")
        default = "" if load.explicit else ", the default from torch 2.6 on,"
        found = f"`{ast.unparse(load.call)[:70]}` reads weights only{default} and refuses "
        found += f"{name}: {why}"
        certain = load.explicit or (asked is not None and allows_from(asked, "2.6"))
        if certain or asked is None:
            code = "torch-load-refused" if certain else "torch-load-may-refuse"
            yield Finding(code, load.source.name, found, load.call.lineno)
        return


def _strict_loads(source: Source) -> Iterator[_Load]:
    """The calls of torch.load that read weights only, by argument or by default."""
    assert source.tree is not None
    code = Code(source.tree)
    for name, call in code.calls():
        unclear = any(item.arg is None for item in call.keywords)
        if name != "torch.load" or unclear or is_script_only(code, call):
            continue
        given = keyword(call, "weights_only")
        is_true = isinstance(given, ast.Constant) and given.value is True
        # With a pickle module of its own, the default is to read everything.
        own_module = len(call.args) > 2 or keyword(call, "pickle_module") is not None
        if is_true or (given is None and not own_module):
            yield _Load(source, call, is_true, _files_in(source, call))


def _named_by_other_loads(source: Source) -> Iterator[str]:
    """The files that other calls load, which read everything."""
    assert source.tree is not None
    strict = {id(load.call) for load in _strict_loads(source)}
    for name, call in Code(source.tree).calls():
        if name in ("torch.load", "torch.jit.load") and id(call) not in strict:
            yield from _files_in(source, call)


def _files_in(source: Source, call: ast.Call) -> frozenset[str]:
    assert source.tree is not None
    given = [*call.args[:1], *(item.value for item in call.keywords if item.arg == "f")]
    texts = [text for node in given for text in literals(node, source.tree, depth=0)[0]]
    names = [PurePosixPath(text).name for text in texts]
    return frozenset(name for name in names if PurePosixPath(name).suffix)


def _refused(name: str, path: Path) -> str:
    """Say what in a checkpoint torch.load refuses as more than weights; "" where nothing."""
    kind = kind_of(path)
    if kind == TAR and PurePosixPath(name).suffix in (".pt", ".pth"):
        return "the old tar format"
    if kind not in (TORCH_ZIP, PICKLE):
        return ""
    if is_torchscript(path):
        return "a TorchScript archive, which torch.jit.load reads"
    for part, data in pickles_in(name, path):
        if part.endswith("/data.pkl") or _is_old_torch_file(data):
            return _more_than_weights(data)
    return ""


def _is_old_torch_file(data: bytes) -> bool:
    return TORCH_MAGIC.to_bytes(10, "little") in data[:32]


def _more_than_weights(data: bytes) -> str:
    # Pickles of protocol 2 name builtins as Python 2 did.
    names = {
        f"{module.replace('__builtin__', 'builtins')}.{attribute}"
        for module, attribute in read_inert(data).names
    }
    foreign = sorted(name for name in names if not _ALLOWED.fullmatch(name))
    if foreign:
        return shown(foreign)
    protocol = data[1] if data[:1] == b"\x80" else 0
    return f"pickle protocol {protocol}" if protocol > _LAST_PROTOCOL else ""
