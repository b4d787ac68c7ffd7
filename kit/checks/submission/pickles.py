"""Pickles in all their wrappings: joblib, torch, npz with objects, compressed or zipped."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, cast

from kit.checks.submission.contents import npy_header
from kit.checks.submission.formats import has_format_problem
from kit.checks.submission.inert_pickle import Contents, read_inert
from kit.checks.submission.pickle_versions import check_versions
from kit.checks.submission.subject import Subject
from kit.findings.finding import Finding, shown

_SUFFIXES = (
    ".pkl", ".pickle", ".joblib", ".sav", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".npy", ".zip",
    ".p", ".dill", ".model", ".dat", ".z", ".gz", ".bz2", ".xz", ".lzma", ".pt2", ".ptl", ".ts",
)  # fmt: skip
# Names of TorchScript. They mean code of the same archive, which torch.jit.load compiles: its
# unpickler is written in C++, and looks up nothing of Python's. torch.load hands such an archive to
# torch.jit.load, or refuses it.
TORCHSCRIPT = "__torch__"
_LARGEST = 1024**3
_DEEPEST = 2
_OLD_STARTS = (b"(", b"c", b"}", b"]", b"I", b"F", b"S", b"V", b"l")
# Names that only make data. A name of a whole package is one that runs nothing but its own code.
_BUILTINS = frozenset((
    "set", "frozenset", "dict", "list", "tuple", "int", "float", "str", "bytes", "bytearray",
    "bool", "complex", "slice", "range", "object", "NoneType", "Ellipsis", "unicode", "long",
))  # fmt: skip
_NAMES = {
    "builtins": _BUILTINS,
    "__builtin__": _BUILTINS,
    "copyreg": frozenset(("_reconstructor", "__newobj__")),
    "copy_reg": frozenset(("_reconstructor", "__newobj__")),
    "_codecs": frozenset(("encode",)),
    "collections": frozenset(("OrderedDict", "defaultdict", "Counter", "deque", "namedtuple")),
    "torch._tensor": frozenset(("_rebuild_from_type_v2",)),
    "torch.nn.parameter": frozenset(("Parameter",)),
    "torch.jit._pickle": frozenset(
        (
            "build_intlist",
            "build_tensorlist",
            "build_doublelist",
            "build_boollist",
            "build_tensor_from_id",
            "restore_type_tag",
        )
    ),
    "argparse": frozenset(("Namespace",)),
    "datetime": frozenset(("datetime", "date", "timedelta", "timezone")),
}
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"numpy\.(?:ndarray|dtype|matrix|generic|recarray|(?:bool|u?int|float|complex|str|bytes|"
        r"void|object|datetime|timedelta)\w*)",
        r"numpy\.dtypes\.\w+",
        r"numpy\._?core\.(?:multiarray|numeric|_multiarray_umath)\.(?:_reconstruct|scalar|"
        r"_frombuffer|ndarray|dtype)",
        r"numpy\.(?:ma\.core\._mareconstruct|ma\.core\.MaskedArray)",
        r"numpy\.random\.(?:_pickle|mtrand|_generator|_pcg64|_mt19937|bit_generator)\.\w+",
        r"(?:sklearn|scipy)(?!.*\b(?:tests?|_testing|datasets|externals|f2py|_build_utils)\b)"
        r"(?:\.\w+)+",
        r"joblib\.numpy_pickle(?:_utils)?\.\w*Wrapper",
        r"torch\._utils\._rebuild_\w+",
        r"torch\.(?:Size|device|dtype|(?:cuda\.)?(?:sparse\.)?\w*Tensor|bool|per_\w+|"
        r"(?:cuda\.|storage\.)?\w*Storage|"
        r"(?:b?float|b?complex|u?int|qu?int|bits)\d\w*|serialization\._get_layout|strided)",
    )
)


def check_pickles(subject: Subject) -> Iterator[Finding]:
    """Names in pickles that are not data, and the scikit-learn that made them."""
    own = {PurePosixPath(source.name).stem for source in subject.sources}
    for name, path in subject.files.items():
        arrays = []
        for part, data in pickles_in(name, path):
            if part.endswith(".npy"):
                arrays.append(part)
            contents = read_inert(data)
            where = name if part == name else f"{name} ({part})"
            known = own | {TORCHSCRIPT} if is_torchscript(path) else own
            yield from _names(name, where, contents, known)
            yield from check_versions(subject, name, where, contents)
            if contents.damage and not has_format_problem(path):
                found = f"{where} cannot be read as a pickle: {contents.damage}"
                yield Finding("pickle-damaged", name, found)
        if arrays:
            found = f"arrays of Python objects, which need allow_pickle: {shown(arrays)}"
            yield Finding("npz-object", name, found)


def _names(name: str, where: str, contents: Contents, own: set[str]) -> Iterator[Finding]:
    foreign = []
    for module, attribute in sorted(contents.names):
        if module == "__main__":
            found = f"{where} needs __main__.{attribute}, which is not there on the platform"
            yield Finding("pickle-main", name, found)
        elif module.split(".")[0] not in own and not is_data(module, attribute):
            foreign.append(f"{module}.{attribute}")
    if foreign:
        found = f"{where} names what is more than data: {shown(foreign)}"
        yield Finding("pickle-global", name, found)


def is_data(module: str, attribute: str) -> bool:
    """Say whether unpickling that name makes data and can run nothing else."""
    if module in _NAMES:
        return attribute in _NAMES[module]
    return any(pattern.fullmatch(f"{module}.{attribute}") for pattern in _PATTERNS)


def pickles_in(name: str, path: Path) -> Iterator[tuple[str, bytes]]:
    """(name of the part, bytes) of every pickle in a file; large data is not read."""
    if path.suffix.lower() not in _SUFFIXES:
        return
    with path.open("rb") as stream:
        yield from _inside(name, stream, path.stat().st_size)


def _inside(name: str, stream: IO[bytes], size: int, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    head = stream.read(16)
    stream.seek(0)
    if depth > _DEEPEST:
        return
    if head.startswith(b"PK\x03\x04"):
        yield from _members(stream, depth)
    elif head.startswith(b"\x93NUMPY"):
        if _skip_plain_header(stream):
            yield name, stream.read(_LARGEST)
    elif (opened := _decompressed(head, stream)) is not None:
        try:
            data = opened.read(_LARGEST)
        except (OSError, EOFError, zlib.error, lzma.LZMAError):
            return  # not compressed after all, or damaged: nothing can load it
        yield from _inside(name, io.BytesIO(data), len(data), depth + 1)
    elif _looks_like_pickle(name, head) and size <= _LARGEST:
        yield name, stream.read()


def is_torchscript(path: Path) -> bool:
    """Say whether torch.load and torch.jit.load take a file for a TorchScript archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [PurePosixPath(name).parts[1:] for name in archive.namelist()]
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError):
        return False
    return ("constants.pkl",) in names and any(parts[:1] == ("code",) for parts in names)


