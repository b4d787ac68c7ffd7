"""How the bundle's contract starts a submission: class Model, Model with arguments, or a script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from kit.checks.submission.requirements import requirement_lines
from kit.checks.submission.subject import Subject
from kit.contract import MODEL_FILE, REQUIREMENTS_FILE
from kit.contracts.reading import Contract
from kit.findings.finding import Finding, shown

# What the checks say of class Model, which a script need not have, and of work and paths that are
# right in a script: it is started in its own folder, and not imported.
_NOT_OF_SCRIPTS = frozenset((
    "model-class", "load-missing", "load-signature", "predict-missing", "predict-signature",
    "init-arguments", "batch-incomplete", "batch-signature", "method-async", "module-level-work",
    "path-relative", "write-relative",
    # Nothing is installed for a script: what its image holds is not known.
    "import-undeclared", "import-not-allowed",
))  # fmt: skip
_NOT_MADE_WITH = frozenset(("init-arguments",))
# `check_code_file` says it, of the file that the contract wants.
_SAID_HERE = frozenset(("model-missing",))


def left_out_by(contract: Contract | None) -> frozenset[str]:
    """Return the codes of findings of other checks that say nothing under the contract."""
    if contract and contract.script:
        return _NOT_OF_SCRIPTS | _SAID_HERE
    return _NOT_MADE_WITH | _SAID_HERE if contract and contract.made_with else _SAID_HERE


def check_requirements(subject: Subject) -> Iterator[Finding]:
    """A script's requirements.txt is read by nobody."""
    if lines := [line.content for line in requirement_lines(subject) if line.content]:
        found = f"the bundle's program installs nothing of it: {shown(lines)}"
        yield Finding("requirement-unread", REQUIREMENTS_FILE, found)


def check_code_file(subject: Subject, contract: Contract | None) -> Iterator[Finding]:
    """The file that the bundle's program starts is at the root of the submission."""
    wanted = contract.script if contract and contract.script else MODEL_FILE
    if wanted in subject.files or subject.is_result:
        return
    nested = [name for name in subject.files if PurePosixPath(name).name == wanted]
    found = f"found under {PurePosixPath(nested[0]).parent}/" if nested else "found nowhere"
    text = f"expected at the root of the submission, {found}"
    if contract and contract.script:
        text += f"; the bundle's program starts it: {contract.call}"
    yield Finding("model-missing", wanted, text)
