"""Write down what a submission does, with the line of it that did."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any


class Journal:
    """EVENTS.jsonl: one event a line, written at once, so that a crash loses nothing."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._stream = path.open("a", encoding="utf-8")
        self._folder = folder

    def write(self, event: str, **content: Any) -> None:
        """Append one event."""
        self._stream.write(json.dumps({"event": event, **content}) + "\n")
        self._stream.flush()

    def error(self, stage: str, error: BaseException, **content: Any) -> None:
        """Append an exception with the submission's own last line in it."""
        text = f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]
        self.write("error", stage=stage, error=text, at=self.place(error.__traceback__), **content)

    def place(self, frames: Any) -> list[Any] | None:
        """[file, line] of the last frame of a traceback that lies in the submission."""
        found = None
        for frame, line in traceback.walk_tb(frames):
            found = self.inside(frame, line) or found
        return found

    def inside(self, frame: Any, line: int) -> list[Any] | None:
        """[file, line] of a frame, None where it is not the submission's code."""
        path = Path(frame.f_code.co_filename)
        if path.is_absolute() and path.is_relative_to(self._folder):
            return [path.relative_to(self._folder).as_posix(), line]
        return None
