"""`kit check` against what the platform's own unpacker said to some hundred small bundles."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from pathlib import Path

import pytest

from kit import bundles
from kit.checks.bundle.folder import check_bundle
from tests.support.bundle_verdicts import Case, build, read_cases

NOW = datetime(2026, 6, 1)
CASES = read_cases()


@pytest.mark.parametrize("case", CASES, ids=attrgetter("name"))
def test_what_the_platform_refuses_is_an_error_and_what_it_takes_is_none(
    case: Case, tmp_path: Path
) -> None:
    report = check_bundle(build(case, tmp_path), NOW)
    assert not report.skipped
    errors = {finding.code for finding in report.findings if finding.severity == "error"}
    if case.verdict == "accepted":
        assert errors == set(case.kit), [str(finding) for finding in report.findings]
    elif case.kit:
        assert set(case.kit) <= {finding.code for finding in report.findings}
    else:
        assert errors


# What `kit run` needs and the platform does not look at: a phase's tasks, a column that ranks, ...
_NOT_RUN = {"bundle-yaml", "path-missing", "phase-tasks", "primary-missing", "time-limit-malformed"}
_RUN = [
    case
    for case in CASES
    if case.verdict == "accepted" and not case.name.startswith("CodaLab")
    if not _NOT_RUN & set(case.kit)
]


@pytest.mark.parametrize("case", _RUN, ids=attrgetter("name"))
def test_kit_run_reads_what_the_platform_takes(case: Case, tmp_path: Path) -> None:
    assert bundles.read(build(case, tmp_path)).task(None).phase


def test_the_table_has_both_verdicts_and_each_name_once() -> None:
    verdicts = [case.verdict for case in CASES]
    assert set(verdicts) == {"accepted", "refused"}
    assert min(verdicts.count(verdict) for verdict in set(verdicts)) > 90
    assert len({case.name for case in CASES}) == len(CASES)
