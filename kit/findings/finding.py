"""What a check says: a finding with a stable code, or that it could not run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit.findings.rules import RULES, SEVERITIES


@dataclass(frozen=True)
class Finding:
    """One thing found. `file` is inside the submission or bundle ("" for all of it)."""

    code: str
    file: str
    found: str
    line: int | None = None

    def __post_init__(self) -> None:
        """Raises KeyError for a code that rules.py does not know."""
        RULES[self.code]
        # Names of files need not be UTF-8, and every finding has to be printable.
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
        """The finding as `kit check --json` gives it."""
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

    def as_json(self) -> dict[str, str]:
        """The skipped check as `kit check --json` gives it."""
        return {"check": self.check, "why": self.why, "command": self.command}


Said = Finding | Skipped


@dataclass
class Report:
    """Everything that the checks of one submission or bundle said.

    `kind` is "submission" or "bundle"; `path` its folder or zip; `forecast` what a full run
    would take, where it was measured.
    """

    kind: str
    target: str
    path: Path
    findings: list[Finding] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    forecast: dict[str, Any] | None = None

    def take(self, check: str, said: Iterable[Said]) -> None:
        """Keep what one check said; equal findings count once."""
        self.checks.append(check)
        for item in said:
            if isinstance(item, Skipped):
                self.skipped.append(item)
            elif item not in self.findings:
                self.findings.append(item)

    def count(self, severity: str) -> int:
        """How many findings of that severity there are."""
        return sum(finding.severity == severity for finding in self.findings)

    def ok(self, strict: bool) -> bool:
        """Whether nothing stands against an upload; `strict` makes warnings count."""
        return not self.count("error") and not (strict and self.count("warning"))

    def as_json(self, strict: bool) -> dict[str, Any]:
        """The report as `kit check --json` gives it."""
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
        """Errors first, then by place."""
        return sorted(
            self.findings,
            key=lambda f: (SEVERITIES.index(f.severity), f.file, f.line or 0, f.code),
        )


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")


def shown(names: Sequence[str], most: int = 4) -> str:
    """A list for a sentence: the first few, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
