"""What a file holds, told from its content alone; nothing is loaded and no suffix is read."""

from __future__ import annotations

import io
import json
import pickletools
import re
import zipfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO

# Files that only stand for another.
EMPTY, POINTER, PAGE = "an empty file", "a git-lfs pointer", "a web page or a server's error"
SAFETENSORS, NPZ, NPY, HDF5, ONNX = "safetensors", "npz", "npy", "HDF5", "ONNX"
TFLITE, PARQUET, GGUF = "tflite", "parquet", "GGUF"
TORCH_ZIP, ZIP, PICKLE, TAR = "a zip of torch", "a zip", "a pickle", "a tar archive"
JSON, TEXT, COMPRESSED, IMAGE, UNKNOWN = (
    "JSON",
    "text",
    "compressed data",
    "an image",
    "other bytes",
)

_HEAD = 4096
_LARGEST_JSON = 32 * 1024**2
_LARGEST_PICKLE = 1024**3
# Values, and the two marks that UTF-16 and UTF-32 begin with.
_JSON_STARTS = (*(bytes([sign]) for sign in b'{["-0123456789tfnNI'), b"\xff", b"\xfe", b"\0")
_MOST_FIELDS = 100_000
_LARGEST_HEADER = 100_000_000  # as the safetensors library
HDF5_SIGN = b"\x89HDF\r\n\x1a\n"
_POINTER = re.compile(
    rb"version https?://(?:git-lfs\.github\.com|hawser\.github\.com|git-media\.io)/\S*\s+"
    rb"(?:ext-\S+ \S+\s+)*oid \S+|/annex/objects/\S+\s*$"
)
_PAGE = re.compile(rb"<!doctype html|<html\b|<head\b|<\?xml[^>]*>\s*(?:<!doctype html|<error\b)")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_STARTS: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    (NPY, (b"\x93NUMPY",)),
    (PARQUET, (b"PAR1",)),
    (GGUF, (b"GGUF",)),
    (COMPRESSED, (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x5d\x00\x00", b"\x28\xb5\x2f\xfd",
                  b"\x04\x22\x4d\x18", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda", b"ZF0x")),
    (IMAGE, (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"%PDF")),
)  # fmt: skip


def kind_of(path: Path) -> str:
    """Return which of the kinds above a file is.

    Raises:
        OSError: the file cannot be read.
    """
    if placeholder := placeholder_in(path):
        return placeholder
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        # Before the magic numbers: a header of 376 bytes begins like zlib's data, one of 35,615
        # like gzip's.
        if _has_header(head, size):
            return SAFETENSORS
        for kind, starts in _STARTS:
            if head.startswith(starts):
                return kind
        for kind, test in _TESTS:
            stream.seek(0)
            if test(stream, head, size):
                return kind
    return UNKNOWN


def placeholder_in(path: Path) -> str:
    """Return EMPTY, POINTER or PAGE for a file that only stands for another; else "".

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if not head:
        return EMPTY
    if len(head) < _HEAD and _POINTER.match(head):
        return POINTER
    return PAGE if _is_page(head) else ""


def _is_page(head: bytes) -> bool:
    start = _COMMENT.sub(b"", head.removeprefix(b"\xef\xbb\xbf")).lstrip().lower()
    return _PAGE.match(start) is not None


def _is_npz(stream: BinaryIO, head: bytes, size: int) -> bool:
    # NumPy writes an npz without arrays as an empty zip.
    return any(name.endswith(".npy") for name in _members(stream, head)) or (
        head.startswith(b"PK\x05\x06") and size == 22
    )


def _is_torch_zip(stream: BinaryIO, head: bytes, size: int) -> bool:
    return any(name.endswith("/data.pkl") for name in _members(stream, head))


def _is_zip(stream: BinaryIO, head: bytes, size: int) -> bool:
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def _members(stream: BinaryIO, head: bytes) -> list[str]:
    """The names in a zip; none where it is cut off, or not a zip."""
    if not head.startswith(b"PK\x03\x04"):
        return []
    try:
        with zipfile.ZipFile(stream) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError):
        return []


def _is_hdf5(stream: BinaryIO, head: bytes, size: int) -> bool:
    """HDF5 may begin after a block of the user's, at 512, 1024, 2048 ... bytes."""
    start = 0
    while start < size:
        stream.seek(start)
        if stream.read(8) == HDF5_SIGN:
            return True
        start = start * 2 or 512
    return False


def _is_tflite(stream: BinaryIO, head: bytes, size: int) -> bool:
    return head[4:8] == b"TFL3"


def _is_tar(stream: BinaryIO, head: bytes, size: int) -> bool:
    return head[257:262] == b"ustar"


def _has_header(head: bytes, size: int) -> bool:
    """Say whether a file begins with the length of its header and a header of JSON, all there."""
    return head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= size - 8


def _is_safetensors(stream: BinaryIO, head: bytes, size: int) -> bool:
    length = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and 2 <= length <= _LARGEST_HEADER


def _is_pickle(stream: BinaryIO, head: bytes, size: int) -> bool:
    if head[:1] == b"\x80" and len(head) > 2:
        return head[1] <= 5
    # Protocols 0 and 1 have no mark of their own: the opcodes have to make sense to the end, or
    # for longer than those of any text do.
    if size > _LARGEST_PICKLE or not head[:1].isascii():
        return False
    try:
        seen = [opcode.name for opcode, _, _ in islice(pickletools.genops(stream), 200)]
    except Exception:  # what is no pickle leads to errors of any kind
        return False
    return len(seen) > 1 and (seen[-1] == "STOP" or len(seen) == 200)


def _is_json(stream: BinaryIO, head: bytes, size: int) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if size > _LARGEST_JSON or start not in _JSON_STARTS:
        return start in (b"{", b"[")
    data = stream.read().removeprefix(b"\xef\xbb\xbf")
    try:
        json.loads(data)
    except RecursionError:
        return True
    except ValueError:
        return _is_json_lines(data)
    return True


def _is_json_lines(data: bytes) -> bool:
    try:
        lines = [json.loads(line) for line in data.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return False
    return any(isinstance(line, dict | list) for line in lines)


def _is_text(stream: BinaryIO, head: bytes, size: int) -> bool:
    try:
        # A character may be cut at the end of the head.
        text = head.decode("utf-8", "strict" if size <= _HEAD else "ignore")
    except UnicodeDecodeError:
        return False
    if size > _HEAD and len(text.encode()) < len(head) - 3:
        return False
    return all(sign.isprintable() or sign in "\t\n\r\f\ufeff" for sign in text)


def _is_onnx(stream: BinaryIO, head: bytes, size: int) -> bool:
    """Whether the file is a protobuf message whose field 7, the graph, is a message."""
    graph = False
    try:
        for _ in range(_MOST_FIELDS):
            if stream.tell() >= size:
                break
            tag = _varint(stream)
            field, wire = tag >> 3, tag & 7
            if field == 0 or wire not in (0, 1, 2, 5):
                return False
            graph |= field == 7 and wire == 2
            _step_over(stream, wire)
    except (EOFError, OSError, OverflowError):  # a length beyond what can be sought
        return False
    return graph and stream.tell() == size


def _step_over(stream: BinaryIO, wire: int) -> None:
    if wire == 0:
        _varint(stream)
    else:
        stream.seek({1: 8, 5: 4}.get(wire) or _varint(stream), io.SEEK_CUR)


def _varint(stream: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        read = stream.read(1)
        if not read:
            raise EOFError
        value |= (read[0] & 0x7F) << shift
        if read[0] < 0x80:
            return value
    raise EOFError


_TESTS: tuple[tuple[str, Callable[[BinaryIO, bytes, int], bool]], ...] = (
    (NPZ, _is_npz),
    (TORCH_ZIP, _is_torch_zip),
    (ZIP, _is_zip),
    (HDF5, _is_hdf5),
    (TFLITE, _is_tflite),
    (TAR, _is_tar),
    (SAFETENSORS, _is_safetensors),
    (JSON, _is_json),
    (PICKLE, _is_pickle),
    (TEXT, _is_text),
    (ONNX, _is_onnx),
)


def npy_header(stream: IO[bytes], largest: int = 10_000) -> tuple[tuple[int, ...], Any]:
    """Read the header of a .npy file; return the array's shape and dtype.

    `largest` is the length that NumPy still reads. Raises any error for a damaged header.
    """
    import numpy as np

    version = np.lib.format.read_magic(stream)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read(stream, max_header_size=largest)
    return shape, dtype
