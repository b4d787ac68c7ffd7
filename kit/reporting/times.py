"""How long a run took, from its record and the line that our ingestion program prints."""

from __future__ import annotations

import json
from typing import Any

from kit.reporting.chosen import ChosenRun
from kit.reporting.parts import percent, rows_table

_MARK = "TIMING "
_MEGABYTE = 1_000_000


def time_section(run: ChosenRun, images: int) -> str:
    """Write the time of both steps next to the limit, and the time per image."""
    steps = run.record.get("steps") or []
    rows = []
    for step in steps:
        seconds, limit, peak = step["seconds"], step["limit_seconds"], step["peak_bytes"]
        memory = f"{peak / _MEGABYTE:,.0f} MB" if peak else "unknown"
        cells = (f"{seconds:.1f} s", f"{limit:g} s", percent(seconds, limit), memory)
        rows.append((step["name"], *cells))
    titles = ("Step", "Time #", "Limit #", "Used #", "Peak memory #")
    return "\n".join(
        [
            '<h2 id="time">Time</h2>',
            f"<p>{_per_image(run, images)}</p>",
            rows_table("The two steps", titles, rows),
        ]
    )


def _per_image(run: ChosenRun, images: int) -> str:
    prediction = next(
        (step for step in run.record.get("steps") or [] if step["name"] == "prediction"), None
    )
    if prediction is None or not images:
        return "The run's record does not tell the time of the prediction."
    each = 1000 * prediction["seconds"] / images
    text = f"The prediction step took {each:.1f} ms for each of {images:,} images, all included."
    timing = _timing(run)
    if timing is None:
        return text + " The ingestion program did not tell the time of the model alone."
    return (
        f"{text} Loading took {timing['load_s']:.2f} s. The model itself took "
        f"{timing['model_median_ms']:.1f} ms for a median image and {timing['model_p95_ms']:.1f} "
        "ms at the 95th percentile."
    )


def _timing(run: ChosenRun) -> dict[str, Any] | None:
    for log in sorted((run.folder / "logs").glob("*_stdout.txt")):
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(_MARK) and (found := _numbers(line.removeprefix(_MARK))):
                return found
    return None


def _numbers(text: str) -> dict[str, Any] | None:
    try:
        content = json.loads(text)
        wanted = {
            name: float(content[name]) for name in ("load_s", "model_median_ms", "model_p95_ms")
        }
    except (ValueError, KeyError, TypeError):
        return None
    return wanted
