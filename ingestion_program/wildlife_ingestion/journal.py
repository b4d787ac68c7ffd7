"""Keep predictions on disk as they come, so that a run that was cut off can resume.

The journal is OUTPUT_DIR/.predictions.journal: a first line that whoever starts the run wrote (the
local runner writes the digests of submission, data and program, and compares them before it
resumes), then a line of CSV for each predicted image, fsynced batch by batch. Where that file
does not exist at the start, as on the platform, no journal is kept. The run removes it when
predictions.txt is complete.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from wildlife_ingestion.errors import IngestionError, why_unwritable
from wildlife_ingestion.images import InputImage

FILE_NAME = ".predictions.journal"


def find_journal(output_dir: Path) -> Journal | None:
    """Return the journal of a run that keeps one, else None."""
    path = output_dir / FILE_NAME
    return Journal(path) if path.is_file() else None


class Journal:
    """The predictions so far, on disk. Raises IngestionError if the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: TextIO | None = None

    def resume(self, images: Sequence[InputImage], batch_size: int) -> list[str]:
        """Return the texts that an earlier run wrote, for the first images of `images`.

        Only whole batches are kept, and the last batch, which may be short: a model may predict
        another last digit in a batch of another size. The journal is open for `write` afterwards.
        """
        try:
            first, texts = self._read(images)
            if len(texts) < len(images):
                texts = texts[: len(texts) // batch_size * batch_size]
            self._rewrite(first, images[: len(texts)], texts)
        except OSError as error:
            raise self._refused(error) from None
        return texts

    def write(self, images: Sequence[InputImage], texts: Sequence[str]) -> None:
        """Add the predictions of one batch and wait until they are on disk."""
        assert self._stream is not None, "resume comes first"
        rows = ((item.name, text) for item, text in zip(images, texts, strict=True))
        try:
            csv.writer(self._stream, lineterminator="\n").writerows(rows)
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise self._refused(error) from None

    def remove(self) -> None:
        """Delete the journal; called when predictions.txt is complete."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; what is on disk stays there for the next run."""
        if self._stream is not None:
            # Closing writes what a full disk refused before, and would raise again.
            with contextlib.suppress(OSError):
                self._stream.close()

    def _read(self, images: Sequence[InputImage]) -> tuple[bytes, list[str]]:
        """The first line, and the texts that follow it up to what was torn."""
        whole, _, _torn = self._path.read_bytes().rpartition(b"\n")
        first, _, lines = (whole + b"\n").partition(b"\n")
        text = io.StringIO(lines.decode("utf-8", "replace"), newline="")
        texts: list[str] = []
        try:
            for image, row in zip(images, csv.reader(text, strict=True), strict=False):
                if len(row) != 2 or row[0] != image.name:
                    break
                texts.append(row[1])
        except csv.Error:
            pass  # a quoted name that was torn at its own line break ends what is whole
        return first, texts

    def _rewrite(self, first: bytes, images: Sequence[InputImage], texts: Sequence[str]) -> None:
        """Write the file again without what was torn, under another name until it is whole."""
        partial = self._path.with_name(f"{FILE_NAME}.partial")
        partial.write_bytes(first + b"\n")
        self._stream = partial.open("a", encoding="utf-8", newline="")
        self.write(images, texts)
        partial.replace(self._path)

    def _refused(self, error: OSError) -> IngestionError:
        self.close()
        why = why_unwritable(error, self._path.parent)
        return IngestionError(f"the journal {self._path} cannot be written: {why}.")
