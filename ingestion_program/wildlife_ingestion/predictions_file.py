"""Write predictions.txt: all of it, or nothing."""

from __future__ import annotations

import contextlib
import csv
import os
from pathlib import Path
from types import TracebackType

from wildlife_ingestion.errors import IngestionError, why_unwritable
from wildlife_ingestion.images import InputImage
from wildlife_ingestion.journal import find_journal

FILE_NAME = "predictions.txt"


class PredictionsFile:
    """Context manager: rows go to a temporary file, which `finish` puts in place.

    Left without `finish`, nothing stays in `output_dir`; not even an older predictions.txt, which
    the scoring step would take for this run's. Raises IngestionError if the disk refuses.
    """

    def __init__(self, output_dir: Path) -> None:
        self._path = output_dir / FILE_NAME
        self._journal = find_journal(output_dir)
        self._partial = output_dir / f".{FILE_NAME}.partial"

    def __enter__(self) -> PredictionsFile:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            self._stream = self._partial.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise self._refused(error) from None
        self._rows = csv.writer(self._stream, lineterminator="\n")
        return self

    def resume(self, images: list[InputImage], batch_size: int) -> int:
        """Take over what the journal holds, before the first `write`; return how many images."""
        if self._journal is None:
            return 0
        texts = self._journal.resume(images, batch_size)
        self._write_rows(images[: len(texts)], texts)
        return len(texts)

    def write(self, images: list[InputImage], texts: list[str]) -> None:
        """Add the predictions of one batch."""
        if self._journal is not None:
            self._journal.write(images, texts)
        self._write_rows(images, texts)

    def _write_rows(self, images: list[InputImage], texts: list[str]) -> None:
        try:
            self._rows.writerows(
                (image.name, text) for image, text in zip(images, texts, strict=True)
            )
        except OSError as error:
            raise self._refused(error) from None

    def finish(self) -> Path:
        """Put predictions.txt in place and return its path.

        Called when every image has its prediction.
        """
        try:
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
            self._partial.replace(self._path)
            if self._journal is not None:
                self._journal.remove()
        except OSError as error:
            raise self._refused(error) from None
        return self._path

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Closing flushes what a full disk refused before, and would raise again.
        with contextlib.suppress(OSError):
            self._stream.close()
        if self._journal is not None:
            self._journal.close()
        self._partial.unlink(missing_ok=True)

    def _refused(self, error: OSError) -> IngestionError:
        why = why_unwritable(error, self._path.parent)
        return IngestionError(f"predictions cannot be written to {self._path}: {why}.")
