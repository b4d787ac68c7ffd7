"""Findings as annotations of GitHub Actions, which show next to the line in a pull request."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from kit.findings.finding import Finding, Report

_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def annotate(reports: Sequence[Report]) -> Iterator[str]:
    """One `::error file=...,line=...,title=CODE::message` a finding."""
    for report in reports:
        for finding in report.sorted_findings():
            places = [("file", _file(report, finding)), ("line", str(finding.line or ""))]
            places.append(("title", finding.code))
            properties = ",".join(f"{name}={_property(text)}" for name, text in places if text)
            message = _message(f"{finding.found}. To do: {finding.todo} [{finding.reference}]")
            yield f"::{_LEVELS[finding.severity]} {properties}::{message}"


def _file(report: Report, finding: Finding) -> str:
    """Return the file as the checkout has it: a zip has no files that a pull request could show."""
    inside = report.path.is_dir() and finding.file
    return os.path.relpath(report.path / finding.file if inside else report.path)


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
