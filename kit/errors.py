"""The errors that the command line prints as one message, without a traceback.

    KitError            exit status 1: a submission, bundle, prediction or zip is not good
    └── UsageProblem    exit status 2: the command line names something that does not exist

Code that has to tell one KitError from another catches a subclass, which stands next to the
function that raises it; nothing decides by the text of a message. An exception that is no
KitError is a fault of the kit, and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence

# Nobody reads thousands of lines.
_MOST_SHOWN = 40


class KitError(Exception):
    """One message for a person: what was expected, what was found, where, and what to do.

    Args:
        message: the sentence that says what is wrong.
        problems: every problem found, a line each; never only the first.
        hint: what to do about it.
    """

    exit_status = 1

    def __init__(self, message: str, problems: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.message, *(f"  - {problem}" for problem in self.problems[:_MOST_SHOWN])]
        if len(self.problems) > _MOST_SHOWN:
            lines.append(f"  ... and {len(self.problems) - _MOST_SHOWN:,} more")
        if self.hint:
            lines.append(f"To do: {self.hint}")
        return "\n".join(lines)


class UsageProblem(KitError):
    """The command line named something that does not exist or does not fit."""

    exit_status = 2
