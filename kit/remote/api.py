"""The calls of the platform's API that the kit makes, each one function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kit.remote import answers
from kit.remote.answers import Competition, DataSet, Sent, read
from kit.remote.errors import Answered, PlatformError, Unclear
from kit.remote.secret_key import SECRET_KEY_VARIABLE

if TYPE_CHECKING:
    from kit.remote.fact_sheet import Answers
    from kit.remote.storage import Storage
    from kit.remote.transport import Transport

# The largest page that the server gives.
_PAGE = 1000
# A server that signs in with sessions too answers a wrong token with 403, not with 401.
_NO = (401, 403)


class Platform:
    """One server, asked as one user.

    Args:
        transport: the API, with the user's token.
        storage: the signed addresses.
        secret_key: of a private competition, "" for none.
    """

    def __init__(self, transport: Transport, storage: Storage, secret_key: str = "") -> None:
        self.transport = transport
        self.storage = storage
        self.server = transport.server
        self._secret_key = secret_key
        self._user = ""

    def close(self) -> None:
        """Close all connections."""
        self.transport.close()
        self.storage.close()

    def me(self) -> str:
        """Return the name of the user; the first call, which shows that the token is good.

        Raises:
            PlatformError: the server does not take the token.
        """
        if not self._user:
            try:
                content = self.transport.get("/api/my_profile/")
            except Answered as error:
                if error.status not in _NO:
                    raise
                raise PlatformError(
                    f"{self.server}: the server does not take your token",
                    hint="each server has tokens of its own; get a new one, and store it",
                ) from error
            self._user = read("your profile", content, lambda each: str(each["username"]))
        return self._user

    def competition(self, number: int) -> Competition:
        """Return a competition.

        The secret key is sent only where the competition is not found without it: with a key of
        another competition the server finds none, not even for its participants.

        Raises:
            PlatformError: the user cannot see one of that number.
        """
        keys = ({}, {"secret_key": self._secret_key}) if self._secret_key else ({},)
        for params in keys:
            try:
                content = self.transport.get(f"/api/competitions/{number}/", **params)
            except Answered as error:
                if error.status != 404:
                    raise
            else:
                return read(f"competition {number}", content, answers.competition)
        too = ", nor with the secret key" if self._secret_key else ""
        raise PlatformError(
            f"competition {number}: not found on {self.server} by {self.me()}{too}",
            hint="the number stands in the competition's address; a private one is shown to its "
            f"participants, and to others by its secret key ({SECRET_KEY_VARIABLE}, --secret-key)",
        )

    def refusal(self, phase: int) -> str:
        """Return why the server would take no submission of the user now; empty where it would."""
        content = self.transport.get(f"/api/can_make_submission/{phase}/")
        can, why = read("can_make_submission", content, lambda c: (c["can"], c.get("reason")))
        return "" if can else str(why or "the server gives no reason")

    def free_space(self) -> int | None:
        """Return the bytes that are left of the user's space; None where the server does not say.

        The quota is in GB of 10^9 bytes, as the server counts.
        """
        try:
            content = self.transport.get("/api/user_quota/")
            return int(float(content["quota"]) * 1000**3 - float(content["storage_used"]))
        except (Answered, KeyError, TypeError, ValueError):
            return None

    def data_sets(self, file_name: str) -> list[DataSet]:
        """Return the user's uploads of that name, the newest first."""
        content = self.transport.get(
            "/api/datasets/", _type="submission", search=file_name, page_size=_PAGE
        )
        found = read("data sets", content, lambda c: [answers.data_set(one) for one in _rows(c)])
        me = self.me()
        return [one for one in found if one.file_name == file_name and one.owner == me]

    def make_data_set(self, file_name: str, size: int, competition: int) -> tuple[str, str]:
        """Make a data set without bytes; return its key and the signed address for them."""
        content = self.transport.post(
            "/api/datasets/",
            {
                "type": "submission",
                "request_sassy_file_name": file_name,
                "file_name": file_name,
                "file_size": size,
                "competition": competition,
            },
        )
        return read("a new data set", content, lambda c: (str(c["key"]), str(c["sassy_url"])))

    def complete(self, key: str) -> None:
        """Say that a data set has its bytes; the server then looks at their number."""
        self.transport.put(f"/api/datasets/completed/{key}/")

    def delete_data_set(self, number: int) -> None:
        """Delete a data set of the user; one that is gone already is no error."""
        self.transport.delete(f"/api/datasets/{number}/")

    def make_submission(
        self, key: str, phase: int, tasks: list[int], answers_given: Answers | None = None
    ) -> int:
        """Make a submission of a data set; return its number. Not repeated: see `post`.

        Raises:
            Unclear: it may have been made.
            Answered: as for `post`.
        """
        asked: dict[str, Any] = {"data": key, "phase": phase, "tasks": tasks}
        if answers_given:
            asked["fact_sheet_answers"] = dict(answers_given)
        content = self.transport.post("/api/submissions/", asked)
        try:
            return read("the new submission", content, lambda c: int(c["id"]))
        except PlatformError as error:
            raise Unclear(error.message, hint=error.hint) from error

    def submission(self, number: int) -> Sent:
        """Return a submission.

        Raises:
            PlatformError: the user cannot see one of that number.
        """
        try:
            content = self.transport.get(f"/api/submissions/{number}/")
        except Answered as error:
            if error.status != 404:
                raise
            raise PlatformError(
                f"submission {number}: not found on {self.server} by {self.me()}",
                hint="`kit submissions --competition ID` lists yours",
            ) from error
        return read(f"submission {number}", content, answers.sent)

    def submissions(self, phase: int) -> list[Sent]:
        """Return the user's own submissions of a phase, the newest first, without children."""
        content = self.transport.get("/api/submissions/", phase=phase)
        found = read("submissions", content, lambda c: [answers.sent(one) for one in _rows(c)])
        me = self.me()
        mine = [one for one in found if one.owner == me and one.parent is None]
        return sorted(mine, key=lambda one: one.id, reverse=True)

    def details(self, number: int) -> dict[str, Any]:
        """Return the signed addresses of a submission's logs and results.

        Raises:
            PlatformError: the phase hides them.
        """
        try:
            content = self.transport.get(f"/api/submissions/{number}/get_details/")
        except Answered as error:
            if error.status != 403:
                raise
            raise PlatformError(
                f"submission {number}: the organiser hides logs and results in this phase",
                hint="status and scores are shown all the same: `kit submissions`",
            ) from error
        return read(f"submission {number}", content, dict[str, Any])


def _rows(content: Any) -> list[Any]:
    """Return the rows of a list, which comes in pages or whole."""
    rows = content["results"] if isinstance(content, dict) else content
    if not isinstance(rows, list):
        raise TypeError(f"expected a list, found {type(rows).__name__}")
    return rows
