"""Predict all images with a loaded submission: predictions.txt and the timings."""

from __future__ import annotations

import json
import os
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

from PIL import ImageFile

from wildlife_ingestion.candidates import CandidatesFile
from wildlife_ingestion.errors import counted
from wildlife_ingestion.faults import explain
from wildlife_ingestion.images import InputImage
from wildlife_ingestion.pipeline import BatchFailed, Predicted, predict_in_order
from wildlife_ingestion.plan import make_plan
from wildlife_ingestion.prediction_check import PredictionCheck
from wildlife_ingestion.predictions_file import PredictionsFile
from wildlife_ingestion.progress import Progress
from wildlife_ingestion.submission import Submission


def predict_all(
    submission: Submission,
    images: list[InputImage],
    kind: str | None,
    input_dir: Path,
    output_dir: Path,
) -> None:
    """Write predictions.txt, and for labels candidates.csv where the submission offers it.

    kind: "score", "label", or None for the type of the first prediction.
    INGESTION_ONE_BY_ONE=1 calls `predict` for each image, even where batches are offered.
    Resumes from the journal that an earlier run left in `output_dir`.
    Raises IngestionError if any image is left without a usable prediction.
    """
    one_by_one = os.environ.get("INGESTION_ONE_BY_ONE") == "1"
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        print("NOTE: the submission lets Pillow accept truncated images", flush=True)
    with ExitStack() as stack:
        file = stack.enter_context(PredictionsFile(output_dir))
        plan = make_plan(submission.model, images, input_dir, one_by_one)
        lister = plan.explain if kind == "label" else None
        candidates = stack.enter_context(CandidatesFile(output_dir, lister))
        print(plan.in_words, flush=True)
        if plan.note:
            print(f"NOTE: {plan.note}", flush=True)
        done = file.resume(images, plan.batch_size)
        if done:
            print(f"{done} of {len(images)} were predicted before; resuming from there")
            candidates.drop("this run resumed one that was cut off")
        timing = _Timing(submission.load_seconds)
        check = PredictionCheck(kind, len(images))
        progress = Progress(len(images), done)
        try:
            for batch in predict_in_order(images[done:], plan, candidates.add):
                file.write(batch.images, check.texts(batch.images, batch.predictions))
                timing.add(batch)
                progress.advance(len(batch.images))
        except BatchFailed as failed:
            raise explain(failed, images, plan.threads, submission.folder) from None
        finally:
            progress.close()
        timing.stop()
        path = file.finish()
        candidates.finish()
    print(f"{path.name}: {counted(len(images), 'row')}", flush=True)
    timing.report()


class _Timing:
    """Measure the loop over the images; the clocks start when the object is made."""

    def __init__(self, load_seconds: float) -> None:
        self._load_seconds = load_seconds
        self._per_image: list[float] = []
        self._start, self._cpu_start = time.perf_counter(), time.process_time()
        self._seconds = self._cpu_seconds = 0.0

    def add(self, batch: Predicted) -> None:
        """Share the model's time for a batch among its images."""
        number = len(batch.images)
        self._per_image += [batch.seconds / number] * number

    def stop(self) -> None:
        """Stop the clocks."""
        self._seconds = time.perf_counter() - self._start
        self._cpu_seconds = time.process_time() - self._cpu_start

    def report(self) -> None:
        """Print one line for people and one for the runner; nothing where nothing was predicted."""
        if not self._per_image:
            return
        ordered = sorted(self._per_image)
        median = statistics.median(ordered)
        high = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        rate = len(ordered) / self._seconds
        print(
            f"loaded in {self._load_seconds:.2f} s, {len(ordered)} images in "
            f"{self._seconds:.2f} s ({rate:.1f} images/s); model time per image: median "
            f"{1000 * median:.1f} ms, 95th percentile {1000 * high:.1f} ms"
        )
        timing = {
            "load_s": round(self._load_seconds, 6),
            "predict_s": round(self._seconds, 6),
            "predict_cpu_s": round(self._cpu_seconds, 6),
            "images": len(ordered),
            "images_per_s": round(rate, 3),
            "model_median_ms": round(1000 * median, 3),
            "model_p95_ms": round(1000 * high, 3),
        }
        print("TIMING " + json.dumps(timing), flush=True)
