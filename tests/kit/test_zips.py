"""Zips from outside: corrupt, encrypted, unsafe or too large ones are refused in one message."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from kit import zip_inspection
from kit.errors import KitError
from kit.trees import StrangeFiles
from kit.zips import Entry, unpack, write_zip


def make_zip(path: Path, names: list[str], content: bytes = b"x" * 100) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return path


def refusal(path: Path, must_hold: tuple[str, ...] = ()) -> str:
    target = path.with_name("unpacked")
    with pytest.raises(KitError) as caught:
        unpack(path, target, must_hold)
    assert not target.exists()
    assert {item.name for item in path.parent.iterdir()} == {path.name}
    return str(caught.value)


def test_a_good_zip_is_unpacked(tmp_path: Path) -> None:
    unpack(make_zip(tmp_path / "a.zip", ["model.py", "b/ü, 'x'.txt"]), tmp_path / "out")
    assert (tmp_path / "out/b/ü, 'x'.txt").read_bytes() == b"x" * 100


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../model.py", "names that lead out of the folder: '../model.py'"),
        ("/etc/passwd", "names that lead out of the folder"),
        ("C:/model.py", "names that lead out of the folder"),
        ("a\\..\\..\\model.py", "names that lead out of the folder"),
        ("weights\\head.npz", "names with a backslash"),
    ],
)
def test_unsafe_names_are_refused(tmp_path: Path, name: str, message: str) -> None:
    assert message in refusal(make_zip(tmp_path / "a.zip", ["model.py", name]))


def test_every_problem_is_named(tmp_path: Path) -> None:
    message = refusal(make_zip(tmp_path / "a.zip", [f"../{i}" for i in range(9)] + ["b\\c"]))
    assert "'../4' and 4 more" in message
    assert "backslash" in message


def test_a_link_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    info = zipfile.ZipInfo("weights")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc")
    assert "links, which become text files: 'weights'" in refusal(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_used_twice_is_refused(tmp_path: Path) -> None:
    assert "more than once: 'a.py'" in refusal(make_zip(tmp_path / "a.zip", ["a.py", "a.py"]))


def test_a_parent_folder_is_named(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", ["bundle/competition.yaml", "__MACOSX/competition.yaml"])
    message = refusal(path, must_hold=("competition.yaml",))
    assert "competition.yaml found under bundle/, expected at the root" in message


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", ["model.py"])
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag in the local header
    content[content.rindex(b"PK\1\2") + 8] |= 1  # and in the directory
    path.write_bytes(content)
    assert "encrypted entries: 'model.py'" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\3\4" + b"\0" * 50])
def test_what_is_not_a_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    assert "expected a zip file, found something that does not read as one" in refusal(path)


def test_a_corrupt_member_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", ["model.py"], bytes(range(256)) * 40)
    content = bytearray(path.read_bytes())
    content[60:90] = b"\xff" * 30
    path.write_bytes(content)
    assert "a.zip" in refusal(path)


def test_a_truncated_zip_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", ["model.py"], bytes(range(256)) * 40)
    path.write_bytes(path.read_bytes()[:-30])
    assert "does not read as one" in refusal(path)


def test_a_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_inspection, "MAX_UNPACKED_BYTES", 1000)
    path = make_zip(tmp_path / "a.zip", ["zeros"], bytes(1001))
    assert "would unpack to 1,001 bytes; at most 1,000" in refusal(path)


def test_a_bomb_is_known_by_its_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_inspection, "SMALL_ENOUGH_BYTES", 10_000)
    path = make_zip(tmp_path / "a.zip", ["zeros"], bytes(200_000))
    assert "times its size, 200,000 bytes" in refusal(path)
    monkeypatch.setattr(zip_inspection, "SMALL_ENOUGH_BYTES", 200_000)
    unpack(path, tmp_path / "out")


def test_a_hundred_thousand_entries_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(100_001):
            archive.writestr(zipfile.ZipInfo(f"{number}"), b"")
    assert "100,001 entries; at most 100,000" in refusal(path)


def test_names_that_are_not_utf_8_are_read_as_the_worker_reads_them(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", ["model.py", "xxxx.bin"])
    # Without the UTF-8 flag zipfile takes the bytes for code page 437.
    path.write_bytes(path.read_bytes().replace(b"xxxx.bin", b"\xff\xfe\xe9x.bin"))
    unpack(path, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_names_that_are_not_the_utf_8_they_say_are_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", ["xxxx.bin"])
    content = bytearray(path.read_bytes().replace(b"xxxx.bin", b"\xff\xfe\xe9x.bin"))
    content[content.rindex(b"PK\1\2") + 9] |= 0x08
    path.write_bytes(content)
    assert "does not read as one" in refusal(path)


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_inspection, "MAX_ZIP_ENTRIES", 3)
    assert "4 entries; at most 3" in refusal(make_zip(tmp_path / "a.zip", list("abcd")))


def test_an_empty_zip_is_refused(tmp_path: Path) -> None:
    assert "no file in it" in refusal(make_zip(tmp_path / "a.zip", []))


def test_writing_keeps_the_old_zip_when_it_fails(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    target.write_bytes(b"old")
    with pytest.raises(StrangeFiles, match="missing: vanished"):
        write_zip([Entry("x", tmp_path / "missing")], target)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
