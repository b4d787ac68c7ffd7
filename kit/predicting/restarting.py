"""A submission's process that is started again when it was killed in the middle of its work."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from kit.predicting.serving import Server, ServerDied, Setup
from kit.trees import remove_tree

_ATTEMPTS: Final = 3
T = TypeVar("T")


class Restarting:
    """Starts a server when it is first asked, and again after its death.

    Args:
        setup: what it loads.
        log: the file that gets what the submission prints.
    """

    def __init__(self, setup: Setup, log: Path) -> None:
        self._setup, self._log = setup, log
        self._numbers = itertools.count(1)
        self._server: Server | None = None

    def run(self, ask: Callable[[Server], T]) -> T:
        """Return what the server answers.

        Raises:
            ServerDied: for the third time on the same question.
            KitError: the submission cannot be loaded.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return ask(self._running())  # it may be killed while it loads, too
            except ServerDied:
                self.close()
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def _running(self) -> Server:
        if self._server is None:
            home = self._setup.work / f"home-{next(self._numbers)}"
            self._server = Server(self._setup, home, self._log).__enter__()
        return self._server

    def close(self) -> None:
        """End the process."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def remove(self) -> None:
        """End the process, and remove the temporary folder of its submission."""
        self.close()
        remove_tree(self._setup.work)
