"""The licences of the weights, as weights.json names them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kit.checks.submission.subject import Subject
from kit.contract import MANIFEST_FILE
from kit.findings.finding import Finding
from kit.licences import is_noncommercial

_NONE = frozenset(("", "none", "unknown", "?", "tbd", "todo", "n/a", "unlicensed", "proprietary"))
_COPYLEFT = re.compile(r"\bA?GPL", re.IGNORECASE)
_KNOWN = frozenset((
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-3.0",
    "cc-by-sa-4.0", "isc", "unlicense", "mpl-2.0", "lgpl-3.0", "lgpl-2.1", "zlib", "0bsd",
    "bsl-1.0", "epl-2.0", "python-2.0", "psf-2.0", "mit-0", "odc-by-1.0", "pddl-1.0",
    "ncsa", "hpnd", "cdla-permissive-2.0",
))  # fmt: skip


def check_licences(subject: Subject) -> Iterator[Finding]:
    """Licences that a challenge may not allow, or that nobody can look up."""
    for path, entry in subject.manifest.entries.items():
        licence = str(entry["licence"]).strip()
        if licence.casefold() in _NONE:
            found = f"{path}: no licence ({licence or 'empty'!r})"
            yield Finding("licence-none", MANIFEST_FILE, found)
        elif is_noncommercial(licence):
            yield Finding("licence-noncommercial", MANIFEST_FILE, f"{path}: {licence}")
        elif _COPYLEFT.search(licence):
            yield Finding("licence-copyleft", MANIFEST_FILE, f"{path}: {licence}")
        elif not set(re.split(r"\s+(?:and|or|with)\s+|[()]", licence.casefold())) <= _KNOWN | {""}:
            found = f"{path}: {licence!r} is not an SPDX identifier that the kit knows"
            yield Finding("licence-unknown", MANIFEST_FILE, found)
