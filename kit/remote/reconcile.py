"""Compare the platform's scores with those of the last local run of the same zip.

All digits that the server stores count. Where they differ, the likely causes are named from what
is known of both. The platform tells no digests of its data and no versions of its image, so they
are likely causes, not proofs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from kit.remote.answers import CANCELLED, FAILED, FINISHED, Competition, Sent
from kit.remote.watching import Outcome

# What the server stores: DecimalField(20, 10).
_STORED: Final = Decimal(1).scaleb(-10)
# Predictions have four decimals, and a threshold may then fall on the other side of one image.
_NOISE: Final = Decimal("0.002")


@dataclass(frozen=True)
class Cell:
    """A column: the platform's value and the local one; None where one of them has none."""

    key: str
    platform: Decimal | None
    local: Decimal | None

    @property
    def difference(self) -> Decimal | None:
        """The platform's value less the local one."""
        if self.platform is None or self.local is None:
            return None
        return self.platform - self.local

    @property
    def equal(self) -> bool:
        """Whether both have a value, and the same one in every digit that the server stores."""
        return self.difference == 0


@dataclass(frozen=True)
class Comparison:
    """A part of a submission, next to the local run of its task. run: its folder, "" for none."""

    part: Sent
    run: str
    cells: tuple[Cell, ...]
    causes: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether every column that both have is equal, and they have one."""
        both = [cell for cell in self.cells if cell.difference is not None]
        return bool(both) and all(cell.equal for cell in both)

    def as_json(self) -> dict[str, Any]:
        """Return it as `kit submit --json` gives it."""
        return {
            "id": self.part.id,
            "task": self.part.task,
            "run": self.run or None,
            "equal": self.equal,
            "cells": [
                {
                    "key": cell.key,
                    "platform": _number(cell.platform),
                    "local": _number(cell.local),
                    "difference": _number(cell.difference),
                }
                for cell in self.cells
            ],
            "causes": [*self.causes],
        }


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def reconcile(
    outcome: Outcome, competition: Competition, limit_s: float, runs: Sequence[dict[str, Any]]
) -> list[Comparison]:
    """Compare each part of a submission that ended with the local run of its task.

    Args:
        outcome: what the platform shows.
        competition: where it was submitted.
        limit_s: of a step in the phase.
        runs: run.json of the local runs of the same zip, the earliest first.
    """
    found = []
    for part in outcome.parts:
        run = _local_run(part, runs)
        cells = tuple(_cells(part, run))
        causes = list(_causes(part, run, cells, competition, limit_s))
        found.append(Comparison(part, str(run["folder"]) if run else "", cells, tuple(causes)))
    return found


def _local_run(part: Sent, runs: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the last good run, one of the same task where there is one."""
    good = [run for run in runs if run.get("ok") and run.get("leaderboard")]
    same = [run for run in good if run["task"].get("name") == part.task]
    chosen = same or good
    return chosen[-1] if chosen else None


def _cells(part: Sent, run: dict[str, Any] | None) -> Iterator[Cell]:
    local = {str(cell["key"]): cell.get("value") for cell in run["leaderboard"]} if run else {}
    for key in [*part.scores, *(key for key in local if key not in part.scores)]:
        value = local.get(key)
        stored = None if value is None else Decimal(str(value)).quantize(_STORED)
        platform = part.scores.get(key)
        yield Cell(key, None if platform is None else platform.quantize(_STORED), stored)


def _causes(
    part: Sent,
    run: dict[str, Any] | None,
    cells: Sequence[Cell],
    competition: Competition,
    limit_s: float,
) -> Iterator[str]:
    """Name the likely causes of a difference, the likeliest first."""
    if part.status != FINISHED:
        yield from _of_the_end(part, run, limit_s)
        return
    if not part.scores:
        yield "the platform stored no score: scores.json was missing, or held none of its columns"
    if run is None:
        yield "no local run of this very zip succeeded: `kit run` it for a comparison"
    elif not all(cell.equal for cell in cells):
        yield from _of_the_data(part, run, competition)
        yield from _of_the_digits(cells)
        yield from _of_the_image(run, competition)


def _of_the_digits(cells: Sequence[Cell]) -> Iterator[str]:
    if missing := [cell.key for cell in cells if cell.platform is None]:
        yield f"the platform has no value for {', '.join(missing)}: its leaderboard has other keys"
    different = [cell.difference for cell in cells if cell.difference]
    if different and max(map(abs, different)) <= _NOISE:
        yield "the differences are as small as those of versions, threads or rounding"


def _of_the_image(run: dict[str, Any], competition: Competition) -> Iterator[str]:
    if run.get("mode") == "container":
        return
    image = competition.docker_image or "its own image"
    packages = (run.get("machine") or {}).get("packages") or {}
    here = ", ".join(f"{name} {version}" for name, version in packages.items())
    yield (
        f"the platform runs {image}, the local run had {here or 'other packages'}: "
        "`kit run --mode container` uses the image"
    )


def _of_the_end(part: Sent, run: dict[str, Any] | None, limit_s: float) -> Iterator[str]:
    """Say why a part has no scores that count."""
    if part.status == CANCELLED:
        yield "it was cancelled on the platform, by you or the organiser; it counts as submitted"
        return
    if part.status != FAILED:
        yield f"it has not ended: {part.status}"
        return
    yield f"it failed on the platform: {part.details or 'the platform gives no reason'}"
    longest = max((float(step["seconds"]) for step in (run or {}).get("steps", [])), default=0.0)
    if longest > limit_s / 2:
        yield (
            f"time: the local run took {longest:.0f} s for a step, the phase allows {limit_s:.0f} s"
        )


def _of_the_data(part: Sent, run: dict[str, Any], competition: Competition) -> Iterator[str]:
    """Say that the local run had other data, or may have had."""
    task = str(run["task"].get("name"))
    if str(run["bundle"]) != competition.title:
        yield (
            f"other data: the local run was on the bundle {run['bundle']}, not on "
            f"{competition.title}"
        )
    elif part.task and task != part.task:
        yield f"another task: the local run was on {task}, this is {part.task}"
    else:
        digests = run.get("digests") or {}
        data = str(digests.get("reference_data", ""))[:8] or "unknown"
        yield (
            f"the organiser's data may differ from the bundle's (reference data {data} here; the "
            "platform tells none)"
        )
