"""`training/download_images.py` against a real server that drops, stalls and lies."""

from __future__ import annotations

import csv
import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest

from loopback_server import (
    Act,
    FakeTime,
    Loopback,
    chunked,
    chunked_and_cut,
    corrupt,
    drop_after,
    drop_without_range,
    from_another_byte,
    hang_up,
    ignore_range,
    loopback_server,
    nonsense,
    redirect,
    reset_after,
    send,
    serve,
    silent,
    stall_after,
    status,
)

ROOT = Path(__file__).parents[1]
REAL_TABLE = ROOT.parent / "shared/data/hdr/butterfly_anomaly_train.csv"
sys.path.insert(0, str(ROOT / "training"))

import download_images  # noqa: E402
from download_file import Downloader, Failed, Patience  # noqa: E402
from hybrid_data import DataError  # noqa: E402
from picture_table import read_picture_table  # noqa: E402

BODY = bytes(range(256)) * 40
COLUMNS = ("filename", "file_url", "md5", "hybrid_stat", "subspecies")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback_server() as loopback:
        yield loopback


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


@pytest.fixture
def fetching(server: Loopback, tmp_path: Path) -> Fetching:
    return Fetching(server, tmp_path)


def test_a_good_server_is_asked_once(fetching: Fetching) -> None:
    fetching()
    assert fetching.good()
    assert fetching.server.asked == [("/a.jpg", None)]
    assert fetching.time.waits == []


@pytest.mark.parametrize("cut", [drop_after, reset_after])
def test_a_cut_connection_is_gone_on_with_where_it_broke(fetching: Fetching, cut: object) -> None:
    fetching.server.plans["/a.jpg"] = [cut(1000), cut(500)]  # type: ignore[operator]
    fetching()
    assert fetching.good()
    ranges = fetching.server.ranges("/a.jpg")
    if cut is drop_after:  # a reset may take what the client had not read yet
        assert ranges == [None, "bytes=1000-", "bytes=1500-"]
    assert len(ranges) == 3


def test_without_range_a_cut_file_is_fetched_anew(fetching: Fetching) -> None:
    fetching.server.plans["/a.jpg"] = [drop_without_range(1000)]
    fetching.server.always["/a.jpg"] = ignore_range
    fetching()
    assert fetching.good()
    assert fetching.server.ranges("/a.jpg") == [None, "bytes=1000-"]


def test_a_stall_is_given_up_and_gone_on_with(fetching: Fetching) -> None:
    fetching.server.plans["/a.jpg"] = [stall_after(1000)]
    fetching(timeout_s=0.5)
    assert fetching.good()
    assert fetching.server.ranges("/a.jpg") == [None, "bytes=1000-"]


def test_retry_after_is_honoured(fetching: Fetching) -> None:
    fetching.server.plans["/a.jpg"] = [status(429, Retry_After="7"), status(503, Retry_After="0")]
    fetching()
    assert fetching.good()
    assert fetching.time.waits == [7.0]


def test_retry_after_may_be_a_date(fetching: Fetching) -> None:
    when = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=60), usegmt=True)
    fetching.server.plans["/a.jpg"] = [status(429, Retry_After=when)]
    fetching()
    assert fetching.good()
    [wait] = fetching.time.waits
    assert 50 < wait <= 60


@pytest.mark.parametrize("said", ["soon", "-3", "²", ""])
def test_a_retry_after_that_says_nothing_is_left_aside(fetching: Fetching, said: str) -> None:
    fetching.server.plans["/a.jpg"] = [status(429, Retry_After=said)]
    fetching(first_wait_s=2.0)
    assert fetching.good()
    [wait] = fetching.time.waits
    assert 1.0 <= wait <= 2.0


def test_a_server_that_asks_for_an_hour_is_left_alone(fetching: Fetching) -> None:
    fetching.server.always["/a.jpg"] = status(429, Retry_After="3600")
    with pytest.raises(Failed, match=r"429 .*asks to come back in 3600 s"):
        fetching()
    assert len(fetching.server.asked) == 1
    assert fetching.time.waits == []


def test_waits_double_with_jitter_and_end(fetching: Fetching) -> None:
    fetching.server.always["/a.jpg"] = status(500)
    with pytest.raises(Failed, match=r"answers 500 .* \(tried 5 times\)"):
        fetching(tries=5, longest_wait_s=6.0)
    assert len(fetching.server.asked) == 5
    assert len(fetching.time.waits) == 4
    for wait, full in zip(fetching.time.waits, (1.0, 2.0, 4.0, 6.0), strict=True):
        assert full / 2 <= wait <= full


