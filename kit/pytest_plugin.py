"""A plug-in of pytest: `pytest --kit-scores` tests each submission's stored scores.

One test for each submission and task. It fails where `kit compare` says `worse`, or where nothing
is stored. Without the option nothing of the kit is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kit.regression.cases import Case

COLLECTED = "kit-scores"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --kit-scores and --kit-bundle."""
    group = parser.getgroup("kit", "stored scores of submissions")
    group.addoption(
        "--kit-scores",
        action="store_true",
        help="Test that no submission scores worse than what `kit compare --update` stored.",
    )
    group.addoption(
        "--kit-bundle",
        metavar="PATH",
        help="The bundle of --kit-scores. Default: sample_data/TRACK of each submission.",
    )


@pytest.hookimpl(tryfirst=True)  # before -k and -m choose
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add a test for each submission and task."""
    if session.config.getoption("--kit-scores"):
        tests = [*StoredScores.from_parent(session, name=COLLECTED, nodeid=COLLECTED).collect()]
        items += tests
        report = pytest.CollectReport(COLLECTED, "passed", None, [*tests])
        session.ihook.pytest_collectreport(report=report)  # what the terminal counts


class StoredScores(pytest.Collector):
    """All submissions with all tasks."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test for each; a submission that cannot be opened is a test that fails."""
        from kit.submissions import discover

        bundle = self.config.getoption("--kit-bundle")
        for submission in discover():
            for index, task in _tasks(submission.name, bundle):
                name = f"{submission.name}-{task}".strip("-")
                yield ScoreTest.from_parent(
                    self, name=name, submission=submission.name, task=index, bundle=bundle
                )


def _tasks(name: str, bundle: str | None) -> list[tuple[str, str]]:
    """Return index and name of each task."""
    from kit.errors import KitError
    from kit.regression.cases import opened_cases
    from kit.submissions import find

    try:
        with opened_cases(find(name), Path(bundle) if bundle else None, None) as cases:
            return [(str(case.task.index), case.task.name) for case in cases]
    except KitError:
        return [("", "")]  # the test of it says why


class ScoreTest(pytest.Item):
    """A submission on one task."""

    def __init__(self, *, submission: str, task: str, bundle: str | None, **options: Any) -> None:
        super().__init__(**options)
        self.submission, self.task = submission, task
        self.bundle = Path(bundle) if bundle else None

    def runtest(self) -> None:
        """Run the submission and compare."""
        from kit.regression.cases import opened_cases
        from kit.submissions import find

        with opened_cases(find(self.submission), self.bundle, self.task or None) as cases:
            for case in cases:
                self._compare(case)

    def _compare(self, case: Case) -> None:
        from kit.regression.cases import compare, run_case
        from kit.regression.store import read_stored
        from kit.regression.verdicts import WORSE
        from kit.regression.wording import in_words

        stored = read_stored(case.slot, self.submission)
        found = compare(case, stored, run_case(case))
        self.user_properties.append(("verdict", found.verdict))
        if found.verdict == WORSE:
            pytest.fail(in_words(found), pytrace=False)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show an error of the kit as its message, and anything else with its traceback."""
        from kit.errors import KitError

        if isinstance(excinfo.value, KitError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return where the test comes from, and its name."""
        return self.path, None, f"{COLLECTED}: {self.name}"
