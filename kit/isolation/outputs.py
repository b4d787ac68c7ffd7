"""What programs leave in /app/output, looked at before anything of it is packed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_SHOWN = 5


def strange_output(folder: Path) -> str:
    """Name what is in an output folder besides files and folders.

    The worker zips the output after its programs have ended, on its own machine: a link would
    pack whatever file of that machine it points at. That is never what its author meant, so it
    is refused here, and so are pipes and sockets, at which reading would wait for ever.
    """
    strange = []
    for parent, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(parent, name)
            if what := _strangeness(path):
                shown = os.fsencode(path.relative_to(folder)).decode("utf-8", "backslashreplace")
                strange.append(f"{shown} ({what})")
    if not strange:
        return ""
    more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
    return f"expected only files in /app/output, found {', '.join(strange[:_SHOWN])}{more}"


def _strangeness(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "a link"
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return "a pipe, socket or device"
    try:
        path.name.encode("utf-8")
    except UnicodeEncodeError:
        return "a name that is not UTF-8"
    return ""