def test_500_then_200_is_good(fetching: Fetching) -> None:
    fetching.server.plans["/a.jpg"] = [status(500)]
    fetching()
    assert fetching.good()


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 204])
def test_an_answer_that_will_not_change_is_final(fetching: Fetching, code: int) -> None:
    fetching.server.always["/a.jpg"] = status(code)
    with pytest.raises(Failed, match=f"answers {code}"):
        fetching()
    assert len(fetching.server.asked) == 1


def test_wrong_bytes_once_are_fetched_again(fetching: Fetching) -> None:
    fetching.server.plans["/a.jpg"] = [send(b"<html>busy</html>")]
    fetching()
    assert fetching.good()


def test_the_same_wrong_bytes_twice_are_final(fetching: Fetching) -> None:
    fetching.server.always["/a.jpg"] = send(b"other")
    with pytest.raises(Failed) as caught:
        fetching()
    assert md5(b"other") in str(caught.value)
    assert md5(BODY) in str(caught.value)
    assert len(fetching.server.asked) == 2
    assert [*fetching.target.parent.iterdir()] == []


def test_a_part_of_an_earlier_run_is_gone_on_with(fetching: Fetching) -> None:
    fetching.begin(BODY[:4000])
    fetching()
    assert fetching.good()
    assert fetching.server.ranges("/a.jpg") == ["bytes=4000-"]


def test_a_whole_part_needs_no_request(fetching: Fetching) -> None:
    fetching.begin(BODY)
    fetching()
    assert fetching.good()
    assert fetching.server.asked == []


@pytest.mark.parametrize("part", [b"x" * 100, b"x" * len(BODY), BODY + b"x"])
def test_a_part_of_something_else_is_thrown_away(fetching: Fetching, part: bytes) -> None:
    fetching.begin(part)
    fetching()
    assert fetching.good()
    assert fetching.server.ranges("/a.jpg") == [f"bytes={len(part)}-", None]


def test_a_server_that_sends_another_part_is_asked_for_all(fetching: Fetching) -> None:
    fetching.begin(BODY[:4000])
    fetching.server.plans["/a.jpg"] = [from_another_byte]
    fetching()
    assert fetching.good()
    assert fetching.server.ranges("/a.jpg") == ["bytes=4000-", None]


def test_a_body_without_a_length_is_taken(fetching: Fetching) -> None:
    fetching.server.plans["/a.jpg"] = [chunked]
    fetching()
    assert fetching.good()


@pytest.mark.parametrize("act", [chunked_and_cut, silent, hang_up, nonsense])
def test_an_answer_that_comes_to_nothing_is_tried_again(fetching: Fetching, act: Act) -> None:
    fetching.server.plans["/a.jpg"] = [act]
    fetching(timeout_s=0.5)
    assert fetching.good()
    assert len(fetching.server.asked) == 2


def test_an_encoded_body_is_refused(fetching: Fetching) -> None:
    fetching.server.always["/a.jpg"] = status(200, Content_Encoding="gzip")
    with pytest.raises(Failed, match="encoded as gzip"):
        fetching()


def test_a_redirect_is_followed_and_keeps_the_range(fetching: Fetching) -> None:
    fetching.begin(BODY[:4000])
    fetching.server.files["/b.jpg"] = BODY
    fetching.server.always["/a.jpg"] = redirect("/b.jpg")
    fetching()
    assert fetching.good()
    assert fetching.server.ranges("/b.jpg") == ["bytes=4000-"]


@pytest.mark.parametrize("to", ["file:///etc/hostname", "ftp://127.0.0.1/a.jpg", "/a.jpg"])
def test_a_redirect_to_elsewhere_or_in_a_circle_is_final(fetching: Fetching, to: str) -> None:
    fetching.server.always["/a.jpg"] = redirect(to)
    with pytest.raises(Failed, match=r"redirect|302"):
        fetching()
    assert not fetching.target.exists()
    assert fetching.time.waits == []


def test_a_server_that_is_not_there_is_tried_to_the_end(fetching: Fetching) -> None:
    fetching.server.url = "http://127.0.0.1:1"
    with pytest.raises(Failed, match=r"connection failed.*tried 3 times"):
        fetching(tries=3)


def test_a_full_disk_is_not_the_servers_fault(fetching: Fetching) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(OSError, match="No space left"):
            fetching()
    assert len(fetching.server.asked) == 1


def test_when_the_server_says_wait_every_thread_waits(server: Loopback, tmp_path: Path) -> None:
    server.files |= {"/a.jpg": BODY, "/b.jpg": BODY}
    server.plans["/a.jpg"] = [status(429, Retry_After="9")]
    time = FakeTime()
    patience = Patience(timeout_s=5.0, tries=1)
    downloader = Downloader(patience, threading.Event(), time.sleep, time.clock)
    with pytest.raises(Failed):
        downloader.fetch(f"{server.url}/a.jpg", tmp_path / "a.jpg", md5(BODY))
    downloader.fetch(f"{server.url}/b.jpg", tmp_path / "b.jpg", md5(BODY))
    assert time.waits == [9.0]


