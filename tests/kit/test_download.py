"""`kit/download.py` against a real server that drops, stalls and lies: one file."""

from __future__ import annotations

import errno
import hashlib
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest

from kit.download import DownloadFailed, Pause, Wanted, download
from kit.files import WriteFailed
from tests.support.loopback_server import (
    Act,
    FakeTime,
    Loopback,
    chunked,
    chunked_and_cut,
    drop_after,
    drop_without_range,
    from_another_byte,
    hang_up,
    ignore_range,
    nonsense,
    redirect,
    reset_after,
    send,
    silent,
    stall_after,
    status,
)

BODY = bytes(range(256)) * 40


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def md5(body: bytes) -> str:
    return hashlib.md5(body).hexdigest()


class Fetching:
    """One file, fetched with waits that take no time."""

    def __init__(self, server: Loopback, folder: Path) -> None:
        server.files["/a"] = BODY
        self.server, self.time, self.seen = server, FakeTime(), [0]
        self.target = folder / "weights" / "a"
        self.part = folder / "weights" / ".a.fetch.tmp"

    def begin(self, body: bytes) -> None:
        self.part.parent.mkdir()
        self.part.write_bytes(body)

    @property
    def wanted(self) -> Wanted:
        """The file with its size and sha256, as weights.json promises it."""
        return Wanted(f"{self.server.url}/a", sha256(BODY), len(BODY))

    @property
    def unsized(self) -> Wanted:
        """The file with its MD5 alone, as a table of images promises it."""
        return Wanted(f"{self.server.url}/a", md5(BODY), None, "md5", "the table")

    def __call__(
        self, timeout_s: float = 5.0, tries: int = 6, wanted: Wanted | None = None
    ) -> None:
        pause = Pause(self.time.sleep, self.time.clock)
        wanted = wanted or self.wanted
        download(wanted, self.target, self.seen.append, pause, tries, timeout_s)

    def good(self) -> bool:
        return self.target.read_bytes() == BODY and not self.part.exists()


@pytest.fixture
def fetching(server: Loopback, tmp_path: Path) -> Fetching:
    return Fetching(server, tmp_path)


def test_a_good_server_is_asked_once(fetching: Fetching) -> None:
    fetching()
    assert fetching.good()
    assert fetching.server.asked == [("/a", None)]
    assert fetching.time.waits == []


def test_a_cut_file_is_resumed_where_it_broke(fetching: Fetching) -> None:
    fetching.server.plans["/a"] = [drop_after(1000), stall_after(500), status(500)]
    fetching(timeout_s=0.5)
    assert fetching.good()
    assert fetching.server.ranges("/a") == [None, "bytes=1000-", "bytes=1500-", "bytes=1500-"]
    assert fetching.seen[-1] == len(BODY)
    assert len(fetching.time.waits) == 3


def test_a_reset_connection_is_tried_again(fetching: Fetching) -> None:
    fetching.server.plans["/a"] = [reset_after(1000)]
    fetching()
    assert fetching.good()
    assert len(fetching.server.asked) == 2


@pytest.mark.parametrize("act", [chunked_and_cut, silent, hang_up, nonsense])
def test_an_answer_that_comes_to_nothing_is_tried_again(fetching: Fetching, act: Act) -> None:
    fetching.server.plans["/a"] = [act]
    fetching(timeout_s=0.5)
    assert fetching.good()
    assert len(fetching.server.asked) == 2


def test_a_later_call_resumes(fetching: Fetching) -> None:
    fetching.begin(BODY[:7000])
    fetching()
    assert fetching.good()
    assert fetching.server.ranges("/a") == ["bytes=7000-"]


def test_a_whole_part_needs_no_request(fetching: Fetching) -> None:
    fetching.begin(BODY)
    fetching()
    assert fetching.good()
    assert fetching.server.asked == []


def test_without_range_a_cut_file_is_fetched_again(fetching: Fetching) -> None:
    fetching.server.plans["/a"] = [drop_without_range(1000)]
    fetching.server.always["/a"] = ignore_range
    fetching()
    assert fetching.good()
    assert fetching.server.ranges("/a") == [None, "bytes=1000-"]


