"""Every seeded defect is caught with its code, and nothing is said of what is good."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

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
STATIC_DEFECTS = (*SUBMISSION_DEFECTS, *ZIP_DEFECTS, *BUNDLE_DEFECTS)


def said_of_submission(path: Path) -> Report:
    return check_statically(Submission(path.stem, path))


def said_of_bundle(path: Path) -> Report:
    return check_bundle(path, NOW)


def missed(
    defects: tuple[Defect, ...],
    good: Callable[[Path], Path],
    said: Callable[[Path], Report],
    folder: Path,
) -> list[str]:
    """The defects whose code was not given, or was given before anything was corrupted."""
    (folder / "good").mkdir(parents=True)
    before = {finding.code for finding in said(good(folder / "good")).findings}
    names = []
    for number, defect in enumerate(defects):
        place = folder / str(number)
        place.mkdir()
        path = good(place)
        codes = {finding.code for finding in said(defect.seed(path) or path).findings}
        if defect.code in before or defect.code not in codes:
            names.append(f"{defect.name}: expected {defect.code}, got {sorted(codes - before)}")
    return names


def test_every_seeded_defect_is_caught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [
        *missed(SUBMISSION_DEFECTS, good_submission, said_of_submission, tmp_path / "folders"),
        *missed(ZIP_DEFECTS, good_zip, said_of_submission, tmp_path / "zips"),
        *missed(BUNDLE_DEFECTS, good_bundle, said_of_bundle, tmp_path / "bundles"),
    ]
    total = len(STATIC_DEFECTS)
    with capsys.disabled():
        print(f"\ndefects caught without running anything: {total - len(names)} of {total}")
    assert not names, "\n".join(names)
    assert total >= 100


def test_of_a_good_submission_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "zip").mkdir()
    assert not said_of_submission(good_submission(tmp_path / "folder")).findings
    assert not said_of_submission(good_zip(tmp_path / "zip")).findings
    assert not said_of_bundle(good_bundle(tmp_path)).findings


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
