"""Upload a zip and make a submission of it: each once, however often the command is cut off.

Source of the order of calls: the web page of the platform. A data set is made, its bytes go to a
signed address, the server is told that they are there, and a submission of it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from kit.errors import KitError
from kit.remote import journal as stages
from kit.remote.answers import DataSet
from kit.remote.api import Platform
from kit.remote.errors import SAME_COMMAND, Answered, PlatformError, Unclear, ZipChanged
from kit.remote.fact_sheet import Answers
from kit.remote.journal import Journal

# How often a lost answer is looked up; the waits between grow as those of a download.
_LOOKS: Final = 5
# How often a submission is asked for: a second time only if it is in no list.
_ASKED: Final = 2
# How many signed addresses are tried, where one has expired.
_ADDRESSES: Final = 2
_FORBIDDEN: Final = 403


class _Expired(Exception):
    """The storage refused a signed address; `error` is its answer."""

    def __init__(self, error: Answered) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass
class Submitter:
    """Carries out the order of a journal.

    on_bytes: gets the number of bytes that were sent. notes: what a person may want to know.
    answers: to the competition's fact sheet.
    """

    platform: Platform
    journal: Journal
    on_bytes: Callable[[int], None] = lambda count: None
    notes: list[str] = field(default_factory=list)
    answers: Answers | None = None

    def submit(self) -> int:
        """Return the number of the submission, which is made if it is not there yet.

        Raises:
            KitError: it could not be made; what was reached is in the journal.
        """
        if (number := self.made()) is not None:
            return number
        if not self.journal.has_uploaded:
            self._upload()
        return self._done(self._make_submission())

    def made(self) -> int | None:
        """Return the submission that an earlier command made, also one that saw no answer.

        One to other tasks is not what this command was asked for.
        """
        state = self.journal.state
        number = state.number if state.stage == stages.SUBMITTED else None
        if state.stage == stages.SUBMITTING and (number := self._found()) is not None:
            self.notes.append(f"submission {number} was made by the interrupted command")
            self._done(number)
        return number if state.tasks == self.journal.order.tasks else None

    def _done(self, number: int) -> int:
        self.journal.write(stage=stages.SUBMITTED, number=number)
        return number

    def _upload(self) -> None:
        """Have a data set with the bytes of the zip: one that is there already, or a new one."""
        if key := self._complete_one():
            self.notes.append("the zip was on the platform already, and was not sent again")
            self.journal.write(stage=stages.UPLOADED, key=key)
            return
        for number in range(1, _ADDRESSES + 1):
            try:
                self.journal.write(stage=stages.UPLOADED, key=self._upload_new())
                return
            except _Expired as expired:
                self._forget_data_set()
                if number == _ADDRESSES:
                    raise PlatformError(
                        f"{expired.error.message}: the storage refused its signed address, and "
                        "a new one too",
                        hint="a proxy may change requests, or a clock is wrong; then "
                        + SAME_COMMAND,
                    ) from expired

    def _upload_new(self) -> str:
        order = self.journal.order
        before = tuple(one.key for one in self._same_name())
        self.journal.write(stage=stages.MAKING, key="", before=before)
        key, url = self._make_data_set()
        self.journal.write(stage=stages.MADE, key=key)
        try:
            self.platform.storage.upload(url, order.path, order.sha256, self.on_bytes)
        except ZipChanged:
            self._forget_data_set()
            raise
        except Answered as error:
            if error.status == _FORBIDDEN:
                raise _Expired(error) from error
            raise _no_data_set(error, order.size) from error
        self.platform.complete(key)
        self._compare_size(key)
        return key

    def _make_data_set(self) -> tuple[str, str]:
        """Make a data set. Where the answer is lost, its signed address is too: make another."""
        order = self.journal.order
        for asked in range(1, _ASKED + 1):
            try:
                return self.platform.make_data_set(order.file_name, order.size, order.competition)
            except (Unclear, Answered) as error:
                if isinstance(error, Answered) and not error.is_unclear:
                    raise _no_data_set(error, order.size) from error
                self._forget_data_set()
                if asked == _ASKED:
                    raise
                self.platform.transport.pause.back_off(asked)
        raise AssertionError("unreachable")

    def _compare_size(self, key: str) -> None:
        """Refuse a data set that the server holds with another number of bytes.

        A size below 0 says that the server could not find out.
        """
        order = self.journal.order
        found = next((s for s in self._same_name() if s.key == key), None)
        if found and found.size >= 0 and found.size != order.size:
            self._forget_data_set()
            self.journal.write(stage=stages.NEW, key="")
            raise KitError(
                f"{order.path.name}: {order.size:,} bytes were sent, the server has {found.size:,}",
                hint=f"something on the way cut the upload; {SAME_COMMAND}",
            )

    def _same_name(self) -> list[DataSet]:
        return self.platform.data_sets(self.journal.order.file_name)

    def _complete_one(self) -> str:
        """Return the key of a data set that has all bytes of this zip, "" where none has.

        The server looks at the bytes only when it is told that they are there, which may be said
        twice. What an interrupted command left without its bytes is deleted.
        """
        size = self.journal.order.size
        found = self._same_name()
        for one in found:
            if one.size == 0:
                self.platform.complete(one.key)
        if any(one.size == 0 for one in found):
            found = self._same_name()
        if good := next((one for one in found if one.size == size), None):
            return good.key
        self._forget_data_set()
        return ""

    def _is_ours(self, one: DataSet) -> bool:
        """Say whether the interrupted command made a data set; another may be in use now."""
        state = self.journal.state
        if state.stage == stages.MAKING:
            return one.key not in state.before
        return one.key == state.key

    def _forget_data_set(self) -> None:
        """Delete what this command made and cannot use."""
        for one in self._same_name():
            if self._is_ours(one) and one.size != self.journal.order.size:
                self.platform.delete_data_set(one.id)

    def _make_submission(self) -> int:
        order = self.journal.order
        if self.journal.state.stage == stages.UPLOADED:
            there = self._numbers()
            self._refuse_another(there)
            before = tuple(str(number) for number in there)
            self.journal.write(stage=stages.SUBMITTING, before=before)
        for asked in range(1, _ASKED + 1):
            try:
                key = self.journal.state.key
                tasks = [*order.tasks]
                return self.platform.make_submission(key, order.phase, tasks, self.answers)
            except (Unclear, Answered) as error:
                if isinstance(error, Answered) and not error.is_unclear:
                    self.journal.write(stage=stages.UPLOADED)
                    raise self._refused(error) from error
                if (number := self._looked_up()) is not None:
                    self.notes.append(f"submission {number} was made, though its answer was lost")
                    return number
                if isinstance(error, Answered) and (why := self.platform.refusal(order.phase)):
                    self.journal.write(stage=stages.UPLOADED)
                    raise _kept(f"the server takes no submission now: {why}") from error
                if asked == _ASKED:
                    raise _kept(error.message) from error
        raise AssertionError("unreachable")

    def _refuse_another(self, there: list[int]) -> None:
        """Make no second submission where another command or machine made one meanwhile.

        Raises:
            KitError: it did.
        """
        if new := [number for number in there if number not in self.journal.state.known]:
            listed = ", ".join(map(str, new))
            raise KitError(
                f"{self.journal.order.name}: another command or machine submitted the same zip "
                f"meanwhile: {listed}; this one did not submit it",
                hint="--force submits it once more",
            )

    def _refused(self, error: Answered) -> KitError:
        """Say why a submission was refused; a data set that has gone is uploaded again."""
        if "data" in error.fields:
            self.journal.write(stage=stages.NEW, key="")
            return PlatformError(f"{error.message}; the upload is gone", hint=SAME_COMMAND)
        return _kept(error.message)

    def _numbers(self) -> list[int]:
        """Return the submissions of this zip in the phase, the newest first."""
        order = self.journal.order
        found = self.platform.submissions(order.phase)
        return [one.id for one in found if one.file_name == order.file_name]

    def _found(self) -> int | None:
        """Return the submission that a step of unknown end has made."""
        new = sorted({n for n in self._numbers() if str(n) not in self.journal.state.before})
        if len(new) > 1:
            listed = ", ".join(map(str, new))
            self.notes.append(f"something on the way repeated the request: it made {listed}")
        return new[0] if new else None

    def _looked_up(self) -> int | None:
        """Look for a submission several times: a busy server may make it after we have gone."""
        for number in range(1, _LOOKS + 1):
            if (found := self._found()) is not None:
                return found
            if number < _LOOKS:
                self.platform.transport.pause.back_off(number)
        return None


def _kept(message: str) -> PlatformError:
    return PlatformError(message, hint=f"the zip stays on the platform; later {SAME_COMMAND}")


def _no_data_set(error: Answered, size: int) -> PlatformError:
    """Say what to do where the server takes no file: by the field that it names."""
    if "data_file" in error.fields or error.status == 413 or error.content == "EntityTooLarge":
        return PlatformError(
            f"the server has no space for {size:,} bytes: {error.message}",
            hint="delete files that you no longer need, on the platform's page Resources",
        )
    if error.fields & {"name", "file_name", "request_sassy_file_name"}:
        return PlatformError(
            f"the server does not take the file's name: {error.message}",
            hint="delete the data set of that name on the platform's page Resources, or rename "
            "the submission",
        )
    return PlatformError(error.message, hint=error.hint or SAME_COMMAND)
