"""`kit submit` from the first question to the last: check, upload, wait, compare, remember."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kit.errors import KitError
from kit.remote import journal as stages
from kit.remote import local, preflight, records
from kit.remote.api import Platform
from kit.remote.errors import SAME_COMMAND, Interrupted, PlatformError
from kit.remote.fact_sheet import Answers, complete
from kit.remote.journal import FOLDER, Journal, Order
from kit.remote.local import Checks, Local, Packed
from kit.remote.logs import Fetched, fetch_logs
from kit.remote.preflight import Place, Preflight
from kit.remote.reconcile import Comparison, reconcile
from kit.remote.submitting import Submitter
from kit.remote.watching import Outcome, Watch
from kit.standings import history
from kit.submissions import Submission

Tell = Callable[[str], None]
_WAIT = "the same command with --watch waits for it; nothing is uploaded again"


@dataclass(frozen=True)
class Wishes:
    """What the user asked for. wait_s: how long to wait for the scores; None: not at all.

    answers: to the competition's fact sheet; None: none are sent.
    """

    checks: Checks
    force: bool = False
    dry_run: bool = False
    wait_s: float | None = None
    answers: Answers | None = None


@dataclass
class Result:
    """What became of it. number: of the submission, None where none was made.

    problems: those that --force overrode, or that a dry run found. logs: fetched where something
    went wrong.
    """

    order: Order
    place: Place
    local: Local | None = None
    number: int | None = None
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    outcome: Outcome | None = None
    comparisons: list[Comparison] = field(default_factory=list)
    logs: Fetched | None = None

    @property
    def ok(self) -> bool:
        """Whether it was submitted (a dry run: would be), and finished where it was waited for."""
        if self.outcome:
            return self.outcome.ok and self.outcome.in_time
        return self.number is not None or not self.problems

    def as_json(self) -> dict[str, Any]:
        """Return it as `kit submit --json` gives it."""
        order, place, local_ = self.order, self.place, self.local
        run = local_.run if local_ else None
        return {
            "format": 1,
            "ok": self.ok,
            "submission": order.name,
            "zip": str(order.path),
            "file_name": order.file_name,
            "sha256": order.sha256,
            "bytes": order.size,
            "server": order.server,
            "competition": {"id": place.competition.id, "title": place.competition.title},
            "phase": {"id": place.phase.id, "name": place.phase.name},
            "tasks": [task.name for task in place.tasks],
            "local_run": str(run["folder"]) if run else None,
            "forecast": local_.forecast if local_ else None,
            "problems": self.problems,
            "notes": self.notes,
            "id": self.number,
            "outcome": self.outcome.as_json() if self.outcome else None,
            "comparisons": [one.as_json() for one in self.comparisons],
            "logs": self.logs.as_json() if self.logs else None,
        }


class Workflow:
    """Submits one submission to one place.

    runs: the folder of runs. dist: of zips. tell: called with what begins. on_bytes: with the
    number of bytes that were sent. on_status: with each status while it is waited for.
    """

    def __init__(
        self,
        platform: Platform,
        place: Place,
        runs: Path,
        dist: Path,
        tell: Tell = lambda what: None,
        on_bytes: Callable[[int], None] = lambda count: None,
        on_status: Tell = lambda line: None,
    ) -> None:
        self._platform = platform
        self._place = place
        self._runs = runs
        self._dist = dist
        self._tell = tell
        self._on_bytes = on_bytes
        self._on_status = on_status
        self._number: int | None = None

    def run(self, submission: Submission, wishes: Wishes) -> Result:
        """Do what the user asked for, or resume it.

        Raises:
            KitError: something speaks against the upload, or it could not be made.
            Interrupted: the user stopped it.
        """
        try:
            result = self._begin(submission, wishes)
            if result.number is not None:
                self._follow(result, result.number, wishes)
            return result
        except KeyboardInterrupt as error:
            raise _interrupted(self._number) from error

    def _begin(self, submission: Submission, wishes: Wishes) -> Result:
        with TemporaryDirectory(prefix="kit-submit-") as temporary:
            target = self._dist / f"{submission.name}.zip"
            written = Path(temporary) / target.name if wishes.dry_run else target
            zipped = local.packed(submission, written, wishes.checks.bundle, wishes.force)
            result = self._submit(submission, zipped, wishes)
        self._number = result.number
        return result

    def _submit(self, submission: Submission, zipped: Packed, wishes: Wishes) -> Result:
        order = self._order(submission, zipped, wishes.dry_run)
        journal = Journal(self._runs, order)
        result = Result(order, self._place)
        with journal.locked() if not wishes.dry_run else nullcontext():
            answers = self._answers(wishes)
            submitter = Submitter(self._platform, journal, self._on_bytes, result.notes, answers)
            result.number = self._made(submitter, wishes)
            if result.number is not None:
                return result
            there = self._refuse(submission, zipped, wishes, journal, result)
            if wishes.dry_run:
                return result
            journal.begin(there.same)
            self._tell(f"uploading {order.size:,} bytes")
            result.number = submitter.submit()
        return result

    def _answers(self, wishes: Wishes) -> Answers | None:
        """Return what is sent as answers to the fact sheet."""
        sheet = self._place.competition.fact_sheet
        return None if wishes.answers is None else complete(sheet, wishes.answers)

    def _order(self, submission: Submission, zipped: Packed, dry_run: bool) -> Order:
        place, path = self._place, zipped.path
        if dry_run and not submission.is_zip:
            path = self._dist / path.name  # where it would be
        return Order(
            server=self._platform.server,
            competition=place.competition.id,
            phase=place.phase.id,
            tasks=place.chosen,
            name=submission.name,
            path=path.absolute(),
            sha256=zipped.sha256,
            size=zipped.size,
        )

    def _made(self, submitter: Submitter, wishes: Wishes) -> int | None:
        """Return the submission of an earlier command that this one has to wait for only."""
        stage = submitter.journal.state.stage
        only_waits = wishes.wait_s is not None and not wishes.force
        if wishes.dry_run or (stage == stages.SUBMITTED and not only_waits):
            return None
        return submitter.made()

    def _refuse(
        self,
        submission: Submission,
        zipped: Packed,
        wishes: Wishes,
        journal: Journal,
        result: Result,
    ) -> Preflight:
        """Stop where something speaks against the upload; return what the platform says.

        Raises:
            KitError: every reason; what --force does not override comes first.
        """
        self._tell("asking the platform")
        there = preflight.look(self._platform, self._place, journal, wishes.answers)
        result.notes += there.notes
        if not (journal.begun or there.problems):
            result.local = self._looked(submission, zipped, wishes.checks)
            result.notes += result.local.notes
        ours = [*there.ours, *(result.local.problems if result.local else ())]
        result.problems = [*there.problems, *ours]
        if wishes.dry_run or not (there.problems or (ours and not wishes.force)):
            return there
        said = "nothing was submitted" if journal.begun else "nothing was uploaded"
        hint = said + ("" if there.problems else "; --force submits all the same")
        raise KitError(f"{submission.name}: not submitted", result.problems, hint)

    def _looked(self, submission: Submission, zipped: Packed, checks: Checks) -> Local:
        self._tell("checking the submission")
        known = history.read(self._runs)
        return local.look(submission, zipped, checks, self._place.phase, known, self._tell)

    def _follow(self, result: Result, number: int, wishes: Wishes) -> None:
        """Look at the submission or wait for it, and write down what is known.

        Raises:
            KitError: it was to be waited for, and the network is gone or the disk is full.
        """
        try:
            if wishes.wait_s is None:
                sent = self._platform.submission(number)
                self._remember(result, Outcome(sent, (), ()))
            else:
                self._wait(result, number, wishes.wait_s)
        except KitError as error:
            said = f"submission {number} was made; what became of it is not known: {error.message}"
            if wishes.wait_s is None:
                result.notes.append(said)
                return
            hint = _WAIT if isinstance(error, PlatformError) else f"{error.hint}; {_WAIT}"
            raise KitError(said, error.problems, hint) from error

    def _wait(self, result: Result, number: int, wait_s: float) -> None:
        """Wait for the scores, and compare them."""
        competition = self._place.competition
        watch = Watch(self._platform, competition.columns, self._on_status)
        result.outcome = watch.wait(number, wait_s)
        self._remember(result, result.outcome)
        if not result.outcome.in_time:
            return
        runs = local.runs_of(result.order.sha256, history.read(self._runs))
        limit_s = self._place.phase.limit_s
        result.comparisons = reconcile(result.outcome, competition, limit_s, runs)
        if not result.outcome.ok or not all(one.equal for one in result.comparisons):
            self._fetch_logs(result, number)

    def _remember(self, result: Result, outcome: Outcome) -> None:
        record = records.of(result.order, self._place.competition.title, outcome)
        history.add_platform(self._runs, [record])

    def _fetch_logs(self, result: Result, number: int) -> None:
        try:
            folder = self._runs / FOLDER / str(number)
            result.logs = fetch_logs(self._platform, number, folder)
        except (
            KitError
        ) as error:  # hidden, no network, a full disk: the scores are here all the same
            result.notes.append(f"no logs: {error.message}")


def _interrupted(number: int | None) -> Interrupted:
    """Say where a command stands that the user has stopped."""
    if number is None:
        said = "interrupted before the platform confirmed a submission"
        return Interrupted(said, hint=SAME_COMMAND)
    return Interrupted(f"interrupted; submission {number} is on the platform", hint=_WAIT)
