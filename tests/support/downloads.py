"""What the tests of the image download share: a table of files to fetch from a server."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

from tests.support.loopback_server import Loopback
from training.data import download_images

ROOT = Path(__file__).parents[2]
BODY = bytes(range(256)) * 40
COLUMNS = ("filename", "file_url", "md5", "hybrid_stat", "subspecies")


def md5(body: bytes) -> str:
    return hashlib.md5(body).hexdigest()


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
