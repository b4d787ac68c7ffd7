"""`training/data/download_file.py` against a real server that drops, stalls and lies: one file."""

from __future__ import annotations

import errno
import threading
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.support.downloads import BODY, Fetching, md5
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
from training.data.download_file import Downloader, Failed, Patience


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
