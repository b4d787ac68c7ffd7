"""Find out whose fault a failed batch is: a broken image's, or the submission's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wildlife_ingestion.errors import IngestionError, bullets, counted
from wildlife_ingestion.images import InputImage, UnreadableImage, why_undecodable
from wildlife_ingestion.pipeline import BatchFailed
from wildlife_ingestion.submission import SubmissionError, describe


def explain(
    failed: BatchFailed, images: list[InputImage], threads: int, folder: Path
) -> IngestionError:
    """Return the error that ends the run.

    It names all unreadable images from the failed batch on, or what the submission raised.
    Images that were predicted before are not checked again.
    """
    unopened = str(failed.error) if isinstance(failed.error, UnreadableImage) else None
    for image in failed.images:
        reason = unopened or why_undecodable(image)
        if reason is not None:
            return _all_unreadable(image, reason, images, threads)
    first, last, total = failed.images[0], failed.images[-1], len(images)
    told = describe(failed.error)
    if not failed.in_model:
        message = f"preprocess {told}, on {first.name} (image {first.place} of {total})"
    elif first is last:
        message = f"predict {told}, on {first.name} (image {first.place} of {total})"
    else:
        message = (
            f"predict_batch {told}, on images {first.place} to {last.place} of {total} "
            f"({first.name} to {last.name}). INGESTION_ONE_BY_ONE=1 finds out which one."
        )
    return SubmissionError(message, failed.error, folder)


def _all_unreadable(
    first: InputImage, reason: str, images: list[InputImage], threads: int
) -> IngestionError:
    later = images[first.place :]
    print(f"{first.name} cannot be read; looking through the {len(later)} after it", flush=True)
    with ThreadPoolExecutor(threads) as pool:
        reasons = [reason, *pool.map(why_undecodable, later)]
    broken = [
        f"{image.name}: {why}"
        for image, why in zip([first, *later], reasons, strict=True)
        if why is not None
    ]
    return IngestionError(
        f"{counted(len(broken), 'image')} cannot be read, so no predictions were written "
        "(an image without a prediction cannot be scored):"
        + bullets(broken)
        + "\nReplace or remove the files; the submission is not at fault."
    )
