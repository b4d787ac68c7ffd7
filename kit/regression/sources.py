"""What --against and --predictions name: a run, a file of predictions, or a git revision."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kit.contract import PREDICTIONS_FILE
from kit.contracts.kept import comparable, contract_in
from kit.contracts.reading import CODE
from kit.errors import UsageProblem
from kit.records import read_record, run_folder
from kit.regression.cases import Case, score_predictions
from kit.regression.store import Kept, read_at_revision

GIT: Final = "git:"


@dataclass(frozen=True)
class Source:
    """Predictions from elsewhere.

    file: of predictions, else None. revision: of git, else "". task: the one that a run belongs
    to, by its index; None where nothing tells. scored: the folder of a run whose file of
    predictions no result submission can replace, because the bundle's program wants code.
    """

    file: Path | None = None
    revision: str = ""
    task: str | None = None
    scored: Path | None = None

    def of_case(self, case: Case) -> Kept:
        """Return its predictions and scores for a case.

        Raises:
            KitError: they cannot be read or scored.
        """
        if self.scored:
            record = read_record(self.scored)
            text = comparable(self.scored, case.task)
            return Kept(text, record["scores"], record.get("digests") or {}, {}, str(self.scored))
        if self.file:
            return score_predictions(case, self.file)
        return read_at_revision(case.slot, case.submission.name, self.revision)


def find_source(option: str, text: str) -> Source:
    """Return what an option names: git:REV, a run's folder or its name in runs/, or a file.

    Raises:
        UsageProblem: it is none of these.
    """
    if text.startswith(GIT) and len(text) > len(GIT):
        return Source(revision=text.removeprefix(GIT))
    path = Path(text)
    if path.is_file():
        return Source(file=path)
    if folder := run_folder(text):
        return _run_of(folder)
    raise UsageProblem(
        f"{option} {text}: expected a file of predictions, a run (its folder, or its name in "
        "runs/) or git:REV, found none of these"
    )


def _run_of(folder: Path) -> Source:
    task = read_record(folder).get("task")
    index = task.get("index") if isinstance(task, dict) else None
    task = None if index is None else str(index)
    if (folder / PREDICTIONS_FILE).is_file():
        return Source(file=folder / PREDICTIONS_FILE, task=task)
    if (contract := contract_in(folder)) and read_record(folder).get("ok"):
        path = folder / contract.answer.files[0]
        return Source(path, "", task, folder if contract.kind == CODE else None)
    raise UsageProblem(f"{folder}: expected a run with {PREDICTIONS_FILE}, found none")
