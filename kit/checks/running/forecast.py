"""Forecast the time of a full run from what the probe measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from kit.bundles import Task
from kit.checks.running.images import Sample
from kit.checks.running.probing import Probe
from kit.contract import DEFAULT_TIME_LIMIT_S
from kit.findings.finding import Finding
from kit.trees import Kind, walk

_TIGHT = 0.7
# The platform sets no limit, and its workers kill what does not fit; many have 16 GB for two jobs.
_MUCH_MEMORY = 8 * 1024**3


def forecast(
    probe: Probe, sample: Sample, task: Task | None, images: int | None
) -> dict[str, Any] | None:
    """Return the seconds for all images; None if nothing was measured or no number is known."""
    one_by_one = sorted(float(event["seconds"]) for event in probe.of("answer", "first"))
    batched = [float(event["seconds"]) for event in probe.of("answer", "batch")]
    count = images or sample.total
    if not one_by_one or not count or probe.load_seconds is None:
        return None
    in_batches = bool(batched) and task is not None and _batches(task.ingestion_program)
    middle = batched[0] if in_batches else median(one_by_one)
    p95 = one_by_one[min(len(one_by_one) - 1, int(0.95 * len(one_by_one)))]
    peak = probe.outcome.peak_bytes if probe.outcome else 0
    return {
        "images": count,
        "measured": f"{len(one_by_one)} {sample.source}",
        "batched": in_batches,
        "load_seconds": round(probe.load_seconds, 3),
        "median_seconds": round(middle, 5),
        "p95_seconds": round(p95, 5),
        "seconds": round(probe.load_seconds + count * middle, 2),
        "seconds_at_p95": round(probe.load_seconds + count * p95, 2),
        "limit_seconds": task.time_limit_s if task else DEFAULT_TIME_LIMIT_S,
        "peak_bytes": peak,
    }


def _batches(program: Path | None) -> bool:
    """Return whether the organiser's ingestion program knows predict_batch."""
    if program is None or not program.is_dir():
        return False
    sources = [item for item in walk(program) if item.name.endswith(".py")]
    return any(
        b"predict_batch" in item.path.read_bytes() for item in sources if item.kind is Kind.FILE
    )


def check_forecast(content: dict[str, Any] | None) -> Iterator[Finding]:
    """Compare the forecast with the time limit and the memory of a worker."""
    if content is None:
        return
    share = content["seconds"] / content["limit_seconds"]
    found = (
        f"{content['images']:,} images would take {content['seconds']:,.0f} s, "
        f"{share:.0%} of the limit of {content['limit_seconds']:g} s"
    )
    if share > 1:
        yield Finding("time-limit", "", found)
    elif share > _TIGHT or (not content["batched"] and _p95_share(content) > 1):
        found += f"; {content['seconds_at_p95']:,.0f} s if all took the 95th percentile"
        yield Finding("time-tight", "", found)
    if content["peak_bytes"] > _MUCH_MEMORY:
        found = f"peak memory {content['peak_bytes'] / 1e9:.1f} GB"
        yield Finding("memory-high", "", found)


def _p95_share(content: dict[str, Any]) -> float:
    return float(content["seconds_at_p95"] / content["limit_seconds"])
