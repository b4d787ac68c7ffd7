"""Files that lack their end, told from what their beginning says of it."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

from kit.checks.submission.contents import (
    HDF5,
    HDF5_SIGN,
    NPY,
    NPZ,
    SAFETENSORS,
    TORCH_ZIP,
    ZIP,
    npy_header,
)

_LARGEST_ARRAY_HEADER = 1_000_000
_SUPERBLOCK = 52


def cut_off(path: Path, kind: str) -> str:
    """Say what a file of a known kind lacks at its end; "" where it is whole or nobody can tell."""
    with path.open("rb") as stream:
        size = path.stat().st_size
        if kind in (NPZ, TORCH_ZIP, ZIP):
            return "" if zipfile.is_zipfile(stream) else "its directory, which stands at the end"
        expected = {SAFETENSORS: _safetensors_size, NPY: _npy_size, HDF5: _hdf5_size}.get(kind)
        needed = expected(stream) if expected else 0
    return f"{needed - size:,} bytes at its end" if needed > size else ""


def _safetensors_size(stream: BinaryIO) -> int:
    length = int.from_bytes(stream.read(8), "little")
    header = stream.read(length)
    if len(header) < length:
        return 8 + length
    try:
        tensors = json.loads(header)
        ends = [entry["data_offsets"][1] for name, entry in tensors.items() if name[:2] != "__"]
        return 8 + length + max(map(int, ends), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return 0


def _npy_size(stream: BinaryIO) -> int:
    try:
        shape, dtype = npy_header(stream, _LARGEST_ARRAY_HEADER)
    except Exception:  # a damaged header leads to errors of any kind
        return 0
    count = 1
    for length in shape:
        count *= length
    return 0 if dtype.hasobject else stream.tell() + count * dtype.itemsize


def _hdf5_size(stream: BinaryIO) -> int:
    """The end of the file as the superblock at its start gives it, 0 where it gives none."""
    head = stream.read(_SUPERBLOCK)
    if len(head) < _SUPERBLOCK:
        return _SUPERBLOCK
    at = {0: 40, 1: 44, 2: 28, 3: 28}.get(head[8]) if head.startswith(HDF5_SIGN) else None
    wide = at is not None and head[13 if at >= 40 else 9] == 8
    return int(struct.unpack_from("<Q", head, at)[0]) if at is not None and wide else 0