@pytest.mark.parametrize("part", [b"x" * 100, b"x" * len(BODY), BODY + b"x"])
def test_a_part_of_something_else_is_thrown_away(fetching: Fetching, part: bytes) -> None:
    fetching.begin(part)
    fetching()
    assert fetching.good()
    assert fetching.server.ranges("/a")[-1] is None


def test_another_range_than_the_one_asked_for_is_not_taken(fetching: Fetching) -> None:
    fetching.begin(BODY[:7000])
    fetching.server.plans["/a"] = [from_another_byte]
    fetching()
    assert fetching.good()
    assert fetching.server.ranges("/a") == ["bytes=7000-", None]


def test_retry_after_is_honoured(fetching: Fetching) -> None:
    fetching.server.plans["/a"] = [status(429, Retry_After="7")]
    fetching()
    assert fetching.good()
    assert fetching.time.waits == [7.0]


def test_retry_after_may_be_a_date(fetching: Fetching) -> None:
    when = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=60), usegmt=True)
    fetching.server.plans["/a"] = [status(429, Retry_After=when)]
    fetching()
    assert fetching.good()
    [wait] = fetching.time.waits
    assert 50 < wait <= 60


@pytest.mark.parametrize("said", ["soon", "-3", "²", ""])
def test_a_retry_after_that_says_nothing_is_left_aside(fetching: Fetching, said: str) -> None:
    fetching.server.plans["/a"] = [status(429, Retry_After=said)]
    fetching()
    assert fetching.good()
    [wait] = fetching.time.waits
    assert 0.5 <= wait <= 1.0


def test_when_the_server_says_wait_every_download_waits(fetching: Fetching) -> None:
    fetching.server.plans["/a"] = [status(429, Retry_After="9")]
    pause = Pause(fetching.time.sleep, fetching.time.clock)
    with pytest.raises(DownloadFailed):
        download(fetching.wanted, fetching.target, pause=pause, tries=1)
    assert fetching.time.waits == []
    download(fetching.unsized, fetching.target.with_name("b"), pause=pause, tries=1)
    assert fetching.time.waits == [9.0]


def test_a_server_that_asks_for_an_hour_is_left_alone(fetching: Fetching) -> None:
    fetching.server.always["/a"] = status(503, Retry_After="3600")
    with pytest.raises(DownloadFailed, match="asks to come back in 3600 s"):
        fetching()
    assert len(fetching.server.asked) == 1


def test_tries_come_to_an_end(fetching: Fetching) -> None:
    fetching.server.always["/a"] = status(500)
    with pytest.raises(DownloadFailed, match=r"answers 500 .* \(tried 6 times\)"):
        fetching()
    assert len(fetching.server.asked) == 6
    for wait, full in zip(fetching.time.waits, (1, 2, 4, 8, 16), strict=True):
        assert full / 2 <= wait <= full


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 204])
def test_an_answer_that_will_not_change_is_final(fetching: Fetching, code: int) -> None:
    fetching.server.always["/a"] = status(code)
    with pytest.raises(DownloadFailed, match=f"answers {code}"):
        fetching()
    assert len(fetching.server.asked) == 1


def test_a_server_that_does_not_exist_is_tried_to_the_end(fetching: Fetching) -> None:
    fetching.server.url = "http://127.0.0.1:1"
    with pytest.raises(DownloadFailed, match=r"connection failed.*tried 3 times"):
        fetching(tries=3)


def test_an_encoded_body_is_refused(fetching: Fetching) -> None:
    fetching.server.always["/a"] = status(200, Content_Encoding="gzip")
    with pytest.raises(DownloadFailed, match="encoded as gzip"):
        fetching()


def test_wrong_bytes_once_are_fetched_again(fetching: Fetching) -> None:
    fetching.server.plans["/a"] = [send(BODY[::-1])]
    fetching()
    assert fetching.good()


