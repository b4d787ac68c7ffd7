"""`kit pack`: equal content gives equal bytes, and what would fail is refused."""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from kit.packing.shipping import shipped
from kit.zips import zip_size
from tests.support.kit import Kit, make_submission, write_tree


def manifest(name: str, content: bytes, **changes: object) -> str:
    entry = {
        "path": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "licence": "CC0-1.0",
        "source": "python -m training.x",
    }
    return json.dumps({"format": 1, "files": [entry | changes]})


def with_weights(folder: Path, **changes: object) -> Path:
    content = b"\0\1\2"
    files: dict[str, Any] = {
        "weights/head.bin": content,
        "weights.json": manifest("weights/head.bin", content, **changes),
    }
    return make_submission(folder, **files)


def test_the_zip_has_model_and_metadata_at_its_root(kit: Kit, submission: Path) -> None:
    answer = kit("pack", submission, "--out", "x.zip")
    assert answer.status == 0
    with zipfile.ZipFile("x.zip") as archive:
        assert archive.namelist() == ["metadata", "model.py"]
    digest = hashlib.sha256(Path("x.zip").read_bytes()).hexdigest()
    assert digest in answer.out
    assert "model.py" in answer.out


def test_equal_content_gives_equal_bytes(kit: Kit, tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        folder = with_weights(tmp_path / name)
        for path in folder.rglob("*"):
            os.utime(path, (time.time() - len(name) * 1000,) * 2)
            path.chmod(0o700 if name == "one" else 0o755)
        digests.append(kit("pack", folder, "--out", f"{name}.zip", "--json").json["sha256"])
    assert digests[0] == digests[1]
    assert Path("one.zip").read_bytes() == Path("two.zip").read_bytes()


def test_the_predicted_size_is_the_zips_size(kit: Kit, tmp_path: Path) -> None:
    folder = with_weights(tmp_path / "weighty")
    kit("pack", folder, "--out", "x.zip")
    assert zip_size(shipped(folder).entries) == Path("x.zip").stat().st_size


@pytest.mark.parametrize(
    "junk",
    [
        ".DS_Store", "__MACOSX/._model.py", "._model.py", "__pycache__/model.cpython-311.pyc",
        "model.py~", ".model.py.swp", ".idea/workspace.xml", ".vscode/settings.json",
        ".git/config", ".ipynb_checkpoints/model.py", "Thumbs.db", ".mypy_cache/x.json",
    ],
)  # fmt: skip
def test_junk_stays_behind(kit: Kit, tmp_path: Path, junk: str) -> None:
    folder = make_submission(tmp_path / "s", **{junk: "junk"})
    answer = kit("pack", folder, "--out", "x.zip", "--json").json
    assert [entry["name"] for entry in answer["files"]] == ["metadata", "model.py"]
    assert answer["left_behind"] == [junk.split("/")[0]]


@pytest.mark.parametrize("name", ["weights/head.bin.part", "weights/.head.bin.x7.tmp"])
def test_what_a_killed_training_leaves_stays_behind(kit: Kit, tmp_path: Path, name: str) -> None:
    folder = with_weights(tmp_path / "s")
    (folder / name).write_bytes(b"half")
    answer = kit("pack", folder, "--out", "x.zip", "--json")
    assert answer.status == 0, answer.text
    assert answer.json["left_behind"] == [name]


@pytest.mark.parametrize(
    "secret",
    [".env", ".env.local", "id_rsa", "server.pem", "api.key", ".netrc", "kaggle.json",
     "credentials.json", ".ssh/config", "token.txt"],
)  # fmt: skip
def test_secrets_stay_behind_and_are_named(kit: Kit, tmp_path: Path, secret: str) -> None:
    folder = make_submission(tmp_path / "s", **{secret: "hush"})
    answer = kit("pack", folder, "--out", "x.zip")
    assert answer.status == 0
    assert f"looks like a secret: {secret.split('/')[0]}" in answer.out
    with zipfile.ZipFile("x.zip") as archive:
        assert archive.namelist() == ["metadata", "model.py"]


@pytest.mark.parametrize(
    "token",
    ["hf_" + "a1B2" * 9, "ghp_" + "x" * 36, "AKIA" + "Q" * 16, "-----BEGIN RSA PRIVATE KEY-----"],
)
def test_a_token_in_a_file_that_would_ship_is_refused(kit: Kit, tmp_path: Path, token: str) -> None:
    folder = make_submission(tmp_path / "s", **{"config.json": f'{{\n"token": "{token}"}}'})
    answer = kit("pack", folder, "--out", "x.zip")
    assert answer.status == 1
    assert "config.json: line 2 holds what looks like a secret" in answer.text
    assert token not in answer.text
    assert not Path("x.zip").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "weights.json says 0000"),
        ({"bytes": 4}, "says 4 bytes, the file has 3"),
        ({"path": "weights/tail.bin"}, "weights/tail.bin: listed in weights.json, found nowhere"),
        ({"path": "../head.bin"}, "path: expected one inside the folder"),
        ({"licence": None}, "licence: expected str, found None"),
        ({"bytes": True}, "bytes: expected int, found True"),
    ],
)
def test_every_weight_is_held_against_the_manifest(
    kit: Kit, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    answer = kit("pack", with_weights(tmp_path / "s", **changes), "--out", "x.zip")
    assert answer.status == 1
    assert message in answer.text
    assert not Path("x.zip").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"files": 3}', '{"files": [3]}', "\xff"])
def test_a_malformed_manifest_is_one_message(kit: Kit, tmp_path: Path, text: str) -> None:
    folder = make_submission(tmp_path / "s")
    (folder / "weights.json").write_bytes(text.encode("latin-1"))
    answer = kit("pack", folder)
    assert answer.status == 1
    assert "weights.json" in answer.text


def test_all_problems_are_shown_at_once(kit: Kit, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "code/model.py": "x",
        "weights/stray.bin": b"1",
        "weights.json": '{"files": []}',
    }
    folder = write_tree(tmp_path / "s", files)
    (folder / "link.py").symlink_to("code/model.py")
    answer = kit("pack", folder)
    assert answer.status == 1
    for part in (
        "model.py: expected at the root",
        "found under code/",
        "weights/stray.bin: is not listed in weights.json",
        "link.py: is a link",
    ):
        assert part in answer.text


def test_metadata_with_a_command_is_refused(kit: Kit, tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "s", metadata="command: python model.py\n")
    answer = kit("pack", folder)
    assert answer.status == 1
    assert "Remove the command" in answer.text


def test_a_zip_name_fits_the_platform(kit: Kit, submission: Path) -> None:
    good = "n" * 60 + ".zip"
    assert kit("pack", submission, "--out", good).status == 0
    answer = kit("pack", submission, "--out", "n" + good)
    assert answer.status == 2
    assert "at most 64" in answer.text
    assert kit("pack", submission, "--out", "x.tar").status == 2
    assert kit("pack", good).status == 2


def test_a_full_disk_leaves_the_old_zip(
    kit: Kit, submission: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("x.zip").write_bytes(b"yesterday")

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    answer = kit("pack", submission, "--out", "x.zip")
    assert answer.status == 1
    assert "No space left on device" in answer.text
    assert [path.name for path in Path().iterdir()] == ["x.zip"]
    assert Path("x.zip").read_bytes() == b"yesterday"
