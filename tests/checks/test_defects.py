"""Every seeded defect is caught with its code, and what is good has no findings."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kit.checks.bundle.folder import check_bundle
from kit.checks.engine import check_statically
from kit.findings.finding import Report
from kit.findings.rules import RULES
from kit.submissions import Submission
from tests.support.bundle_defects import BUNDLE_DEFECTS
from tests.support.checks import Defect, good_bundle, good_submission, good_zip
from tests.support.kit import ROOT, make_bundle
from tests.support.submission_defects import SUBMISSION_DEFECTS
from tests.support.zip_defects import ZIP_DEFECTS

NOW = datetime(2026, 6, 1)
DEFECT_ID = attrgetter("name")


def check_submission_at(path: Path) -> Report:
    return check_statically(Submission(path.stem, path))


def check_bundle_at(path: Path) -> Report:
    return check_bundle(path, NOW)


@functools.cache
def codes_of_the_good(good: Callable[[Path], Path], check: Callable[[Path], Report]) -> set[str]:
    """The codes that are given before anything is corrupted."""
    with TemporaryDirectory() as folder:
        return {finding.code for finding in check(good(Path(folder))).findings}


def assert_caught(
    defect: Defect,
    good: Callable[[Path], Path],
    check: Callable[[Path], Report],
    folder: Path,
) -> None:
    path = good(folder)
    codes = {finding.code for finding in check(defect.seed(path) or path).findings}
    before = codes_of_the_good(good, check)
    assert defect.code not in before
    assert defect.code in codes, f"expected {defect.code}, got {sorted(codes - before)}"


@pytest.mark.parametrize("defect", SUBMISSION_DEFECTS, ids=DEFECT_ID)
def test_a_defect_of_a_submission_is_caught(defect: Defect, tmp_path: Path) -> None:
    assert_caught(defect, good_submission, check_submission_at, tmp_path)


@pytest.mark.parametrize("defect", ZIP_DEFECTS, ids=DEFECT_ID)
def test_a_defect_of_a_zip_is_caught(defect: Defect, tmp_path: Path) -> None:
    assert_caught(defect, good_zip, check_submission_at, tmp_path)


@pytest.mark.parametrize("defect", BUNDLE_DEFECTS, ids=DEFECT_ID)
def test_a_defect_of_a_bundle_is_caught(defect: Defect, tmp_path: Path) -> None:
    assert_caught(defect, good_bundle, check_bundle_at, tmp_path)


def test_a_good_submission_has_no_findings(tmp_path: Path) -> None:
    (tmp_path / "zip").mkdir()
    assert not check_submission_at(good_submission(tmp_path / "folder")).findings
    assert not check_submission_at(good_zip(tmp_path / "zip")).findings
    assert not check_bundle_at(good_bundle(tmp_path)).findings


def test_no_bundle_here_has_an_error(tmp_path: Path) -> None:
    bundles = [path.parent for path in (ROOT / "sample_data").glob("*/competition.yaml")]
    assert bundles
    for path in [*bundles, make_bundle(tmp_path / "built")]:
        report = check_bundle(path)
        assert not [str(f) for f in report.sorted_findings() if f.severity == "error"], path
        assert not report.skipped


def test_every_code_says_what_to_do_and_why() -> None:
    for code, rule in RULES.items():
        assert rule.severity in ("error", "warning", "note"), code
        assert rule.todo, code
        assert rule.reference, code
