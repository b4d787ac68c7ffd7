"""What a code of a check has: how bad it is, what to do, and the reference that shows why.

References: `codabench#N` and `codalab#N` are issues of codalab/codabench and
codalab/codalab-competitions; "worker" is codalab/codabench compute_worker.py, "unpacker" its
competitions/unpackers and "server" its models and serializers, all at c7dbc756; "HDR ingestion"
and "HDR scoring" are the programs of Imageomics/HDR-anomaly-challenge.
"""

from __future__ import annotations

from dataclasses import dataclass

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Rule:
    """What is the same for every finding of a code."""

    severity: str
    todo: str
    reference: str


def rule_table(severity: str, *rows: tuple[str, str, str]) -> dict[str, Rule]:
    """Return the rules of one severity by code; a row is code, what to do, and reference."""
    return {code: Rule(severity, todo, reference) for code, todo, reference in rows}
