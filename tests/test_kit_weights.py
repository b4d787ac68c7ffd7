"""`kit weights`: what is there, and fetching the rest from a real server that misbehaves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.download import DownloadFailed, Wanted, download
from kit.weights import MISSING, PRESENT
from kit_builders import Kit, make_submission
from loopback_server import (
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
    loopback_server,
    nonsense,
    redirect,
    reset_after,
    send,
    silent,
    stall_after,
    status,
)

BODY = bytes(range(256)) * 40
COMMIT = "0123456789abcdef" * 2 + "01234567"
HUB = {"repo": "facebook/dinov2-base", "revision": COMMIT, "file": "model.safetensors"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    with loopback_server() as loopback:
        yield loopback


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def entry(path: str, body: bytes = BODY, **changes: object) -> dict[str, object]:
    return {
        "path": path,
        "sha256": sha256(body),
        "bytes": len(body),
        "licence": "Apache-2.0",
        "source": "python training/big.py",
    } | changes


def with_manifest(folder: Path, *entries: dict[str, object]) -> Path:
    return make_submission(
        folder, **{"weights.json": json.dumps({"format": 1, "files": [*entries]})}
    )


# The command.


def test_what_is_missing_is_fetched_from_its_url(
    kit: Kit, server: Loopback, tmp_path: Path
) -> None:
    server.files["/big.npz"] = BODY
    folder = with_manifest(tmp_path / "s", entry("weights/big.npz", url=f"{server.url}/big.npz"))
    assert kit("check", folder, "--quick").status == 1
    answer = kit("weights", "fetch", folder)
    assert answer.status == 0
    assert "fetched" in answer.out
    assert (folder / "weights/big.npz").read_bytes() == BODY
    assert [path.name for path in (folder / "weights").iterdir()] == ["big.npz"]
    assert kit("check", folder, "--quick").status == 0


def test_an_empty_file_is_a_file(kit: Kit, server: Loopback, tmp_path: Path) -> None:
    server.files["/empty"] = b""
    folder = with_manifest(tmp_path / "s", entry("empty", b"", url=f"{server.url}/empty"))
    assert kit("weights", "fetch", folder).status == 0
    assert (folder / "empty").read_bytes() == b""


def test_a_hub_file_comes_from_where_the_environment_says(
    kit: Kit, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = with_manifest(tmp_path / "s", entry("weights/dino.safetensors", hub=HUB))
    [file] = kit("weights", "show", folder, "--json").json["files"]
    resolved = f"/facebook/dinov2-base/resolve/{COMMIT}/model.safetensors"
    assert file["address"] == f"https://huggingface.co{resolved}"
    monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/")
    server.files[resolved] = BODY
    assert kit("weights", "fetch", folder).status == 0
    assert (folder / "weights/dino.safetensors").read_bytes() == BODY
    monkeypatch.setenv("HF_ENDPOINT", "mirror")
    answer = kit("weights", "fetch", folder)
    assert answer.status == 2
    assert "HF_ENDPOINT: expected an http or https address, found 'mirror'" in answer.text


def test_what_is_there_is_not_fetched_again(kit: Kit, server: Loopback, tmp_path: Path) -> None:
    folder = with_manifest(tmp_path / "s", entry("weights/a", url=f"{server.url}/a"))
    (folder / "weights").mkdir()
    (folder / "weights/a").write_bytes(BODY)
    answer = kit("weights", "fetch", folder, "--json")
    assert answer.status == 0
    assert answer.json["ok"]
    assert answer.json["files"][0]["state"] == "present"
    assert server.asked == []


def test_a_file_with_other_bytes_is_left_alone(kit: Kit, server: Loopback, tmp_path: Path) -> None:
    server.files["/a"] = BODY
    folder = with_manifest(tmp_path / "s", entry("weights/a", url=f"{server.url}/a"))
    (folder / "weights").mkdir()
    (folder / "weights/a").write_bytes(b"my own")
    answer = kit("weights", "fetch", folder)
    assert answer.status == 1
    assert sha256(b"my own") in answer.text
    assert sha256(BODY) in answer.text
    assert (folder / "weights/a").read_bytes() == b"my own"
    assert server.asked == []


def test_wrong_bytes_of_a_server_never_get_the_files_name(
    kit: Kit, server: Loopback, tmp_path: Path
) -> None:
    server.files |= {"/size": BODY[1:], "/good": BODY}
    folder = with_manifest(
        tmp_path / "s",
        entry("weights/size", url=f"{server.url}/size"),
        entry("weights/gone", url=f"{server.url}/gone"),
        entry("weights/good", url=f"{server.url}/good"),
    )
    answer = kit("weights", "fetch", folder)
    assert answer.status == 1
    assert "the server's file has 10,239 bytes, weights.json says 10,240" in answer.text
    assert f"{server.url}/gone: the server answers 404 Not Found" in answer.text
    assert [path.name for path in (folder / "weights").iterdir()] == ["good"]


def test_files_without_an_address_are_named_with_their_command(kit: Kit, tmp_path: Path) -> None:
    folder = with_manifest(tmp_path / "s", entry("weights/a"), entry("weights/b"))
    answer = kit("weights", "fetch", folder)
    assert answer.status == 1
    for name in ("a", "b"):
        assert f"weights/{name}: make it with: python training/big.py" in answer.text


def test_show_lists_state_and_licence_and_fetches_nothing(
    kit: Kit, server: Loopback, tmp_path: Path
) -> None:
    server.files["/b"] = BODY
    folder = with_manifest(
        tmp_path / "s",
        entry("a.npz"),
        entry("b.npz", url=f"{server.url}/b", licence="CC-BY-NC-4.0"),
    )
    (folder / "a.npz").write_bytes(BODY)
    answer = kit("weights", "show", folder)
    assert answer.status == 0
    assert "CC-BY-NC-4.0 (NON-COMMERCIAL)" in answer.text
    assert f"`kit weights fetch` gets it from {server.url}/b" in answer.text
    said = kit("weights", "show", folder, "--json").json
    assert not said["ok"]
    assert [file["state"] for file in said["files"]] == [PRESENT, MISSING]
    assert [file["noncommercial"] for file in said["files"]] == [False, True]
    assert server.asked == []


def test_a_submission_without_weights_is_complete(kit: Kit, submission: Path) -> None:
    answer = kit("weights", "fetch", submission)
    assert answer.status == 0
    assert "lists no files" in answer.out


def test_a_zip_or_a_bad_manifest_is_one_message(kit: Kit, tmp_path: Path) -> None:
    folder = with_manifest(tmp_path / "s", {"path": 3})
    answer = kit("weights", "show", folder)
    assert answer.status == 1
    assert "sha256: expected str" in answer.text
    (tmp_path / "x.zip").write_bytes(b"")
    assert kit("weights", "fetch", tmp_path / "x.zip").status == 2
    assert kit("weights", "show", "nobody").status == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": "file:///etc/passwd"}, "url: expected an http or https address"),
        ({"url": "http://["}, "url: expected an http"),
        ({"url": "http://"}, "url: expected an http"),
        ({"url": "http://a/b c"}, "url: expected an http"),
        ({"url": None}, "url: expected an http"),
        ({"url": "https://a/b", "hub": HUB}, "url and hub: expected one of them"),
        ({"hub": "facebook/dinov2-base"}, "hub: expected a mapping of repo, revision, file"),
        ({"hub": HUB | {"more": 1}}, "hub: expected a mapping"),
        ({"hub": HUB | {"repo": "../x"}}, "hub: repo: expected owner/name"),
        ({"hub": HUB | {"revision": "main"}}, "revision: expected a commit"),
        ({"hub": HUB | {"revision": 7}}, "revision: expected a commit"),
        ({"hub": HUB | {"file": "../x"}}, "hub: file: expected a path in the repository"),
        ({"hub": HUB | {"file": ""}}, "hub: file: expected a path in the repository"),
        ({"hub": HUB | {"file": "/x"}}, "hub: file: expected a path in the repository"),
    ],
)
def test_a_bad_address_is_refused_by_check_and_fetch(
    kit: Kit, tmp_path: Path, fields: dict[str, object], message: str
) -> None:
    folder = with_manifest(tmp_path / "s", entry("weights/a", **fields))
    for command in (("check", folder, "--quick"), ("weights", "fetch", folder)):
        answer = kit(*command)
        assert answer.status == 1
        assert message in answer.text


def test_links_do_not_lead_out_of_the_submission(
    kit: Kit, server: Loopback, tmp_path: Path
) -> None:
    server.files["/a"] = BODY
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_bytes(b"mine")
    folder = with_manifest(
        tmp_path / "s",
        entry("weights/a", url=f"{server.url}/a"),
        entry("b", url=f"{server.url}/a"),
    )
    (folder / "weights").symlink_to(outside)
    (folder / ".b.fetch.tmp").symlink_to(outside / "mine")
    answer = kit("weights", "fetch", folder)
    assert answer.status == 1
    assert "leads out of the submission" in answer.text
    assert [path.name for path in outside.iterdir()] == ["mine"]
    assert (outside / "mine").read_bytes() == b"mine"
    assert (folder / "b").read_bytes() == BODY


# One file.


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


def test_without_range_a_cut_file_is_fetched_anew(fetching: Fetching) -> None:
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
