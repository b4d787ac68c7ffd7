"""Start probes: a submission laid out as the worker would, in a clean process."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit.bundles import Task
from kit.checks.running.images import METADATA_TABLE, write_metadata
from kit.isolation.process import Command, LocalProcess, Outcome, environment, run_together
from kit.repository import provided
from kit.submissions import LaidOut, Submission, lay_out
from kit.trees import Kind, remove_tree, temporary_folder, walk

_PROBE = Path(__file__).with_name("probe.py")
# No single call may take longer; a hundredth of this is slow already.
CALL_LIMIT_S = 60.0
# How long the timed pass over images may take; what was measured by then is enough.
BUDGET_S = 20.0
# Images that are predicted again, backwards and in a batch.
FEW = 4
_LOG_BYTES = 1_000_000
# The module of our ingestion program that decides how a model is called.
_PLAN = Path("wildlife_ingestion", "plan.py")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Surroundings:
    """What may not change a prediction: the working directory, the hash seed, the threads."""

    cwd: str = "program"
    hash_seed: str = "0"
    one_thread: bool = False

    def variables(self) -> dict[str, str]:
        """Return them as environment variables."""
        threads = _ONE_THREAD if self.one_thread else {}
        return {"PYTHONHASHSEED": self.hash_seed, "PYTHONUNBUFFERED": "1", **threads}


@dataclass
class Probe:
    """What one probe wrote down, and how its process ended."""

    events: list[dict[str, Any]] = field(default_factory=list)
    outcome: Outcome | None = None
    log: str = ""

    def of(self, event: str, stage: str = "") -> list[dict[str, Any]]:
        """Return the events of a kind, and of a stage where one is named."""
        return [
            item
            for item in self.events
            if item["event"] == event and (not stage or item.get("stage") == stage)
        ]

    def answers(self, stage: str) -> list[tuple[str, dict[str, Any]]]:
        """Return (name of the image, prediction) in the order of that stage."""
        return [(Path(e["image"]).name, e["answer"]) for e in self.of("answer", stage)]

    @property
    def finished(self) -> bool:
        """Whether the probe came to its end."""
        return bool(self.of("done"))

    @property
    def load_seconds(self) -> float | None:
        """Seconds of import, Model() and load(); None where it was not loaded."""
        loaded = self.of("loaded")
        return float(loaded[0]["seconds"]) if loaded else None

    @property
    def last(self) -> str:
        """What the submission was doing when the process ended."""
        calls = self.of("begin")
        if not calls:
            return "starting"
        image = Path(calls[-1]["image"]).name if calls[-1]["image"] else ""
        return f"{calls[-1]['stage']} {image}".strip()


def planning_program(task: Task | None) -> Path:
    """Return an ingestion program whose plan can be imported: the task's, else the kit's."""
    own = task.ingestion_program if task and plans_for(task) else None
    return own or provided() / "ingestion_program"


def plans_for(task: Task | None) -> bool:
    """Return whether the task's own ingestion program is ours, so that its plan decides."""
    program = task.ingestion_program if task else None
    return program is not None and (program / _PLAN).is_file()


@dataclass(frozen=True)
class Laboratory:
    """A submission that is laid out once, in which probes run one after the other.

    `ingestion_program` is the one whose plan calls the model; `metadata` the task's metadata.csv;
    `made_with` what Model() is given.
    """

    root: Path
    submission: Submission
    laid_out: LaidOut
    limit_s: float
    ingestion_program: Path
    metadata: Path | None
    made_with: tuple[str, ...] = ()

    def probe(
        self,
        images: Sequence[Path],
        odd: Sequence[Path] = (),
        surroundings: Surroundings | None = None,
    ) -> Probe:
        """Run one probe over the images.

        Args:
            images: predicted in that order, and timed.
            odd: images of unusual forms; with them the predictions are compared under
                repetition, another order and batching too.
            surroundings: what the process sees around it.
        """
        around = surroundings or Surroundings()
        folder = self.root / f"probe-{len(list(self.root.glob('probe-*')))}"
        cwd, home, inputs = folder / around.cwd, folder / "home", folder / "input"
        for path in (cwd, home, inputs):
            path.mkdir(parents=True)
        if self.metadata:
            names = [path.name for path in (*images, *odd)]
            write_metadata(self.metadata, names, inputs / METADATA_TABLE)
        request, events = folder / "request.json", folder / "events.jsonl"
        content = self._request(images, odd, inputs)
        request.write_text(json.dumps(content), encoding="utf-8")
        command = Command(
            argv=[sys.executable, str(_PROBE), str(request), str(events)],
            cwd=cwd,
            env=environment(around.variables(), str(home), False) | around.variables(),
            stdout=folder / "stdout.txt",
            stderr=folder / "stderr.txt",
            log_bytes=_LOG_BYTES,
        )
        return self._run(command, events)

    def _run(self, command: Command, events: Path) -> Probe:
        outcomes = run_together(
            [lambda: LocalProcess(command)], self.limit_s, lambda seconds: None, lambda: False
        )
        log = command.stderr
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        # The folder is deleted with the laboratory: what is told leads to the user's own files.
        folder, named = str(self.laid_out.folder), str(self.submission.path)
        return Probe(list(_events(events, folder, named)), outcomes[0], text.replace(folder, named))

    def _request(
        self, images: Sequence[Path], odd: Sequence[Path], inputs: Path
    ) -> Mapping[str, Any]:
        return {
            "folder": str(self.laid_out.folder),
            "made_with": list(self.made_with),
            "ingestion_program": str(self.ingestion_program.resolve()),
            "input": str(inputs),
            "images": [str(path) for path in images],
            "odd": [str(path) for path in odd],
            "full": bool(odd),
            "few": FEW,
            "call_limit_s": min(CALL_LIMIT_S, self.limit_s),
            "budget_s": BUDGET_S,
        }

    def files(self) -> dict[str, tuple[int, int]]:
        """Return the submission's files with size and time of change, to see what was written."""
        items = [item for item in walk(self.laid_out.folder) if item.kind is Kind.FILE]
        status = {item.name: item.path.stat() for item in items}
        return {name: (found.st_size, found.st_mtime_ns) for name, found in status.items()}

    def restore(self) -> None:
        """Lay the submission out again, after it wrote into its own folder."""
        remove_tree(self.laid_out.folder)
        lay_out(self.submission, self.laid_out.folder)


def _events(path: Path, folder: str, named: str) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    folder, named = json.dumps(folder)[1:-1], json.dumps(named)[1:-1]
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield json.loads(line.replace(folder, named))
        except ValueError:
            return  # the line at which the process was killed


@contextmanager
def laboratory(
    submission: Submission,
    limit_s: float,
    ingestion_program: Path,
    metadata: Path | None = None,
    made_with: tuple[str, ...] = (),
) -> Iterator[Laboratory]:
    """Lay a submission out for the time of the block.

    Args:
        submission: a folder or zip.
        limit_s: seconds after which a probe is ended.
        ingestion_program: the program whose plan calls the model.
        metadata: the task's metadata.csv, None where it has none.
        made_with: what Model() is given, by the contract of the bundle.

    Raises:
        KitError: the zip cannot be used.
    """
    with temporary_folder("kit-check-") as root:
        laid_out = lay_out(submission, root / "submission")
        yield Laboratory(
            root, submission, laid_out, limit_s, ingestion_program, metadata, made_with
        )
