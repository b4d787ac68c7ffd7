"""`training/data/download_images.py` against a real server that drops, stalls and lies: a table."""

from __future__ import annotations

import csv
import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.downloads import BODY, row, run, tree, write_table
from tests.support.loopback_server import (
    Act,
    Loopback,
    corrupt,
    drop_after,
    drop_without_range,
    reset_after,
    serve,
    stall_after,
    status,
)
from training.data import download_images


def test_images_go_into_folders_by_class(server: Loopback, tmp_path: Path) -> None:
    rows = [row(server, "a.jpg", "8.0"), row(server, "b.JPG", "13"), row(server, "c.jpg", "")]
    table = write_table(tmp_path / "t.csv", [*rows, row(server, "ü 1.jpg", "erato")])
    server.files["/files/%C3%BC%201.jpg"] = BODY
    assert run(table, tmp_path / "out") == 0
    assert tree(tmp_path / "out") == dict.fromkeys(
        ("8/a.jpg", "13/b.JPG", "hybrid/c.jpg", "erato/ü 1.jpg"), BODY
    )


def test_a_second_run_fetches_only_what_is_missing_or_wrong(
    server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bodies = {name: name.encode() * 100 for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")}
    rows = [row(server, name, body=body) for name, body in bodies.items()]
    table = write_table(tmp_path / "t.csv", rows)
    assert run(table, tmp_path / "out") == 0
    (tmp_path / "out/8/a.jpg").unlink()
    (tmp_path / "out/8/b.jpg").write_bytes(b"cut short")
    server.asked.clear()
    capsys.readouterr()
    assert run(table, tmp_path / "out") == 0
    assert {path for path, _ in server.asked} == {"/files/a.jpg", "/files/b.jpg"}
    assert tree(tmp_path / "out") == {f"8/{name}": body for name, body in bodies.items()}
    assert "4 of 4 images: 2 fetched" in capsys.readouterr().out


BAD_MOMENTS: tuple[Act, ...] = (
    drop_after(100),
    reset_after(5000),
    status(500),
    status(429, Retry_After="1"),
    corrupt,
    drop_without_range(3000),
    serve,
)


def test_a_bad_day_ends_well(server: Loopback, tmp_path: Path) -> None:
    rows = []
    for number in range(40):
        rows.append(row(server, f"{number}.jpg", f"{number % 3}.0", BODY + bytes([number])))
        first, second = BAD_MOMENTS[number % 7], BAD_MOMENTS[number // 7]
        server.plans[f"/files/{number}.jpg"] = [first, second]
    assert run(write_table(tmp_path / "t.csv", rows), tmp_path / "out", "--workers", "3") == 0
    assert tree(tmp_path / "out") == {
        f"{number % 3}/{number}.jpg": BODY + bytes([number]) for number in range(40)
    }
    assert 1 < server.most_at_once <= 4  # a thread that was cut off may be gone before its handler


def test_failures_are_listed_and_the_list_is_a_table(
    server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row(server, "a.jpg"), row(server, "b.jpg"), row(server, "c.jpg", "")]
    table = write_table(tmp_path / "t.csv", rows)
    del server.files["/files/b.jpg"]
    server.always["/files/c.jpg"] = status(500)
    out = tmp_path / "out"
    assert run(table, out, "--tries", "2") == 1
    with (out / "failures.csv").open(encoding="utf-8", newline="") as file:
        failed = {line["filename"]: line["reason"] for line in csv.DictReader(file)}
    assert failed == {
        "b.jpg": "the server answers 404 Not Found",
        "c.jpg": "the server answers 500 Internal Server Error (tried 2 times)",
    }
    said = capsys.readouterr()
    assert "b.jpg: the server answers 404" in said.err
    assert "1 fetched" in said.out
    server.files["/files/b.jpg"] = BODY
    server.always.clear()
    assert run(out / "failures.csv", out) == 0
    assert set(tree(out)) == {"8/a.jpg", "8/b.jpg", "hybrid/c.jpg"}


def test_a_log_gets_lines_and_a_terminal_a_bar(
    server: Loopback,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = write_table(tmp_path / "t.csv", [row(server, "a.jpg"), row(server, "b.jpg")])
    monkeypatch.setattr(download_images, "_SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert run(table, tmp_path / "log") == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" images")[0] for line in lines] == ["1 of 2", "2 of 2"]
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    assert run(table, tmp_path / "bar") == 0
    drawn = capsys.readouterr().err
    assert "\x1b[" in drawn
    assert "━" in drawn


def test_a_full_disk_stops_everything_with_one_message(
    server: Loopback,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    table = write_table(tmp_path / "t.csv", [row(server, f"{n}.jpg") for n in range(9)])
    monkeypatch.setattr(Path, "replace", full)
    assert run(table, tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "the download cannot be written: No space left on device; " in said
    assert "bytes are free there; what arrived is kept" in said
    assert "Traceback" not in said


def test_when_one_thread_gives_up_the_others_stop(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(server, "slow.jpg"), row(server, "full.jpg"), row(server, "never.jpg")]
    server.plans["/files/slow.jpg"] = [stall_after(1000)]
    before = {*threading.enumerate()}

    def full(self: Path, target: Path) -> None:
        assert server.stalled.wait(30)
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "replace", full)
    monkeypatch.setattr(download_images, "_LEAVING_S", 0.01)
    table = write_table(tmp_path / "t.csv", rows)
    assert run(table, tmp_path / "out", "--workers", "2", "--timeout", "60") == 1
    server.released.set()
    for thread in {*threading.enumerate()} - before:
        if thread.name.startswith("download"):
            thread.join(30)
    assert server.ranges("/files/slow.jpg") == [None]
    assert server.ranges("/files/never.jpg") == []
    assert (tmp_path / "out/8/.slow.jpg.fetch.tmp").read_bytes() == BODY[:1000]


def test_a_stopped_run_resumes_where_it_stopped(
    server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C while one image is there and another stands still in the middle."""
    rows = [row(server, "a.jpg"), row(server, "b.jpg")]
    table = write_table(tmp_path / "t.csv", rows)
    server.plans["/files/b.jpg"] = [stall_after(1000)]
    script = [sys.executable, "-m", "training.data.download_images"]
    command = [*script, str(table), "--out", str(tmp_path / "out")]
    with subprocess.Popen(
        [*command, "--workers", "1"],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"no_proxy": "127.0.0.1"},
    ) as process:
        assert server.stalled.wait(30)
        part = tmp_path / "out/8/.b.jpg.fetch.tmp"
        while not part.is_file():
            assert process.poll() is None
        assert run(table, tmp_path / "out") == 1
        assert "another download into this folder is under way" in capsys.readouterr().err
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted; the same command resumes" in said
    assert "Traceback" not in said
    assert (tmp_path / "out/8/a.jpg").read_bytes() == BODY
    server.asked.clear()
    kept = part.stat().st_size
    assert run(table, tmp_path / "out") == 0
    assert server.asked == [("/files/b.jpg", f"bytes={kept}-" if kept else None)]
    assert tree(tmp_path / "out") == dict.fromkeys(("8/a.jpg", "8/b.jpg"), BODY)


@pytest.mark.parametrize("option", ["--workers=0", "--tries=0", "--timeout=0", "--workers=x"])
def test_a_wrong_option_is_exit_status_2(tmp_path: Path, option: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run(tmp_path / "t.csv", tmp_path / "out", option)
    assert caught.value.code == 2
