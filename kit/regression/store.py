"""Where stored predictions and scores are, and what the files hold.

STORE/NAME/TASK.json holds the scores, the digests of what gave them and the type of machine;
STORE/NAME/TASK.predictions.txt the predictions. STORE is `scores/` next to the folder
`submissions/`, or `tests/scores/` there if that exists. What ran against another bundle than the
sample bundle of the submission's track is in a folder more: STORE/NAME/BUNDLE/TASK.json.
"""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit.bundles import Bundle, Task
from kit.errors import KitError, UsageProblem
from kit.files import replacing, write_json
from kit.git import git
from kit.repository import SUBMISSIONS, submissions_above
from kit.run_record import installed_versions
from kit.submissions import Submission, bundle_of_track, named_track

_PLACES = ("tests/scores", "scores")
_FORMAT = 1
# What may move the last digits of a prediction: arithmetic, decoding, and the processor.
_PACKAGES = ("numpy", "pillow", "scikit-learn", "torch")


@dataclass(frozen=True)
class Slot:
    """The two files of a submission's task."""

    scores: Path

    @property
    def predictions(self) -> Path:
        """The file of the predictions."""
        return self.scores.with_suffix(".predictions.txt")


@dataclass(frozen=True)
class Kept:
    """What is stored: the text of predictions.txt, the scores by key, and where they come from.

    digests: sha256 of the submission's zip and of the task's programs and data; empty where an
    older kit stored them. machine: as `machine_type` gives it.
    """

    predictions: str
    scores: dict[str, float] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    where: str = ""


def repository_of(submission: Submission) -> Path:
    """Return the folder that holds the submission's `submissions/`, or the working directory's.

    A zip, or a folder elsewhere, belongs to the repository around the working directory; outside
    one, the working directory counts as it.
    """
    if not submission.is_zip and submission.path.parent.name == SUBMISSIONS:
        return submission.path.parent.parent
    above = submissions_above()
    return above.parent if above else Path.cwd()


def store_of(repository: Path) -> Path:
    """Return the folder of the stored scores in a repository."""
    places = [repository / place for place in _PLACES]
    return next((place for place in places if place.is_dir()), places[-1])


def slot_of(submission: Submission, bundle: Bundle, task: Task) -> Slot:
    """Return where the predictions and scores of a submission on a task are stored."""
    folder = store_of(repository_of(submission)) / submission.name
    usual = bundle_of_track(named_track(submission))
    if usual is None or usual.resolve() != bundle.path.resolve():
        folder /= slug(bundle.path.stem)
    return Slot(folder / f"{_task_name(bundle, task)}.json")


def _task_name(bundle: Bundle, task: Task) -> str:
    name = slug(task.name)
    alone = [slug(other.name) for other in bundle.tasks].count(name) == 1
    return name if name and alone else f"{name}-{task.index}".strip("-")


def slug(text: str) -> str:
    """Return text as part of a file name."""
    return "".join(c if c.isalnum() else "-" for c in text.lower()).strip("-")[:40]


def read_stored(slot: Slot, name: str) -> Kept:
    """Read what is stored of the submission `name`.

    Raises:
        UsageProblem: nothing is stored; it says what to type.
        KitError: the files cannot be read.
    """
    if missing := [path for path in (slot.scores, slot.predictions) if not path.is_file()]:
        raise UsageProblem(
            f"{name}: no stored scores: expected {' and '.join(map(str, missing))}",
            hint=f"kit compare --update {name}",
        )
    text = slot.predictions.read_text(encoding="utf-8")
    return _kept(text, slot.scores.read_text(encoding="utf-8"), str(slot.scores))


def read_at_revision(slot: Slot, name: str, revision: str) -> Kept:
    """Read what is stored of the submission `name` at a revision of its git repository.

    Raises:
        UsageProblem: nothing is stored there, or git does not know the revision.
    """
    folder = next((path for path in slot.scores.parents if path.is_dir()), Path.cwd())
    texts = [_git_show(folder, path, revision, name) for path in (slot.predictions, slot.scores)]
    return _kept(texts[0], texts[1], f"git:{revision}")


def _git_show(folder: Path, path: Path, revision: str, name: str) -> str:
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top.returncode:
        raise UsageProblem(f"{folder}: expected a git repository, found none")
    relative = path.resolve().relative_to(Path(top.stdout.strip()).resolve()).as_posix()
    shown = _git(folder, "show", "--end-of-options", f"{revision}:{relative}")
    if shown.returncode:
        raise UsageProblem(
            f"{name}: expected {relative} at git:{revision}, found none: {shown.stderr.strip()}",
            hint="name a revision with stored scores, or compare without --against",
        )
    return shown.stdout


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    ended = git(folder, *words)
    if ended is None:
        raise UsageProblem("--against git:...: expected git on your path, found none that answers")
    return ended


def _kept(predictions: str, record: str, where: str) -> Kept:
    try:
        content = json.loads(record)
        scores = {str(key): float(value) for key, value in content["scores"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KitError(
            f"{where}: expected stored scores, found something else ({error})",
            hint="kit compare --update",
        ) from error
    digests, machine = content.get("digests") or {}, content.get("machine") or {}
    return Kept(predictions, scores, digests, machine, where)


def write_stored(slot: Slot, kept: Kept) -> None:
    """Store predictions and scores; each file is the old one or the new one, never a half."""
    record = {
        "format": _FORMAT,
        "scores": kept.scores,
        "digests": kept.digests,
        "machine": kept.machine,
    }
    with replacing(slot.predictions, "the stored predictions") as temporary:
        temporary.write_text(kept.predictions, encoding="utf-8", newline="")
    write_json(slot.scores, record, "the stored scores")


def machine_type() -> dict[str, Any]:
    """Return what has to be equal before bytes are expected to be equal."""
    found = installed_versions(_PACKAGES)
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "packages": {name: found.get(name, "not installed") for name in _PACKAGES},
    }


def _processor() -> dict[str, str]:
    """Return maker, family and model, and which wide instructions: they choose how sums round."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {"name": platform.processor()}
    lines = path.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0].splitlines()
    told = {name.strip(): value.strip() for name, _, value in (it.partition(":") for it in lines)}
    wide = {"avx2", "avx512f"} & set(told.get("flags", "").split())
    found = {"wide": " ".join(sorted(wide))}
    for name in ("vendor_id", "cpu family", "model"):
        found[name] = told.get(name, "")
    return found
