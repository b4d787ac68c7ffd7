"""Sort the files of a submission folder: those that ship, those that stay, and problems."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from kit.contract import MANIFEST_FILE, METADATA_FILE, METADATA_FILES, MODEL_FILE, SCRIPT_FILE
from kit.findings.finding import Finding, shown
from kit.packing.manifest import Manifest, entry_of, read_manifest
from kit.results import is_result, result_problems
from kit.trees import Item, Kind, walk
from kit.zips import Entry

# Left behind, and named in the listing only.
_JUNK = (
    "__MACOSX", ".DS_Store", "._*", ".Spotlight-V100", ".Trashes", "Thumbs.db", "desktop.ini",
    "__pycache__", "*.pyc", "*.pyo", ".pytest_cache", ".mypy_cache", ".ruff_cache", "*.egg-info",
    ".ipynb_checkpoints", ".git", ".gitignore", ".gitattributes", ".hg", ".svn", ".idea",
    ".vscode", "*.swp", "*.swo", "*~", "*.orig", "*.bak", "*.tmp", "*.part", ".venv", "venv",
    "node_modules", ".cache", "runs",
)  # fmt: skip
# Never shipped, with a warning: names under which people keep secrets.
_SECRET_NAMES = (
    ".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "id_rsa*",
    "id_dsa*", "id_ecdsa*", "id_ed25519*", ".netrc", "_netrc", ".pypirc", ".npmrc", ".ssh",
    ".aws", ".kaggle", "kaggle.json", "credentials", "credentials.*", "secrets.*", "token",
    "token.txt", ".htpasswd",
)  # fmt: skip
_SECRET_TEXT = re.compile(
    rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY|\bhf_[A-Za-z0-9]{30,}|\bgh[pousr]_[A-Za-z0-9]{36}"
    rb"|\bgithub_pat_[A-Za-z0-9_]{22,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bsk-[A-Za-z0-9_-]{32,}"
    rb"|\bAIza[A-Za-z0-9_-]{35}\b|\bglpat-[A-Za-z0-9_-]{20,}|\bxox[abprs]-[A-Za-z0-9-]{20,}"
)
# Text that is part of a submission without being listed in the manifest.
_TEXT_SUFFIXES = (".py", ".md", ".txt", ".json", ".yaml", ".yml", ".toml", ".cfg")
_TEXT_NAMES = (*METADATA_FILES, "LICENSE", "NOTICE")
_LARGEST_TEXT = 2 * 1024**2
_MOST_PASTED = 3


@dataclass
class Shipment:
    """The files of a submission folder: what its zip holds, what stays behind, every problem.

    `entries` are sorted by name. Finding them opens no file; `manifest` and `problems` read the
    files, each once, when they are first asked for.
    """

    folder: Path
    entries: list[Entry] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    refused: list[Finding] = field(default_factory=list)

    @cached_property
    def manifest(self) -> Manifest:
        """weights.json, with every file that it lists compared with its digest."""
        return read_manifest(self.folder)

    @cached_property
    def problems(self) -> list[Finding]:
        """Everything that would fail on the platform, or that a zip cannot carry."""
        names = [entry.name for entry in self.entries]
        return [*self.refused, *file_problems(names, self.entries, self.manifest)]


def shipped(folder: Path) -> Shipment:
    """Sort the files of a submission folder into those that ship and those that stay."""
    shipment = Shipment(folder)

    def wanted(name: str) -> bool:
        own_name = PurePosixPath(name).name
        if is_junk(own_name):
            shipment.left_behind.append(name)
        elif is_secret(own_name):
            shipment.secrets.append(name)
        else:
            return True
        return False

    for item in walk(folder, follow=False, wanted=wanted):
        if item.kind is Kind.FILE:
            shipment.entries.append(Entry(item.name, item.path))
        else:
            shipment.refused.append(_refusal(item))
    shipment.entries.sort(key=lambda entry: entry.name)
    return shipment


def _refusal(item: Item) -> Finding:
    if item.kind is Kind.NAME:
        return Finding("name-not-utf-8", item.name, "its name is not UTF-8")
    if item.kind is Kind.LINK:
        return Finding("link", item.name, "is a link, which a zip does not carry; copy it")
    if item.kind in (Kind.UNREADABLE, Kind.GONE):
        return Finding("file-unreadable", item.name, item.kind.value)
    return Finding("special-file", item.name, f"is {item.kind.value}, no regular file")


def is_junk(name: str) -> bool:
    """Return whether that name is a cache's, an unfinished file's, an editor's or a system's."""
    return _matches(name, _JUNK)


def has_junk(name: str) -> bool:
    """Return whether a part of that path is junk."""
    return any(is_junk(part) for part in PurePosixPath(name).parts)


def is_secret(name: str) -> bool:
    """Return whether people keep secrets under that name."""
    return _matches(name, _SECRET_NAMES)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def file_problems(names: Iterable[str], entries: list[Entry], manifest: Manifest) -> list[Finding]:
    """Return what is missing, wrong or unlisted in the files of a submission, by its kind."""
    names = list(names)
    if is_result(names):
        return [*result_problems(names), *_secrets(entries)]
    return [*manifest.problems, *root_problems(names), *entry_problems(entries, manifest)]


def root_problems(names: list[str]) -> list[Finding]:
    """Return the files that have to be at the root of a submission and are missing."""
    problems = []
    if MODEL_FILE not in names and SCRIPT_FILE not in names:
        nested = [name for name in names if PurePosixPath(name).name == MODEL_FILE]
        found = f"found under {PurePosixPath(nested[0]).parent}/" if nested else "found nowhere"
        text = f"expected at the root of the submission, {found}"
        problems.append(Finding("model-missing", MODEL_FILE, text))
    if not set(METADATA_FILES) & set(names):
        text = (
            "expected at the root of the submission, found nowhere; the platform then copies all "
            "files of the submission next to the predictions, and runs the ingestion all the same"
        )
        problems.append(Finding("metadata-missing", METADATA_FILE, text))
    return problems


def entry_problems(entries: list[Entry], manifest: Manifest) -> list[Finding]:
    """Return the problems of files: not in the manifest, or a secret in the text."""
    named = manifest.named
    unlisted = []
    if named is not None:
        unlisted = [one for one in entries if has_to_be_listed(one) and one.name not in named]
    return [*_unlisted_problems(unlisted, manifest), *_secrets(entries)]


def _secrets(entries: list[Entry]) -> list[Finding]:
    return [found for entry in entries if _is_text(entry) for found in _text_problems(entry)]


def has_to_be_listed(entry: Entry) -> bool:
    """Say whether weights.json has to list a file: it is no text, or much of it, or in weights/."""
    if PurePosixPath(entry.name).parts[0] == "weights" or not _is_text(entry):
        return True
    return entry.path.stat().st_size > _LARGEST_TEXT


def _is_text(entry: Entry) -> bool:
    path = PurePosixPath(entry.name)
    return path.suffix in _TEXT_SUFFIXES or path.name in _TEXT_NAMES


def _unlisted_problems(unlisted: list[Entry], manifest: Manifest) -> list[Finding]:
    """Print what to paste; where weights.json is missing, all files together are one warning."""
    try:
        if not manifest.present:
            return [_no_manifest(unlisted)] if unlisted else []
        return [_unlisted(entry) for entry in unlisted]
    except OSError as error:
        text = f"cannot be read: {error.strerror}"
        return [Finding("file-unreadable", Path(error.filename or "").name, text)]


def _unlisted(entry: Entry) -> Finding:
    pasted = json.dumps(entry_of(entry.name, entry.path), ensure_ascii=False)
    text = f"is not listed in {MANIFEST_FILE}; `kit weights add` lists it, or paste {pasted}"
    return Finding("unlisted-file", entry.name, text)


def _no_manifest(unlisted: list[Entry]) -> Finding:
    files = [entry_of(entry.name, entry.path) for entry in unlisted[:_MOST_PASTED]]
    pasted = json.dumps({"format": 1, "files": files}, ensure_ascii=False)
    names = shown([entry.name for entry in unlisted])
    text = f"found nowhere, to list {names}; `kit weights add` writes it, or paste {pasted}"
    return Finding("manifest-missing", MANIFEST_FILE, text)


def _text_problems(entry: Entry) -> list[Finding]:
    try:
        with entry.path.open("rb") as stream:
            content = stream.read(_LARGEST_TEXT)
    except OSError as error:
        text = f"cannot be read: {error.strerror}"
        return [Finding("file-unreadable", entry.name, text)]
    if match := _SECRET_TEXT.search(content):
        line = content.count(b"\n", 0, match.start()) + 1
        start = match.group()[:8].decode("ascii", "replace")
        text = f"line {line} holds what looks like a secret ({start}...)"
        return [Finding("secret-text", entry.name, text, line)]
    return []
