"""A comparison in words, for the terminal and for test reports."""

from __future__ import annotations

from pathlib import Path

from kit.regression.cases import Comparison
from kit.regression.verdicts import Metric

MOST_IMAGES = 10  # nobody reads hundreds


def summary(one: Comparison) -> list[str]:
    """Return what was compared with what, how far the predictions moved, and the notes."""
    lines = [f"with {_shown(one.against)}: {_predictions(one)}"]
    if one.found and any(metric.moved for metric in one.metrics):
        units = f"{one.found.units:,} units (column {one.found.grouped_by})"
        drawn = units if one.found.grouped_by else f"{one.found.units:,} images"
        lines.append(f"fall: in how many of the resamples of {drawn} the metric is worse")
    return lines + [f"note: {note}" for note in one.notes]


def in_words(one: Comparison) -> str:
    """Return the whole comparison as text: verdict, summary, fallen metrics, images that lost."""
    lines = [f"{one.case}: {one.verdict}", *summary(one)]
    lines += [_metric(metric) for metric in one.fallen]
    lines += [
        f"{image.filename} (truth {image.truth}): {image.stored} -> {image.new}, earned "
        f"{image.credit_stored:.2f}, earns {image.credit_new:.2f}"
        for image in one.images[:MOST_IMAGES]
    ]
    if len(one.images) > MOST_IMAGES:
        lines.append(f"... and {len(one.images) - MOST_IMAGES:,} more images")
    return "\n".join(lines)


def _metric(metric: Metric) -> str:
    text = f"{metric.title}: {metric.stored:.4f} -> {metric.new:.4f}"
    return text if metric.p_fall is None else f"{text}, fall {100 * metric.p_fall:.1f} %"


def _predictions(one: Comparison) -> str:
    change = one.change
    if change.identical:
        return f"the same {change.images:,} predictions"
    text = f"{len(change.changed):,} of {change.images:,} predictions changed"
    if change.largest is not None:
        text += f", by at most {change.largest:.4g}, {change.mean:.4g} on average"
    return f"{text} (tolerance {change.allowed:.4g})"


def _shown(where: str) -> str:
    """Return a path below the working directory without it."""
    path = Path(where)
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return where
