"""Messages between the kit and the process of a submission.

A message, in both directions, is a line of JSON that says how many bytes follow it, and these
bytes.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import threading
from typing import Any, BinaryIO


class Channel:
    """Messages from and to the kit. When the kit is gone, nothing of this process is left.

    remove: the kit's temporary folder.
    """

    def __init__(self, answers: int, remove: str) -> None:
        self._remove = remove
        self._requests: queue.Queue[tuple[dict[str, Any], bytes]] = queue.Queue()
        # The submission gets no standard input: it could read the requests.
        requests = os.fdopen(os.dup(0), "rb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self._answers = os.fdopen(answers, "wb")
        threading.Thread(target=self._read, args=(requests,), daemon=True).start()

    def _read(self, requests: BinaryIO) -> None:
        while line := requests.readline():
            head = json.loads(line)
            self._requests.put((head, requests.read(head["bytes"])))
        # A kit that was killed could not clean up.
        shutil.rmtree(self._remove, ignore_errors=True)
        # Its own session: this ends what the submission has started too.
        os.killpg(os.getpgrp(), signal.SIGKILL)

    def next(self) -> tuple[dict[str, Any], bytes]:
        """Wait for a request."""
        return self._requests.get()

    def send(self, content: dict[str, Any], payload: bytes = b"") -> None:
        """Send one answer."""
        head = json.dumps({**content, "bytes": len(payload)})
        self._answers.write(head.encode() + b"\n" + payload)
        self._answers.flush()
