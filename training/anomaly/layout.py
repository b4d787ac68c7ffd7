"""Write the anomaly track's training data from frames that an importer found somewhere else."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.anomaly.camera_traps import ANNOTATIONS, IMAGES, Frame, write_camera_traps
from training.common.console import say
from training.common.images import claim, place_image

NOT_SETTINGS = ("out", "debug", "script")  # options that do not change what is written


@dataclass(frozen=True)
class Found:
    """A frame with the file that it was found as; `frame.file_name` is its name in the layout."""

    frame: Frame
    source: Path


def same_names(found: Iterable[Found]) -> list[str]:
    """Say which files would get one name; upper and lower case count as one, as on some disks."""
    sources: dict[str, list[str]] = defaultdict(list)
    for one in found:
        sources[one.frame.file_name.casefold()].append(str(one.source))
    return [
        f"{name!r} would be the name of {' and of '.join(paths)}"
        for name, paths in sources.items()
        if len(paths) > 1
    ]


def no_frames(found: Sequence[Found]) -> list[str]:
    """Say that nothing is left, or that nothing has a box."""
    if not found:
        return ["no images; expected at least one with a box"]
    return [] if any(one.frame.boxes for one in found) else ["no boxes; expected at least one"]


def write_layout(
    found: Sequence[Found], out: Path, made_by: str, options: argparse.Namespace
) -> None:
    """Write OUT/images, copied or linked to as `options.link` says, and annotations.json last.

    A command that was stopped can be given again. Raises FolderError where OUT holds something of
    other options.
    """
    settings = {name: str(one) for name, one in vars(options).items() if name not in NOT_SETTINGS}
    claim(out, made_by, settings)
    for one in found:
        place_image(one.source, out / IMAGES / one.frame.file_name, options.link)
    write_camera_traps(out / ANNOTATIONS, [one.frame for one in found])
    frames = [one.frame for one in found]
    boxes = [box for frame in frames for box in frame.boxes]
    say(
        f"{out}: {len(frames)} images of {len({frame.location for frame in frames})} locations, "
        f"{len(boxes)} boxes of {len({box.species for box in boxes})} species, "
        f"{sum(not frame.boxes for frame in frames)} images without a box"
    )
