"""Hold out whole locations or sequences of frames, so that validation sees nothing of training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from training.anomaly.camera_traps import Frame
from training.common.errors import DataError
from training.common.held_out import held_out_groups

GROUPS = ("location", "sequence")
_TRIES = 200  # splits of which the one with the most even species is taken

Split = tuple[list[Frame], list[Frame]]  # training, validation


def split_frames(frames: Sequence[Frame], by: str, share: float, seed: int) -> Split:
    """Return training and validation frames, in the order of `frames`.

    Of many random choices of groups the one is taken whose share of the frames, and of each
    species' boxes, is nearest to `share`; it does not depend on the order of the frames.

    Args:
        frames: what to split.
        by: one of GROUPS; sequences of two locations never count as one.
        share: of the frames that validation gets, about.
        seed: of the random choices.

    Raises DataError for a share outside 0..1, and where all frames are of one group.
    """
    groups = [group_of(frame, by) for frame in frames]
    problems = []
    if not 0 < share < 1:
        problems.append(f"share: expected more than 0 and less than 1, found {share}")
    if len(set(groups)) < 2:
        other = "by sequence instead" if by == "location" else "other data"
        problems.append(f"expected frames of at least two {by}s, found one; split {other}")
    if problems:
        raise DataError("\n  ".join(["the frames cannot be split", *problems]))
    tries = [held_out_groups(groups, share, seed * _TRIES + one) for one in range(_TRIES)]
    chosen = min(tries, key=lambda held: (_unevenness(frames, groups, held, share), sorted(held)))
    pairs = list(zip(frames, groups, strict=True))
    return (
        [frame for frame, group in pairs if group not in chosen],
        [frame for frame, group in pairs if group in chosen],
    )


def group_of(frame: Frame, by: str) -> str:
    """Return the location, or location and sequence, of a frame."""
    return frame.location if by == "location" else f"{frame.location}\n{frame.sequence}"


def _unevenness(
    frames: Sequence[Frame], groups: Sequence[str], held: set[str], share: float
) -> float:
    """Sum over the species, and as often over the frames, of how far from `share` is held out."""
    boxes: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for frame, group in zip(frames, groups, strict=True):
        for box in frame.boxes:
            boxes[box.species] += 1
            taken[box.species] += group in held
    apart = [abs(taken[name] / count - share) for name, count in boxes.items()]
    # A species that a part lacks altogether is worse than any unevenness.
    lacking = sum(taken[name] in (0, count) for name, count in boxes.items())
    whole = abs(sum(group in held for group in groups) / len(groups) - share)
    return round(sum(apart) + len(boxes) * (whole + lacking), 9)
