"""What programs leave in /app/output, looked at before anything of it is packed."""

from __future__ import annotations

import os
from pathlib import Path

from kit.trees import Kind, walk

_SHOWN = 5


def strange_output(folder: Path) -> str:
    """Name what is in an output folder besides files and folders.

    The worker zips the output after its programs have ended, on its own machine: a link would
    pack whatever file of that machine it points at. That is never what its author meant, so it
    is refused here, and so are pipes and sockets, at which reading would wait for ever.
    """
    strange = [
        f"{os.fsencode(item.name).decode('utf-8', 'backslashreplace')} ({item.kind.value})"
        for item in walk(folder, follow=False)
        if item.kind is not Kind.FILE
    ]
    if not strange:
        return ""
    more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
    return f"expected only files in /app/output, found {', '.join(strange[:_SHOWN])}{more}"
