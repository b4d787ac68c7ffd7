"""Everything that parses data from outside, as functions of bytes.

A target may end well or with the one exception that its users see as a message; anything else
(a traceback, or more time or memory than limits.py gives a case) is a fault. `run.py` next to this
file drives the targets with a coverage-guided fuzzer, tests/fuzz/test_corpus.py with what was found
and with hypothesis.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from kit import bundles, requirements, scores, submissions
from kit.checks.bundle.folder import check_bundle
from kit.checks.engine import check_statically
from kit.errors import KitError
from kit.isolation import programs
from kit.packing.manifest import read_manifest
from kit.remote import answers
from kit.remote.journal import Journal, Order
from kit.submissions import Submission
from kit.zips import unpack
from tests.fuzz import structures
from tests.fuzz.limits import limited
from wildlife_ingestion.errors import IngestionError
from wildlife_ingestion.images import list_images, read_metadata_rows, why_undecodable
from wildlife_ingestion.requirements import read_requirements, read_whitelist
from wildlife_ingestion.submission import read_prediction_kind
from wildlife_scoring.problems import ScoringError
from wildlife_scoring.step import score_folder

ROOT = Path(__file__).resolve().parents[2]


MESSAGES = (KitError, IngestionError, ScoringError)
_CELLS = [(group, stat) for group in ("major", "minor", "mimic") for stat in (0, 1)]
REFERENCE = "filename,hybrid_stat,ssp_indicator\n" + "".join(
    f"{group}{stat}.jpg,{stat},{group}\n" for group, stat in _CELLS
)
PREDICTIONS = "".join(f"{group}{stat}.jpg,0.{stat}\n" for group, stat in _CELLS)


def competition(data: bytes, folder: Path) -> None:
    """competition.yaml."""
    for name in ("program", "data"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "competition.yaml").write_bytes(data)
    bundle = bundles.read(folder)
    bundle.task(None)
    scores.leaderboard(bundle, {"a": 1.0})


def metadata(data: bytes, folder: Path) -> None:
    """The metadata of a program or a submission."""
    (folder / "metadata").write_bytes(data)
    submissions.track_of(folder)
    with contextlib.suppress(IngestionError):
        read_prediction_kind(folder)
    if command := programs.command_of(folder):
        programs.split_command(command, "ingestion", scoring=False, late_ingestion=False)


def yaml_structure(data: bytes, folder: Path) -> None:
    """Nested and multiplied YAML, which bytes only describe, for what reads YAML.

    The first byte says who reads it.
    """
    readers = (competition, checked_bundle, metadata, scores_file)
    reader = readers[data[0] % len(readers)] if data else competition
    reader(structures.document(data[1:]).encode(), folder)


def requirement_lines(data: bytes, folder: Path) -> None:
    """requirements.txt."""
    path = folder / "requirements.txt"
    path.write_bytes(data)
    requirements.unmet_requirements(folder)
    read_requirements(path, {"numpy": "numpy"})


def whitelist(data: bytes, folder: Path) -> None:
    """whitelist.txt."""
    (folder / "whitelist.txt").write_bytes(data)
    read_whitelist(folder)


def checked_bundle(data: bytes, folder: Path) -> None:
    """competition.yaml, as `kit check` reads it."""
    (folder / "competition.yaml").write_bytes(data)
    check_bundle(folder)


def checked_submission(data: bytes, folder: Path) -> None:
    """A submission whose model, requirements and weights are anything, as `kit check` reads it."""
    (folder / "weights").mkdir(exist_ok=True)
    suffixes = ("pkl", "npy", "npz", "pt", "onnx", "safetensors", "h5", "json")
    weights_files = [f"weights/head.{suffix}" for suffix in suffixes]
    for name in ("model.py", "requirements.txt", *weights_files):
        (folder / name).write_bytes(data)
    check_statically(Submission("fuzzed", folder))


def weights(data: bytes, folder: Path) -> None:
    """weights.json."""
    (folder / "weights.json").write_bytes(data)
    read_manifest(folder)


def predictions(data: bytes, folder: Path) -> None:
    """predictions.txt, against a small reference table."""
    _score(data, REFERENCE.encode(), folder)


def reference(data: bytes, folder: Path) -> None:
    """The reference table, with small predictions."""
    _score(PREDICTIONS.encode(), data, folder)


def _score(predicted: bytes, truth: bytes, folder: Path) -> None:
    for name in ("res", "ref"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "res/predictions.txt").write_bytes(predicted)
    (folder / "ref/ref.csv").write_bytes(truth)
    score_folder(folder)


def scores_file(data: bytes, folder: Path) -> None:
    """scores.json and scores.txt of somebody's scoring program."""
    for name in ("scores.json", "scores.txt"):
        (folder / name).write_bytes(data)
        with contextlib.suppress(KitError):
            scores.read_scores(folder)
        (folder / name).unlink()


def archive(data: bytes, folder: Path) -> None:
    """A zip."""
    path = folder / "x.zip"
    path.write_bytes(data)
    try:
        unpack(path, folder / "out", must_hold=("model.py",))
    finally:
        shutil.rmtree(folder / "out", ignore_errors=True)


def image(data: bytes, folder: Path) -> None:
    """An image among the input."""
    (folder / "x.jpg").write_bytes(data)
    for item in list_images(folder).images:
        why_undecodable(item)


def metadata_table(data: bytes, folder: Path) -> None:
    """metadata.csv among the input."""
    (folder / "metadata.csv").write_bytes(data)
    (folder / "x.jpg").touch()
    read_metadata_rows(folder, list_images(folder).images)


def platform_answer(data: bytes, folder: Path) -> None:
    """What a platform answers: a competition, a submission, a data set; and a journal of ours."""
    order = Order("https://x.org", 7, 70, (), "a", folder / "a.zip", "ab" * 32, 10)
    path = Journal(folder, order).path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    with contextlib.suppress(KitError):
        Journal(folder, order)
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return  # the client says that it is no JSON
    for read in (answers.competition, answers.sent, answers.data_set):
        with contextlib.suppress(KitError):
            answers.read("an answer", content, read)


TARGETS: dict[str, Callable[[bytes, Path], None]] = {
    function.__name__: function
    for function in (
        competition,
        metadata,
        yaml_structure,
        checked_bundle,
        checked_submission,
        requirement_lines,
        whitelist,
        weights,
        predictions,
        reference,
        scores_file,
        archive,
        image,
        metadata_table,
        platform_answer,
    )
}


def check(name: str, data: bytes) -> None:
    """Run one case under its limits; raises what should never be raised."""
    base = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=base) as folder, limited():
        check_in(name, data, Path(folder))


def check_in(name: str, data: bytes, folder: Path) -> None:
    """Run one case in a folder that may be used for the next one too."""
    with contextlib.suppress(*MESSAGES), contextlib.redirect_stdout(io.StringIO()):
        TARGETS[name](data, folder)
