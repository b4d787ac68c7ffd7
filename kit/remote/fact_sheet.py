"""The fact sheet of a competition: its questions, and the user's answers to them.

The server looks at answers only after the upload, and at none that are not sent: then it takes a
submission without those that it calls required. Source: `SubmissionCreationSerializer.validate`
of codalab/codabench, and its documentation of competition.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kit.errors import KitError
from kit.yaml_text import read_yaml

CHECKBOX: Final = "checkbox"
SELECT: Final = "select"
Answers = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """A question. kind: checkbox, text or select. choices: what may be answered, () for any text.

    required: whether an empty answer is refused.
    """

    key: str
    title: str
    kind: str
    choices: tuple[Any, ...]
    required: bool

    @property
    def expected(self) -> str:
        """What an answer has to be, in words."""
        if self.kind == CHECKBOX:
            return "true or false"
        if self.choices:
            return "one of " + ", ".join(str(each) or "nothing" for each in self.choices)
        return "text" if self.required else "text, or nothing"

    def __str__(self) -> str:
        title = "" if self.title == self.key else f" ({self.title})"
        return f"{self.key}{title}: {self.expected}"


def questions(content: Any) -> tuple[Question, ...]:
    """Read the questions of a competition; none where it has no fact sheet."""
    if not isinstance(content, dict):
        return ()
    return tuple(_question(str(key), each) for key, each in content.items())


def _question(key: str, content: Any) -> Question:
    if not isinstance(content, dict):  # the form of older servers: the choices, or nothing
        content = {"selection": content}
    choices = content.get("selection")
    return Question(
        key=key,
        title=str(content.get("title") or key),
        kind=str(content.get("type") or ""),
        choices=tuple(choices) if isinstance(choices, list) else (),
        # The server compares with the text; a file of YAML may have given a truth value.
        required=str(content.get("is_required")).lower() == "true",
    )


def read_answers(path: Path) -> dict[str, Any]:
    """Return the answers of a YAML or JSON file: the key of each question, and its answer.

    Raises:
        KitError: it is no such file.
    """
    try:
        content = read_yaml(path)
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise KitError(f"{path}: expected the answers to a fact sheet: {why}") from error
    if not isinstance(content, dict):
        raise KitError(
            f"{path}: expected the answers to a fact sheet, found {type(content).__name__}",
            hint="write `key: answer` on a line for each question",
        )
    return {str(key): value for key, value in content.items()}


def problems(sheet: Sequence[Question], answers: Answers) -> Iterator[str]:
    """Yield why the server would refuse the answers: each that is missing, unknown or wrong."""
    if not sheet:
        yield "the competition has no fact sheet: leave out --fact-sheet"
        return
    for question in sheet:
        if question.key in answers:
            yield from _problem(question, answers[question.key])
        elif _default(question) is None:
            yield f"the fact sheet lacks an answer to {question}"
    known = [question.key for question in sheet]
    for key in answers:
        if key not in known:
            yield f"the fact sheet has no question {key!r}; its questions are {', '.join(known)}"


def _problem(question: Question, answer: Any) -> Iterator[str]:
    kind = bool if question.kind == CHECKBOX else str
    if question.choices and question.kind == SELECT:
        good = any(type(each) is type(answer) and each == answer for each in question.choices)
    else:
        good = isinstance(answer, kind)
    if good and (answer != "" or not question.required):
        return
    found = f"{answer!r} ({type(answer).__name__})" if answer != "" else "nothing"
    in_quotes = "" if good or kind is bool or isinstance(answer, str) else "; put it in quotes"
    yield f"fact sheet, {question}; found {found}{in_quotes}"


def _default(question: Question) -> str | None:
    """Return the answer to a question that may be left out: as an empty form sends it.

    A checkbox is none of them: nobody should say "no" without knowing.
    """
    empty = question.kind != CHECKBOX and (not question.choices or "" in question.choices)
    return "" if empty and not question.required else None


def complete(sheet: Sequence[Question], answers: Answers) -> dict[str, Any]:
    """Return the answers with those that may be left out: the server wants one to each question."""
    return {one.key: answers.get(one.key, _default(one)) for one in sheet}
