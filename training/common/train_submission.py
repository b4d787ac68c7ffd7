"""Train a submission on other images, together with the submissions whose networks it takes."""

from __future__ import annotations

import datetime
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from training.common.console import say
from training.common.errors import ScriptError
from training.common.submission_files import NOT_CODE, ROOT
from wildlife_scoring.tracks import TRACKS

# The submissions whose networks another one takes, with the options of its training script.
DESCRIPTORS = {
    "wildfusion": {"--descriptor": "megadescriptor_cosine"},
    "megadescriptor_convnext": {"--descriptor": "megadescriptor_cosine"},
    "open_set_ensemble": {"--triplet": "triplet_centroids", "--swin": "megadescriptor_cosine"},
}
# The submissions whose training draws: their scripts take --preset and --seed. The others train
# the same from the same networks.
SEEDED = ("bioclip_wings", "dinov2_ensemble", "megadescriptor_cosine", "triplet_centroids")
PRESETTED = (*SEEDED, "efficientnet_families", "simclr_ocsvm", "species_ensemble")


def takes(name: str, scripts: Sequence[str]) -> bool:
    """Say whether a submission's script, or that of a network that it takes, is among `scripts`."""
    return name in scripts or any(takes(it, scripts) for it in DESCRIPTORS.get(name, {}).values())


def refuse_untaken(name: str, preset: str, seed: str) -> None:
    """Refuse options that the training of a submission does not take. Raises ScriptError.

    preset: "" for the script's own; seed: the option that asks for seeds, "" where none does.
    """
    if preset and not takes(name, PRESETTED):
        raise ScriptError(f"--preset {preset}: the training of {name} has no presets")
    if seed and not takes(name, SEEDED):
        raise ScriptError(
            f"{seed}: the training of {name} draws nothing, so each seed would give the same; "
            "leave the option out"
        )


def train_submission(submission: Path, data: Path, folder: Path, preset: str, seed: int) -> Path:
    """Return `folder`/NAME, a copy of the submission that its script trained on `data`.

    A submission that takes another one's network gets the network trained on the same images,
    with the same preset and seed, next to it. A copy that an earlier call finished is used again.

    preset: of the training script, "" for its own. Raises ScriptError where a script fails.
    """
    name = submission.name
    copy = folder / name
    finished = folder / f"{name}.finished"
    if finished.is_file():
        say(f"{copy}: trained {finished.read_text(encoding='utf-8')}; remove {finished} to repeat")
        return copy
    module = script_of(name)
    left_out = NOT_CODE if module else ("__pycache__",)
    ignore = shutil.ignore_patterns(*left_out)
    shutil.copytree(submission, copy, dirs_exist_ok=True, ignore=ignore)
    if module:  # the smallest submissions are not trained
        more: list[object] = ["--preset", preset] if preset and name in PRESETTED else []
        more += ["--seed", seed] if name in SEEDED else []
        for option, other in DESCRIPTORS.get(name, {}).items():
            taken = train_submission(submission.with_name(other), data, folder, preset, seed)
            more += [option, taken.resolve()]
        _run_script(module, "--data", data.resolve(), "--out", copy.resolve(), *more)
    finished.write_text(today(), encoding="utf-8")
    return copy


def _run_script(module: str, *arguments: object) -> None:
    """Run a training script from the root; what it prints is seen. Raises ScriptError."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    status = subprocess.run(command, check=False, cwd=ROOT).returncode
    if status != 0:
        raise ScriptError(f"{module} ended with status {status}, its message is above")


def script_of(name: str) -> str | None:
    """Return the module that trains a submission: training.TRACK.NAME, a file or a package."""
    for track in TRACKS:
        path = ROOT / "training" / track / name
        if path.with_suffix(".py").is_file() or (path / "__main__.py").is_file():
            return f"training.{track}.{name}"
    return None


def today() -> str:
    """Return the date, YYYY-MM-DD (UTC)."""
    return datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()
