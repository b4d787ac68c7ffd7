"""The git commit of a folder, where it is in a repository and git is installed."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from kit.git import git


def commit_of(folder: Path) -> dict[str, Any] | None:
    """Return the commit that is checked out around a file or folder; None outside a repository.

    `changed`: whether files in it differ from the commit, or are not in it.
    """
    place = folder if folder.is_dir() else folder.parent
    sha = _git(place, "rev-parse", "HEAD")
    if sha is None:
        return None
    return {"sha": sha, "changed": bool(_git(place, "status", "--porcelain", "--", str(folder)))}


def moment_of(revision: str) -> datetime | None:
    """Return when a revision of the repository around the working directory was committed."""
    shown = _git(Path(), "show", "--no-patch", "--format=%cI", "--end-of-options", revision)
    try:
        return datetime.fromisoformat((shown or "").splitlines()[-1]).astimezone(timezone.utc)
    except (IndexError, ValueError):  # no such revision, or one that is no commit
        return None


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints; None where it fails."""
    done = git(folder, *arguments)
    return done.stdout.strip() if done and done.returncode == 0 else None
