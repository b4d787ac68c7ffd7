"""The results of checks: findings with a stable code, and checks that could not run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit.control_characters import without_colours
from kit.errors import KitError
from kit.findings.rule import SEVERITIES
from kit.findings.rules import RULES


@dataclass(frozen=True)
class Finding:
    """One problem that a check found.

    Attributes:
        code: the stable name of the problem, a key of `RULES`.
        file: the file inside the submission or bundle, "" for the whole.
        found: what is there.
        line: the line in the file, from 1; None for the whole file.
    """

    code: str
    file: str
    found: str
    line: int | None = None

    def __post_init__(self) -> None:
        """Refuse a code without a rule, and make both texts printable.

        Raises:
            KeyError: rules.py does not know the code.
        """
        if self.code not in RULES:
            raise KeyError(f"{self.code}: no rule in kit/findings/rules.py has this code")
        # Names of files need not be UTF-8. A frozen class is written to in this way only.
        object.__setattr__(self, "file", _printable(self.file))
        object.__setattr__(self, "found", _printable(self.found))

    def __str__(self) -> str:
        return f"{self.file}: {self.found}" if self.file else self.found

    @property
    def severity(self) -> str:
        """`error`, `warning` or `note`, as rules.py says for the code."""
        return RULES[self.code].severity

    @property
    def todo(self) -> str:
        """What to do about it."""
        return RULES[self.code].todo

    @property
    def reference(self) -> str:
        """Why it matters: the report or the platform's source that shows it."""
        return RULES[self.code].reference

    @property
    def where(self) -> str:
        """`file:line`, or the file, or a dash."""
        return (f"{self.file}:{self.line}" if self.line else self.file) or "-"

    def as_json(self) -> dict[str, Any]:
        """Return the finding as `kit check --json` prints it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "file": self.file,
            "line": self.line,
            "found": self.found,
            "todo": self.todo,
            "reference": self.reference,
        }


@dataclass(frozen=True)
class Skipped:
    """A check that did not run, why, and the command that enables it."""

    check: str
    why: str
    command: str

    def __post_init__(self) -> None:
        """Make the reason printable, as a finding's text."""
        object.__setattr__(self, "why", _printable(self.why))

    def as_json(self) -> dict[str, str]:
        """Return the skipped check as `kit check --json` prints it."""
        return {"check": self.check, "why": self.why, "command": self.command}


CheckResult = Finding | Skipped


@dataclass
class Report:
    """The results of all checks of one submission or bundle.

    Attributes:
        kind: "submission", "result submission" or "bundle".
        target: its name.
        path: its folder or zip.
        findings: the problems.
        skipped: the checks that could not run.
        checks: the names of the checks that ran.
        forecast: time and memory of a full run, where they were measured.
    """

    kind: str
    target: str
    path: Path
    findings: list[Finding] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    forecast: dict[str, Any] | None = None

    def add(self, check: str, results: Iterable[CheckResult]) -> None:
        """Add the results of one check; equal findings count once."""
        self.checks.append(check)
        for result in results:
            if isinstance(result, Skipped):
                self.skipped.append(result)
            elif result not in self.findings:
                self.findings.append(result)

    def add_unopened(self, error: KitError, command: str) -> None:
        """Record that the target cannot be opened, so that nothing in it is checked.

        Args:
            error: what opening it raised.
            command: what makes a target that can be opened.
        """
        if not self.count("error"):
            why = "; ".join([error.message, *error.problems])
            self.add("opening", [Finding("not-checked", self.path.name, why)])
        codes = sorted({item.code for item in self.findings if item.severity == "error"})
        why = f"it cannot be opened; fix {', '.join(codes)} first"
        self.skipped.append(Skipped("everything inside", why, command))

    def count(self, severity: str) -> int:
        """Count the findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def ok(self, strict: bool) -> bool:
        """Say whether the upload is good; `strict` makes warnings count."""
        return not self.count("error") and not (strict and self.count("warning"))

    def as_json(self, strict: bool) -> dict[str, Any]:
        """Return the report as `kit check --json` prints it."""
        return {
            "kind": self.kind,
            "target": self.target,
            "ok": self.ok(strict),
            "findings": [finding.as_json() for finding in self.sorted_findings()],
            "skipped": [item.as_json() for item in self.skipped],
            "checks": self.checks,
            "forecast": self.forecast,
        }

    def sorted_findings(self) -> list[Finding]:
        """Return the findings, errors first, then by place."""
        return sorted(
            self.findings,
            key=lambda f: (SEVERITIES.index(f.severity), f.file, f.line or 0, f.code),
        )


def _printable(text: str) -> str:
    text = without_colours(text)
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")


def shown(names: Sequence[str], most: int = 4) -> str:
    """Write a list for a sentence: the first few names, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
