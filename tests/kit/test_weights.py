"""`kit weights`: what is there, and fetching the rest from a real server."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from kit.packing.weights import MISSING, PRESENT
from tests.support.kit import MODEL, Kit, make_submission
from tests.support.loopback_server import Loopback

BODY = bytes(range(256)) * 40
COMMIT = "0123456789abcdef" * 2 + "01234567"
HUB = {"repo": "facebook/dinov2-base", "revision": COMMIT, "file": "model.safetensors"}


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def entry(path: str, body: bytes = BODY, **changes: object) -> dict[str, object]:
    return {
        "path": path,
        "sha256": sha256(body),
        "bytes": len(body),
        "licence": "Apache-2.0",
        "source": "python -m training.big",
    } | changes


def with_manifest(folder: Path, *entries: dict[str, object]) -> Path:
    return make_submission(
        folder, **{"weights.json": json.dumps({"format": 1, "files": [*entries]})}
    )


# The command.


def test_what_is_missing_is_fetched_from_its_url(
    kit: Kit, server: Loopback, tmp_path: Path
) -> None:
    server.files["/big.bin"] = BODY
    folder = with_manifest(tmp_path / "s", entry("weights/big.bin", url=f"{server.url}/big.bin"))
    assert kit("check", folder, "--quick").status == 1
    answer = kit("weights", "fetch", folder)
    assert answer.status == 0
    assert "fetched" in answer.out
    assert (folder / "weights/big.bin").read_bytes() == BODY
    assert [path.name for path in (folder / "weights").iterdir()] == ["big.bin"]
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
        assert f"weights/{name}: make it with: python -m training.big" in answer.text


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
    content = kit("weights", "show", folder, "--json").json
    assert not content["ok"]
    assert [file["state"] for file in content["files"]] == [PRESENT, MISSING]
    assert [file["noncommercial"] for file in content["files"]] == [False, True]
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
    kit: Kit, tmp_path: Path, fields: dict[str, Any], message: str
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


# Listing files.


def manifest_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "weights.json").read_text())
    return content


def test_add_writes_what_check_asks_for(kit: Kit, tmp_path: Path) -> None:
    folder = make_submission(
        tmp_path / "s", MODEL, **{"weights/a.bin": BODY, "weights/b.bin": b"b"}
    )
    (warning,) = kit("check", folder, "--quick", "--json").json["findings"]
    assert (warning["code"], warning["severity"]) == ("manifest-missing", "warning")
    assert kit("pack", folder, "--out", tmp_path / "s.zip").status == 0
    files = [folder / "weights/a.bin", folder / "weights/b.bin"]
    answer = kit("weights", "add", *files, "--licence", "MIT", "--source", "python train.py")
    assert answer.status == 0
    made = {"licence": "MIT", "source": "python train.py"}
    expected = [
        entry("weights/a.bin", BODY, **made),
        entry("weights/b.bin", b"b", **made),
    ]
    assert manifest_of(folder) == {"format": 1, "files": expected}
    assert kit("check", folder, "--quick", "--json").json["findings"] == []


def test_what_check_prints_can_be_pasted(kit: Kit, tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "s", MODEL, **{"weights/a.bin": BODY})
    (found,) = kit("check", folder, "--quick", "--json").json["findings"]
    (folder / "weights.json").write_text(found["found"].partition("paste ")[2])
    assert manifest_of(folder)["files"][0]["sha256"] == sha256(BODY)
    (folder / "weights/b.bin").write_bytes(b"b")
    findings = kit("check", folder, "--quick", "--json").json["findings"]
    (text,) = [f["found"] for f in findings if f["code"] == "unlisted-file"]
    content = manifest_of(folder)
    content["files"].append(json.loads(text.partition("paste ")[2]))
    (folder / "weights.json").write_text(json.dumps(content))
    codes = {f["code"] for f in kit("check", folder, "--quick", "--json").json["findings"]}
    assert codes == {"licence-none"}


def test_add_keeps_other_entries_and_fields(kit: Kit, tmp_path: Path) -> None:
    other = entry("weights/other.bin", url="https://example.org/other")
    old = entry("weights/a.bin", b"before", hub=HUB)
    folder = with_manifest(tmp_path / "s", other, old)
    content = manifest_of(folder) | {"requires": {"numpy": ">=1.26"}}
    (folder / "weights.json").write_text(json.dumps(content))
    (folder / "weights").mkdir()
    (folder / "weights/a.bin").write_bytes(BODY)
    answer = kit("weights", "add", folder / "weights/a.bin", "--json").json
    assert [item["path"] for item in answer["updated"]] == ["weights/a.bin"]
    assert answer["added"] == []
    now = manifest_of(folder)
    assert now["requires"] == {"numpy": ">=1.26"}
    assert now["files"] == [other, entry("weights/a.bin", hub=HUB)]
    assert kit("weights", "add", folder / "weights/a.bin", "--licence", "MIT").status == 0
    assert manifest_of(folder)["files"][1] == entry("weights/a.bin", hub=HUB, licence="MIT")


def test_add_takes_a_folder_and_relative_and_linked_paths(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, str | bytes] = {"weights/a.bin": BODY, "weights/deep/b.json": "{}"}
    folder = make_submission(tmp_path / "s", MODEL, **files)
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder / "weights")
    for given in (".", "..", "../weights", "deep/../a.bin", tmp_path / "link/weights/a.bin"):
        assert kit("weights", "add", given).status == 0
    names = [item["path"] for item in manifest_of(folder)["files"]]
    assert names == ["weights/a.bin", "weights/deep/b.json"]


def test_what_cannot_be_added_changes_nothing(kit: Kit, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"weights/a.bin": BODY, "weights/.env": "x"}
    folder = make_submission(tmp_path / "s", MODEL, **files)
    (folder / "weights/link.bin").symlink_to("a.bin")
    os.mkfifo(folder / "weights/pipe")
    wrong = [folder / f"weights/{name}" for name in ("nothing", "link.bin", "pipe", ".env")]
    answer = kit("weights", "add", folder / "weights/a.bin", *wrong)
    assert answer.status == 2
    assert all(str(path) in answer.text for path in wrong)
    assert kit("weights", "add", tmp_path / "elsewhere").status == 2
    assert not (folder / "weights.json").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"files": {}}'])
def test_add_leaves_a_manifest_that_it_cannot_read(content: str, kit: Kit, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"weights/a.bin": "a", "weights.json": content}
    folder = make_submission(tmp_path / "s", MODEL, **files)
    answer = kit("weights", "add", folder / "weights/a.bin")
    assert answer.status == 1
    assert "To do: fix it, or remove it" in answer.text
    assert (folder / "weights.json").read_text() == content
    codes = [f["code"] for f in kit("check", folder, "--quick", "--json").json["findings"]]
    assert codes == ["manifest-malformed"]


def test_a_broken_entry_is_one_finding_and_add_fixes_it(kit: Kit, tmp_path: Path) -> None:
    folder = with_manifest(tmp_path / "s", {"path": "weights/a.bin", "licence": "MIT"})
    (folder / "weights").mkdir()
    (folder / "weights/a.bin").write_bytes(BODY)
    codes = {f["code"] for f in kit("check", folder, "--quick", "--json").json["findings"]}
    assert codes == {"manifest-entry"}
    assert kit("weights", "add", folder / "weights/a.bin", "--source", "train.py").status == 0
    made = entry("weights/a.bin", licence="MIT", source="train.py")
    assert manifest_of(folder)["files"] == [made]