def _members(stream: IO[bytes], depth: int) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                readable = not info.flag_bits & 0x1 and info.file_size <= _LARGEST
                if info.filename.endswith(_SUFFIXES) and readable:
                    with archive.open(info) as member:
                        yield from _inside(info.filename, member, info.file_size, depth + 1)
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, OSError):
        return


def _looks_like_pickle(name: str, head: bytes) -> bool:
    if head[:1] == b"\x80" and head[1:2] <= b"\x05" and len(head) > 2:
        return True
    # Protocols 0 and 1 have no mark of their own.
    return name.endswith((".pkl", ".pickle", ".joblib", ".p", ".sav")) and head[:1] in _OLD_STARTS


def _decompressed(head: bytes, stream: IO[bytes]) -> IO[bytes] | None:
    """Return a compressed file opened for reading, None where it is not one that joblib writes."""
    if head.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    if head[:1] == b"\x78" and head[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda"):
        try:
            return io.BytesIO(zlib.decompressobj().decompress(stream.read(_LARGEST), _LARGEST))
        except zlib.error:
            return None
    if head.startswith(b"BZh"):
        return bz2.BZ2File(stream)
    if head.startswith((b"\xfd7zXZ\x00", b"\x5d\x00\x00")):
        return lzma.LZMAFile(stream)
    return None


def _skip_plain_header(stream: IO[bytes]) -> bool:
    """Read the header of a .npy file; whether a pickle of objects follows it."""
    try:
        _, dtype = npy_header(stream)
    except Exception:  # a damaged header leads to errors of any kind
        return False
    return bool(dtype.hasobject)