# A whole table.


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


def test_pictures_go_into_folders_by_class(server: Loopback, tmp_path: Path) -> None:
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
    assert "4 of 4 pictures: 2 fetched" in capsys.readouterr().out


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
    assert [line.split(" pictures")[0] for line in lines] == ["1 of 2", "2 of 2"]
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
    assert "No space left on device; what arrived is kept" in said
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
    assert (tmp_path / "out/8/slow.jpg.part").read_bytes() == BODY[:1000]


def test_a_stopped_run_goes_on_where_it_stopped(
    server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C while one picture is there and another stands still in the middle."""
    rows = [row(server, "a.jpg"), row(server, "b.jpg")]
    table = write_table(tmp_path / "t.csv", rows)
    server.plans["/files/b.jpg"] = [stall_after(1000)]
    script = ROOT / "training" / "download_images.py"
    command = [sys.executable, str(script), str(table), "--out", str(tmp_path / "out")]
    with subprocess.Popen(
        [*command, "--workers", "1"],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"no_proxy": "127.0.0.1"},
    ) as process:
        assert server.stalled.wait(30)
        part = tmp_path / "out/8/b.jpg.part"
        while not part.is_file():
            assert process.poll() is None
        assert run(table, tmp_path / "out") == 1
        assert "another download into this folder is under way" in capsys.readouterr().err
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted; the same command goes on" in said
    assert "Traceback" not in said
    assert (tmp_path / "out/8/a.jpg").read_bytes() == BODY
    server.asked.clear()
    kept = part.stat().st_size
    assert run(table, tmp_path / "out") == 0
    assert server.asked == [("/files/b.jpg", f"bytes={kept}-" if kept else None)]
    assert tree(tmp_path / "out") == dict.fromkeys(("8/a.jpg", "8/b.jpg"), BODY)


def test_all_bad_rows_are_named_before_anything_is_fetched(
    server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = row(server, "good.jpg")
    url, digest = good[1:3]
    rows = [
        good,
        ["../a.jpg", url, digest, "hybrid", ""],
        ["..", url, digest, "hybrid", ""],
        ["dir\\a.jpg", url, digest, "hybrid", ""],
        ["", url, digest, "hybrid", ""],
        ["GOOD.jpg", url, digest, "hybrid", ""],
        ["b.jpg", "", digest, "hybrid", ""],
        ["c.jpg", "file:///etc/passwd", digest, "hybrid", ""],
        ["d.jpg", "http://[", digest, "hybrid", ""],
        ["e.jpg", url, "", "hybrid", ""],
        ["f.jpg", url, "g" * 32, "hybrid", ""],
        ["g.jpg", url, digest, "maybe", ""],
        ["h.jpg", url, digest, "non-hybrid", ""],
        ["i.jpg", url, digest, "non-hybrid", "../8"],
        ["j.jpg", url, digest, "non-hybrid", "Hybrid"],
        ["k.jpg", url],
        ["l.jpg", url, digest, "hybrid", "", "more"],
        ["n" * 251, url, digest, "hybrid", ""],
    ]
    assert run(write_table(tmp_path / "t.csv", rows), tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "17 problem(s), nothing was fetched" in said
    for line in range(3, len(rows) + 2):
        assert f"\n  line {line}: " in said
    assert "line 7: filename 'GOOD.jpg' is that of line 2 too" in said
    assert server.asked == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "columns .* are missing"),
        (b"filename,file_url,hybrid_stat,subspecies\n", r"columns \['md5'\] are missing"),
        (",".join(COLUMNS).encode(), "no rows"),
        (b"\xff\xfe\x00", "expected a CSV table in UTF-8"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_picture_table(tmp_path / "t.csv")


def test_a_missing_table_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "none.csv", tmp_path / "out") == 1
    assert "none.csv: expected a CSV table" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--workers=0", "--tries=0", "--timeout=0", "--workers=x"])
def test_a_wrong_option_is_exit_status_2(tmp_path: Path, option: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run(tmp_path / "t.csv", tmp_path / "out", option)
    assert caught.value.code == 2


@pytest.mark.skipif(not REAL_TABLE.is_file(), reason="the real challenge's table is not here")
def test_the_real_challenges_table_works_as_it_is() -> None:
    pictures = read_picture_table(REAL_TABLE)
    assert len(pictures) == 2082
    folders = {picture.path.parent.name for picture in pictures}
    assert folders == {*map(str, range(14)), "hybrid"}
    assert pictures[0].path == Path("hybrid/CAM017821.jpg")
    assert pictures[0].url.startswith("https://zenodo.org/")
