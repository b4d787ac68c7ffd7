"""candidates.csv: the individuals that a submission found most alike, for the scoring report.

Written next to predictions.txt where the track asks for labels and the submission offers
`explain_batch(prepared)`, which gets the very list that `predict_batch` got just before and returns
for each image up to LISTED pairs (identity, score), best first. The scores do not depend on it:
whatever goes wrong here drops the file with a NOTE, and the run continues.
"""

from __future__ import annotations

import contextlib
import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wildlife_ingestion.errors import raise_swallowed_signal
from wildlife_ingestion.images import InputImage
from wildlife_ingestion.prediction_check import why_no_label
from wildlife_ingestion.submission import describe

FILE_NAME = "candidates.csv"
COLUMNS = ("filename", "rank", "identity", "score")
LISTED = 10  # candidates of one image, at most


class CandidatesFile:
    """Context manager: rows go to a temporary file, which `finish` puts in place.

    explain: the submission's method, or None where there is nothing to write. An older
    candidates.csv is removed in any case: it would be taken for this run's.
    """

    def __init__(self, output_dir: Path, explain: Callable[[list[Any]], Any] | None) -> None:
        self._path = output_dir / FILE_NAME
        self._partial = output_dir / f".{FILE_NAME}.partial"
        self._explain = explain

    def __enter__(self) -> CandidatesFile:
        self._path.unlink(missing_ok=True)
        if self._explain is not None:
            try:
                self._stream = self._partial.open("w", encoding="utf-8", newline="")
                self._rows = csv.writer(self._stream, lineterminator="\n")
                self._rows.writerow(COLUMNS)
            except OSError as error:
                self.drop(f"it cannot be written ({error.strerror})")
        return self

    def add(self, images: list[InputImage], prepared: list[Any]) -> None:
        """Ask for the candidates of one batch; does nothing after the file was dropped."""
        if self._explain is None:
            return
        try:
            result = self._explain(prepared)
            raise_swallowed_signal()
            lists = list(result)
            why = _why_unusable(lists, images)
            if why is None:
                for image, pairs in zip(images, lists, strict=True):
                    self._rows.writerows(
                        (image.name, rank, name, f"{score:.8g}")
                        for rank, (name, score) in enumerate(pairs, start=1)
                    )
        except KeyboardInterrupt:
            raise
        except OSError as error:
            why = f"it cannot be written ({error.strerror})"
        except BaseException as error:  # sys.exit in explain_batch is no reason to stop either
            why = f"explain_batch {describe(error)}"
        if why is not None:
            self.drop(why)

    def drop(self, why: str) -> None:
        """Write no file in this run, and say why; does nothing where none was to be written."""
        if self._explain is not None:
            self._explain = None
            print(f"NOTE: no {FILE_NAME}: {why}; the predictions do not depend on it", flush=True)

    def finish(self) -> None:
        """Put the file in place; called when every image has its prediction."""
        if self._explain is None:
            return
        try:
            self._stream.close()
            self._partial.replace(self._path)
        except OSError as error:
            self.drop(f"it cannot be written ({error.strerror})")

    def __exit__(self, *error: object) -> None:
        # Closing flushes what a full disk refused before, and would raise again.
        with contextlib.suppress(OSError, AttributeError):
            self._stream.close()
        with contextlib.suppress(OSError):
            self._partial.unlink(missing_ok=True)


def _why_unusable(lists: list[Any], images: list[InputImage]) -> str | None:
    if len(lists) != len(images):
        return f"explain_batch returned {len(lists)} lists for {len(images)} images"
    for image, pairs in zip(images, lists, strict=True):
        why = _why_no_list(pairs)
        if why is not None:
            return f"explain_batch gave {why} for {image.name} (image {image.place})"
    return None


def _why_no_list(pairs: Any) -> str | None:
    """Say what is wrong with one list: at most LISTED, names once, scores falling."""
    pairs = [tuple(pair) for pair in pairs]
    if len(pairs) > LISTED:
        return f"{len(pairs)} candidates, more than {LISTED},"
    if any(len(pair) != 2 for pair in pairs):
        return "something else than pairs (identity, score)"
    names, scores = [name for name, _ in pairs], [score for _, score in pairs]
    for name in names:
        why = why_no_label(name)
        if why is not None:
            return why.removeprefix("found ")
    if not all(isinstance(score, float) and math.isfinite(score) for score in scores):
        return "a score that is not a finite Python float"
    if len(set(names)) < len(names):
        return "an individual twice"
    return None if scores == sorted(scores, reverse=True) else "scores that are not best first"
