"""Images in tar shards, as WebDataset makes them: where the bytes of each member stand."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from kit.predicting.references import ImageReference

_BLOCK: Final = tarfile.BLOCKSIZE
_READ: Final = 1 << 20
# The first bytes of what gzip, bzip2, xz and zstd write.
_COMPRESSED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


def list_tar(
    path: Path, is_image: Callable[[str], bool], left_out: list[str]
) -> Iterator[ImageReference]:
    """Yield the members that are images by their name, without reading their bytes.

    Args:
        path: the tar file, not compressed.
        is_image: says whether a name is one of an image.
        left_out: gets a line for each image by its name that is no file: a link, a pipe.

    Raises:
        tarfile.TarError: half a file, a damaged or compressed one, or several that were joined.
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        if stream.read(6).startswith(_COMPRESSED):
            raise tarfile.ReadError("compressed, so that no image can be read alone: unpack it")
    absolute = str(path.absolute())
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            if not is_image(member.name):
                continue
            if not member.isreg() or member.sparse is not None:
                left_out.append(f"{member.name!r} in {path.name}: a link, or no plain file")
                continue
            size, start = member.size, member.offset_data
            yield ImageReference(member.name, absolute, size, str(size), start)
        end = archive.offset
    _check_end(path, end)


def _check_end(path: Path, end: int) -> None:
    """Raise tarfile.ReadError unless only zeros follow where the reader stopped.

    The reader takes a damaged header for the end, and would leave out all that follows.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(min(end, size))
        mark = stream.read(_BLOCK)
        if len(mark) < _BLOCK:
            raise tarfile.ReadError("it ends without the mark of its end: half a file")
        if any(mark):
            raise tarfile.ReadError(f"the header at byte {end:,} is damaged")
        while rest := stream.read(_READ):
            if any(rest):
                raise tarfile.ReadError(
                    f"something follows the mark of its end at byte {end:,}: joined tar files?"
                )
