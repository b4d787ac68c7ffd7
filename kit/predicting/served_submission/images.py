"""The images of a request: where the bytes of each stand."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Span:
    """The place of an image's bytes, with what the pipeline asks of a path; or the bytes.

    why_not: the reason why there are no bytes; empty where nobody knows of one.
    """

    file: str
    offset: int | None
    size: int
    why_not: str = ""
    data: bytes | None = None

    def read_bytes(self) -> bytes:
        """Read a whole regular file, or a part of it; never wait at a pipe.

        Raises OSError.
        """
        if self.data is not None:
            return self.data
        if self.why_not:
            raise OSError(errno.EIO, self.why_not, self.file)
        descriptor = os.open(self.file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", self.file)
            if self.offset is None:
                return stream.read()
            stream.seek(self.offset)
            content = stream.read(self.size)
        if len(content) < self.size:
            raise OSError(errno.EIO, "the file that holds it ends too early", self.file)
        return content

    def with_data(self) -> Span:
        """Return the same with the bytes in it, where they can be read."""
        try:
            return replace(self, data=self.read_bytes())
        except OSError:
            return self

    def __str__(self) -> str:
        return self.file


@dataclass(frozen=True)
class Source:
    """One image as the ingestion program's plan takes it."""

    name: str
    path: Span
    place: int


def sources_of(images: Sequence[Sequence[Any]]) -> list[Source]:
    """Return the images of a request: name, and the first fields of a span."""
    return [Source(name, Span(*span), place) for place, (name, *span) in enumerate(images, start=1)]
