"""Downloads of `kit weights fetch`: cut, resumed, retried, redirected, wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kit.download import DownloadFailed, Wanted, download
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

    def __call__(self, timeout_s: float = 5.0) -> None:
        wanted = Wanted(f"{self.server.url}/a", len(BODY), sha256(BODY))
        download(wanted, self.target, self.seen.append, self.time.sleep, timeout_s)

    def good(self) -> bool:
        return self.target.read_bytes() == BODY and not self.part.exists()


@pytest.fixture
def fetching(server: Loopback, tmp_path: Path) -> Fetching:
    return Fetching(server, tmp_path)


def test_a_cut_file_is_gone_on_with_where_it_broke(fetching: Fetching) -> None:
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


def test_a_later_call_goes_on(fetching: Fetching) -> None:
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

    wanted = Wanted(f"{fetching.server.url}/a", len(BODY), sha256(BODY))
    fetching.server.plans["/a"] = [stall_after(1000)]
    with pytest.raises(KeyboardInterrupt):
        download(wanted, fetching.target, interrupt)
    assert fetching.part.read_bytes() == BODY[:1000]
    fetching()
    assert fetching.good()
    assert fetching.server.ranges("/a") == [None, "bytes=1000-"]
