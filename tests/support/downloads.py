"""What the tests of the picture download share: a server, one file or a table to fetch from it."""

from __future__ import annotations

import csv
import hashlib
import threading
from pathlib import Path

from tests.support.loopback_server import FakeTime, Loopback
from training.data import download_images
from training.data.download_file import Downloader, Patience

ROOT = Path(__file__).parents[2]


BODY = bytes(range(256)) * 40
COLUMNS = ("filename", "file_url", "md5", "hybrid_stat", "subspecies")


def md5(body: bytes) -> str:
    return hashlib.md5(body).hexdigest()


class Fetching:
    """One file, a.jpg, fetched with waits that take no time."""

    def __init__(self, server: Loopback, folder: Path) -> None:
        server.files["/a.jpg"] = BODY
        self.server, self.time = server, FakeTime()
        self.target = folder / "out" / "a.jpg"
        self.part = folder / "out" / "a.jpg.part"

    def begin(self, body: bytes) -> None:
        self.part.parent.mkdir()
        self.part.write_bytes(body)

    def __call__(self, **patience: float) -> None:
        settings = Patience(**{"timeout_s": 5.0} | patience)  # type: ignore[arg-type]
        downloader = Downloader(settings, threading.Event(), self.time.sleep, self.time.clock)
        downloader.fetch(f"{self.server.url}/a.jpg", self.target, md5(BODY))

    def good(self) -> bool:
        return self.target.read_bytes() == BODY and not self.part.exists()


def row(server: Loopback, name: str, subspecies: str = "8.0", body: bytes = BODY) -> list[str]:
    """A row of the table for a file that the server has; subspecies "" is a hybrid."""
    server.files[f"/files/{name}"] = body
    stat = "non-hybrid" if subspecies else "hybrid"
    return [name, f"{server.url}/files/{name}", md5(body), stat, subspecies]


def write_table(path: Path, rows: list[list[str]], columns: tuple[str, ...] = COLUMNS) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def run(table: Path, out: Path, *options: str) -> int:
    arguments = [str(table), "--out", str(out), "--timeout", "5", *options]
    return download_images.main(arguments, sleep=lambda seconds: None)
