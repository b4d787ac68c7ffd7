"""Answers on disk as they come, so that a run that was cut off goes on where it stopped.

The journal is OUTPUT_DIR/.predictions.journal: a first line with the key of the run, then a line of
CSV for each answered picture, fsynced batch by batch. It exists only where INGESTION_JOURNAL gives
a key (the local runner derives it from the digests of submission, data and program). It is removed
when predictions.txt is complete.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from ingestion_errors import IngestionError
from ingestion_images import Picture

FILE_NAME = ".predictions.journal"


class Journal:
    """The answers so far, on disk. Raises IngestionError if it is another run's, or if the disk
    refuses."""

    def __init__(self, output_dir: Path, key: str) -> None:
        self._path = output_dir / FILE_NAME
        self._key = key
        self._stream: TextIO | None = None

    def resume(self, pictures: Sequence[Picture], batch_size: int) -> list[str]:
        """The texts that an earlier run answered, for the first pictures of `pictures`.

        Only whole batches are kept: a model may answer the last digit differently in a batch of
        another size. The journal is open for `write` afterwards.
        """
        try:
            texts = self._read(pictures)
            texts = texts[: len(texts) // batch_size * batch_size]
            self._rewrite(pictures[: len(texts)], texts)
        except OSError as error:
            raise self._refused(error) from None
        return texts

    def write(self, pictures: Sequence[Picture], texts: Sequence[str]) -> None:
        """Add the answers of one batch and wait until they are on disk."""
        assert self._stream is not None, "resume comes first"
        rows = ((item.name, text) for item, text in zip(pictures, texts, strict=True))
        try:
            csv.writer(self._stream, lineterminator="\n").writerows(rows)
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise self._refused(error) from None

    def remove(self) -> None:
        """Called when predictions.txt is complete."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """What is on disk stays there for the next run."""
        if self._stream is not None:
            # Closing writes what a full disk refused before, and would raise again.
            with contextlib.suppress(OSError):
                self._stream.close()

    def _read(self, pictures: Sequence[Picture]) -> list[str]:
        if not self._path.is_file():
            return []
        whole, _, _torn = self._path.read_bytes().rpartition(b"\n")
        rows = csv.reader(io.StringIO(whole.decode("utf-8", "replace"), newline=""), strict=True)
        texts: list[str] = []
        try:
            if next(rows, [self._key]) != [self._key]:
                raise IngestionError(
                    f"{self._path.name} belongs to another submission, data or program: remove it "
                    "and run from the beginning."
                )
            for picture, row in zip(pictures, rows, strict=False):
                if len(row) != 2 or row[0] != picture.name:
                    break
                texts.append(row[1])
        except csv.Error:
            pass  # a quoted name that was torn at its own line break ends what is whole
        return texts

    def _rewrite(self, pictures: Sequence[Picture], texts: Sequence[str]) -> None:
        """Start the file anew without what was torn, under another name until it is whole."""
        partial = self._path.with_name(f"{FILE_NAME}.partial")
        self._stream = partial.open("w", encoding="utf-8", newline="")
        csv.writer(self._stream, lineterminator="\n").writerow([self._key])
        self.write(pictures, texts)
        partial.replace(self._path)

    def _refused(self, error: OSError) -> IngestionError:
        self.close()
        return IngestionError(f"the journal {self._path} cannot be written: {error.strerror}.")
