"""Find images by the names that annotations give them, and what those names tell."""

from __future__ import annotations

import argparse
import re
from pathlib import Path, PurePosixPath

GROUPS = ("location", "sequence")


def name_pattern(text: str) -> str:
    """Check the option --name-pattern: a regular expression with `location` or `sequence`."""
    try:
        groups = re.compile(text).groupindex
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from error
    if not set(GROUPS) & set(groups):
        raise argparse.ArgumentTypeError(f"{text!r} has no group (?P<location>...) or sequence")
    return text


def places(name: str, pattern: str | None, wrong: list[str]) -> tuple[str, str]:
    """Return location and sequence that an image's name without its ending tells.

    Without a pattern, the location is "" and the sequence is the name. A name that does not match
    is a problem.
    """
    if pattern is None:
        return "", name
    stem = str(PurePosixPath(name).with_suffix(""))
    match = re.fullmatch(pattern, stem)
    if not match:
        wrong.append(f"the name {stem!r} does not match {pattern!r}")
        return "", name
    told = match.groupdict()
    return told.get("location") or "", told.get("sequence") or name


def below(images: Path, name: object, wrong: list[str]) -> Path | None:
    """Return the path of an image below a folder; None, and a problem, for any other name."""
    path = PurePosixPath(name) if isinstance(name, str) else PurePosixPath("/")
    if not path.name or path.is_absolute() or ".." in path.parts or "\\" in str(name):
        wrong.append(f"expected a path below {images}, found {name!r:.80}")
        return None
    return images / path


def is_there(path: Path) -> bool:
    """Whether something is at a path; a name that no file can have is nowhere."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
