"""Models for the running checks, and running the checks on them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from kit import bundles
from kit.bundles import Bundle
from kit.checks.full import Context, check_running
from kit.checks.running.images import sample
from kit.checks.running.probing import laboratory, planning_program
from kit.checks.running.scored_run import check_scores
from kit.checks.submission.subject import opened
from kit.checks.target import Target
from kit.findings.finding import CheckResult, Report
from kit.submissions import Submission
from tests.support.kit import ROOT, make_bundle, make_submission

GOOD = """
class Model:
    def load(self):
        self.scale = 100

    def preprocess(self, image):
        return float(image.size[0])

    def predict_batch(self, items):
        return [item / self.scale for item in items]

    def predict(self, image):
        return self.predict_batch([self.preprocess(image)])[0]
"""
_PREDICT = "        return self.predict_batch([self.preprocess(image)])[0]"
_LOAD = "        self.scale = 100"


def predicting(lines: str, head: str = "") -> str:
    """The good model with another body of predict, and without its batches."""
    indented = "\n".join(f"        {line}" for line in lines.splitlines())
    text = GOOD.replace(_PREDICT, indented).replace("def predict_batch", "def _other")
    return f"{head}\n{text}"


def loading(lines: str, head: str = "") -> str:
    """The good model with more lines in load."""
    indented = "\n".join(f"        {line}" for line in lines.splitlines())
    return f"{head}\n{GOOD.replace(_LOAD, f'{_LOAD}{chr(10)}{indented}')}"


def run_checks(model: str, folder: Path, bundle: Bundle, limit_s: int = 20) -> Report:
    path = make_submission(folder, model)
    report = Report("submission", path.name, path)
    task = replace(bundle.tasks[0], time_limit_s=limit_s)
    program = planning_program(task)
    drawn = folder.parent / f"{folder.name}-images"
    drawn.mkdir()
    chosen = sample(task.input_data, drawn)
    submission = Submission(path.name, path)
    with (
        opened(submission) as subject,
        laboratory(submission, limit_s, program, chosen.metadata) as room,
    ):
        context = Context(subject, Target(bundle, task))
        check_running(report, context, room, chosen, drawn)
    return report


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def with_our_ingestion(folder: Path, metadata: str = "") -> Path:
    """The builders' bundle with our ingestion program, and with a metadata.csv if it is given."""
    bundle = make_bundle(folder)
    shutil.rmtree(bundle / "ingestion_program")
    (bundle / "ingestion_program").symlink_to(ROOT / "ingestion_program")
    if metadata:
        (bundle / "input_data/metadata.csv").write_text(metadata)
    return bundle


def scored_run(submission: Path, bundle_folder: Path) -> list[CheckResult]:
    """What the checks find in a scored run on the bundle's first task."""
    with bundles.opened(bundle_folder) as bundle:
        task = bundle.tasks[0]
        program = planning_program(task)
        with laboratory(Submission("s", submission), task.time_limit_s, program) as room:
            return list(check_scores(room, bundle, task))