def test_wrong_bytes_of_the_right_size_name_both_digests(fetching: Fetching) -> None:
    other = BODY[::-1]
    fetching.server.always["/a"] = send(other)
    with pytest.raises(DownloadFailed) as caught:
        fetching()
    assert sha256(other) in str(caught.value)
    assert sha256(BODY) in str(caught.value)
    assert len(fetching.server.asked) == 2
    assert [*fetching.target.parent.iterdir()] == []


def test_a_body_without_a_length_is_taken_but_not_without_end(fetching: Fetching) -> None:
    fetching.server.always["/a"] = chunked
    fetching()
    assert fetching.good()
    fetching.target.unlink()
    fetching.server.files["/a"] = BODY * 2
    with pytest.raises(DownloadFailed, match="more than 10,240 bytes"):
        fetching()
    assert not fetching.target.exists()


def test_a_redirect_is_followed_and_keeps_the_range(fetching: Fetching) -> None:
    fetching.begin(BODY[:7000])
    fetching.server.files["/cdn/a"] = BODY
    fetching.server.always["/a"] = redirect("/cdn/a")
    fetching()
    assert fetching.good()
    assert fetching.server.ranges("/cdn/a") == ["bytes=7000-"]


@pytest.mark.parametrize("to", ["file:///etc/hostname", "ftp://127.0.0.1/a", "/a"])
def test_a_redirect_to_elsewhere_or_in_a_circle_is_final(fetching: Fetching, to: str) -> None:
    fetching.server.always["/a"] = redirect(to)
    with pytest.raises(DownloadFailed, match=r"redirect|302"):
        fetching()
    assert fetching.time.waits == []


def test_an_interrupted_download_keeps_what_arrived(fetching: Fetching) -> None:
    def interrupt(count: int) -> None:
        raise KeyboardInterrupt

    fetching.server.plans["/a"] = [stall_after(1000)]
    with pytest.raises(KeyboardInterrupt):
        download(fetching.wanted, fetching.target, interrupt)
    assert fetching.part.read_bytes() == BODY[:1000]
    fetching()
    assert fetching.good()
    assert fetching.server.ranges("/a") == [None, "bytes=1000-"]


def test_a_full_disk_is_not_the_servers_fault(fetching: Fetching) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(WriteFailed, match="the download cannot be written: No space left"):
            fetching()
    assert len(fetching.server.asked) == 1


def test_without_a_size_a_cut_file_is_resumed(fetching: Fetching) -> None:
    fetching.server.plans["/a"] = [drop_after(1000), stall_after(500)]
    fetching(timeout_s=0.5, wanted=fetching.unsized)
    assert fetching.good()
    assert fetching.server.ranges("/a") == [None, "bytes=1000-", "bytes=1500-"]


def test_without_a_size_a_whole_part_needs_no_request(fetching: Fetching) -> None:
    fetching.begin(BODY)
    fetching(wanted=fetching.unsized)
    assert fetching.good()
    assert fetching.server.asked == []


@pytest.mark.parametrize("part", [b"x" * 100, b"x" * len(BODY), BODY + b"x"])
def test_without_a_size_a_part_of_something_else_is_thrown_away(
    fetching: Fetching, part: bytes
) -> None:
    fetching.begin(part)
    fetching(wanted=fetching.unsized)
    assert fetching.good()
    assert fetching.server.ranges("/a") == [f"bytes={len(part)}-", None]


@pytest.mark.parametrize("act", [chunked_and_cut, send(b"<html>busy</html>")])
def test_without_a_size_wrong_bytes_once_are_fetched_again(fetching: Fetching, act: Act) -> None:
    fetching.server.plans["/a"] = [act]
    fetching(wanted=fetching.unsized)
    assert fetching.good()


def test_without_a_size_the_same_wrong_bytes_twice_are_final(fetching: Fetching) -> None:
    fetching.server.always["/a"] = send(b"other")
    said = f"has md5 {md5(b'other')}, the table says {md5(BODY)}"
    with pytest.raises(DownloadFailed, match=said):
        fetching(wanted=fetching.unsized)
    assert len(fetching.server.asked) == 2
    assert [*fetching.target.parent.iterdir()] == []
