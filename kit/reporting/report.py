"""Write the report of one run, or the comparison of several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kit.bundle_track import asked_of_a_track
from kit.files import replacing
from kit.reporting.chosen import ChosenRun
from kit.reporting.comparison_page import comparison_page
from kit.reporting.run_page import run_page
from kit.reporting.sources import analysis, opened


def write_report(runs: Sequence[ChosenRun], target: Path, bundle_path: Path | None) -> None:
    """Write one self-contained HTML file.

    Args:
        runs: one run, or several of one task.
        target: the file; it appears whole or not at all.
        bundle_path: where the bundle is now; None for where the run found it.

    Raises:
        KitError: the bundle or a table cannot be used; every problem is named.
    """
    with opened(runs[0], bundle_path) as source:
        with asked_of_a_track(source.bundle):
            content = analysis(source.task, runs)
        if len(runs) == 1:
            text = run_page(runs[0], source, content)
        else:
            text = comparison_page(runs, source, content)
    with replacing(target, "the report") as temporary:
        temporary.write_text(text, encoding="utf-8")
