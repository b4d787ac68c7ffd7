"""What a run may move where nothing was changed: nothing, or the last digits."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.seeded_changes import Change, changed_submission
from benchmarks.stored_scores import bundle_folder
from kit import submissions
from kit.regression.predictions import Kind, change, parse_predictions
from tests.submissions.test_submissions import some_images
from tests.support.ingestion_server import ingest

THREADS = "\nimport threadpoolctl\nthreadpoolctl.threadpool_limits({count})\n"
TORCH_THREADS = "\nimport torch\ntorch.set_num_threads({count})\n"
SERVED_IN_BATCHES = "\nModel.batch_size = {size}\n"


@pytest.mark.parametrize(
    ("name", "kind", "threads"),
    [
        ("wing_pattern_sgd", "score", THREADS),
        pytest.param("triplet_centroids", "label", TORCH_THREADS, marks=pytest.mark.slow),
        pytest.param("bioclip_wings", "score", TORCH_THREADS, marks=pytest.mark.slow),
    ],
)
def test_threads_and_batches_move_no_more_than_the_tolerance(
    tmp_path: Path, name: str, kind: Kind, threads: str
) -> None:
    found = submissions.find(name)
    source = bundle_folder(found) / "input_data" / "development"
    images = some_images(source, tmp_path / "images")

    def predicted(code: str, called: str) -> str:
        changed = changed_submission(Change(name, called, False, code), tmp_path / called)
        ingest(images, changed.path, tmp_path / called / "output")
        return (tmp_path / called / "output/predictions.txt").read_text(encoding="utf-8")

    first = predicted("", "first")
    assert predicted("", "again") == first, "the same machine gives the same bytes"
    codes = [threads.format(count=count) for count in (1, 2)]
    codes += [SERVED_IN_BATCHES.format(size=size) for size in (1, 32)]
    for number, code in enumerate(codes):
        after = parse_predictions(predicted(code, str(number)), code)
        moved = change(parse_predictions(first, "first"), after, kind, same_machine=True)
        assert moved.within, (code, moved)
