"""`kit check` finds no error in a submission of this repository."""

from __future__ import annotations

import pytest

from kit import submissions
from kit.checks.engine import check_statically
from kit.checks.full import check_submission
from kit.submissions import Submission


@pytest.mark.slow
@pytest.mark.parametrize("submission", submissions.discover(), ids=lambda item: item.name)
def test_no_submission_here_misbehaves(submission: Submission) -> None:
    report = check_submission(submission, None, None, None, quick=False)
    assert not [str(f) for f in report.sorted_findings() if f.severity == "error"]
    assert not report.skipped


@pytest.mark.parametrize("submission", submissions.discover(), ids=lambda item: item.name)
def test_no_submission_here_has_an_error(submission: Submission) -> None:
    report = check_statically(submission)
    assert not [str(f) for f in report.sorted_findings() if f.severity == "error"]
    assert not report.skipped
