"""Starting probes: a submission laid out as the worker would, in a clean process."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kit.isolation.process import Command, LocalProcess, Outcome, environment, run_together
from kit.submissions import Submission, lay_out

_PROBE = Path(__file__).with_name("probe.py")
# No single call may take longer: a hundredth of it is slow already.
CALL_LIMIT_S = 60.0
# How long the timed pass over pictures may take; what was measured by then is enough.
BUDGET_S = 20.0
# Pictures that are predicted again, backwards and in a batch.
FEW = 4
_LOG_BYTES = 1_000_000
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Surroundings:
    """What may not change an answer: the working directory, the hash seed, the threads."""

    cwd: str = "program"
    hash_seed: str = "0"
    one_thread: bool = False

    def variables(self) -> dict[str, str]:
        """As environment variables."""
        threads = _ONE_THREAD if self.one_thread else {}
        return {"PYTHONHASHSEED": self.hash_seed, "PYTHONUNBUFFERED": "1", **threads}


@dataclass
class Probe:
    """What one probe wrote down, and how its process ended."""

    events: list[dict[str, Any]] = field(default_factory=list)
    outcome: Outcome | None = None
    log: str = ""

    def of(self, event: str, stage: str = "") -> list[dict[str, Any]]:
        """The events of a kind, and of a stage where one is named."""
        return [
            item
            for item in self.events
            if item["event"] == event and (not stage or item.get("stage") == stage)
        ]

    def answers(self, stage: str) -> list[tuple[str, dict[str, Any]]]:
        """(name of the picture, answer) in the order of that stage."""
        return [(Path(e["picture"]).name, e["answer"]) for e in self.of("answer", stage)]

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
        begun = self.of("begin")
        if not begun:
            return "starting"
        picture = Path(begun[-1]["picture"]).name if begun[-1]["picture"] else ""
        return f"{begun[-1]['stage']} {picture}".strip()


@dataclass(frozen=True)
class Laboratory:
    """A laid-out submission in which probes run, one after the other."""

    root: Path
    submission: Path
    limit_s: float

    def probe(
        self,
        pictures: Sequence[Path],
        odd: Sequence[Path] = (),
        surroundings: Surroundings | None = None,
    ) -> Probe:
        """Run one probe over the pictures.

        Args:
            pictures: predicted in that order, and timed.
            odd: pictures of unusual forms; with them the answers are compared under
                repetition, another order and batching too.
            surroundings: what the process sees around it.
        """
        around = surroundings or Surroundings()
        number = len(list(self.root.glob("probe-*")))
        place = self.root / f"probe-{number}"
        cwd, home = place / around.cwd, place / "home"
        for folder in (cwd, home):
            folder.mkdir(parents=True)
        request, events = place / "request.json", place / "events.jsonl"
        request.write_text(json.dumps(self._request(pictures, odd)), encoding="utf-8")
        log = place / "stderr.txt"
        command = Command(
            argv=[sys.executable, str(_PROBE), str(request), str(events)],
            cwd=cwd,
            env=environment(around.variables(), str(home), False) | around.variables(),
            stdout=place / "stdout.txt",
            stderr=log,
            log_bytes=_LOG_BYTES,
        )
        outcomes = run_together(
            [lambda: LocalProcess(command)], self.limit_s, lambda seconds: None, lambda: False
        )
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        return Probe(list(_events(events)), outcomes[0], text)

    def _request(self, pictures: Sequence[Path], odd: Sequence[Path]) -> Mapping[str, Any]:
        return {
            "folder": str(self.submission),
            "pictures": [str(path) for path in pictures],
            "odd": [str(path) for path in odd],
            "full": bool(odd),
            "few": FEW,
            "call_limit_s": min(CALL_LIMIT_S, self.limit_s),
            "budget_s": BUDGET_S,
        }

    def files(self) -> dict[str, tuple[int, int]]:
        """The submission's files with size and time of change, to see what was written."""
        return {
            path.relative_to(self.submission).as_posix(): (
                path.stat().st_size,
                path.stat().st_mtime_ns,
            )
            for path in sorted(self.submission.rglob("*"))
            if path.is_file()
        }


def _events(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return  # the line at which the process was killed


@contextmanager
def laboratory(submission: Submission, limit_s: float) -> Iterator[Laboratory]:
    """Lay a submission out for the time of the block.

    Raises:
        KitError: the zip cannot be used.
    """
    with TemporaryDirectory(prefix="kit-check-") as folder:
        root = Path(folder).resolve()
        lay_out(submission, root / "submission")
        yield Laboratory(root, root / "submission", limit_s)
