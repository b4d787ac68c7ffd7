"""Damaged input of `kit predict`: what cannot be listed ends it, what cannot be read is a row."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from kit.errors import KitError
from kit.predicting.listing import list_images
from kit.predicting.references import places_of
from tests.support.collections import BATCHED, batched, make_parquet, make_tar, png, rows_of
from tests.support.kit import Kit, write_tree

pytest.importorskip("pyarrow", reason="kit predict needs pyarrow (the extra predict)")

EMPTY = "an empty file (0 bytes)"
ENDS = "cannot be read (the file that holds it ends too early)"
IMAGES = {f"{name}.png": png(10 * number) for number, name in enumerate("abcd", start=1)}


def errors_of(kit: Kit, images: Path, submission: Path) -> dict[str, str | None]:
    """The error of each image after a whole `kit predict`."""
    answer = kit("predict", submission, images, "--out", "out")
    assert answer.status == 0, answer.err
    return {row["filename"]: row["error"] for row in rows_of(Path("out"))}


def does_at_load(folder: Path, statement: str) -> Path:
    """A submission whose load() does something: the images are listed by then, and not read."""
    return batched(
        folder, BATCHED.replace("def load(self):", f"def load(self):\n        {statement}")
    )


def header_of(path: Path, name: str) -> int:
    """Where the header of a member begins."""
    with tarfile.open(path) as archive:
        return archive.getmember(name).offset


def changed(path: Path, at: int, new: bytes) -> Path:
    content = bytearray(path.read_bytes())
    content[at : at + len(new)] = new
    path.write_bytes(content)
    return path


def test_a_tar_with_a_damaged_header_is_refused_not_cut_short(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar", IMAGES)
    at = header_of(path, "c.png")
    with pytest.raises(KitError, match=rf"a\.tar: the header at byte {at:,} is damaged"):
        list_images(changed(path, at + 3, b"X"))


def test_a_truncated_tar_is_refused(tmp_path: Path) -> None:
    content = make_tar(tmp_path / "a.tar", IMAGES).read_bytes()
    at = header_of(tmp_path / "a.tar", "c.png")
    for length in (at, at + 100):
        (tmp_path / "a.tar").write_bytes(content[:length])
        with pytest.raises(KitError, match=r"a\.tar: it ends without the mark of its end: half"):
            list_images(tmp_path / "a.tar")
    (tmp_path / "a.tar").write_bytes(content[: at + 530])  # in the image
    with pytest.raises(KitError, match=r"a\.tar: unexpected end of data"):
        list_images(tmp_path / "a.tar")


def test_tar_files_that_were_joined_are_refused(tmp_path: Path) -> None:
    one = make_tar(tmp_path / "1.tar", {"a.png": png(10)})
    two = make_tar(tmp_path / "2.tar", {"b.png": png(20)})
    one.write_bytes(one.read_bytes() + two.read_bytes())
    with pytest.raises(KitError, match=r"something follows the mark of its end .*: joined"):
        list_images(one)


def test_a_compressed_tar_is_refused(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar", IMAGES)
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(KitError, match=r"a\.tar: compressed, so that no image can be read alone"):
        list_images(path)


def test_links_in_a_tar_are_left_out_and_said_so(kit: Kit, tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("a.png")
        member.size = len(png(10))
        archive.addfile(member, io.BytesIO(png(10)))
        for name, kind in (("b.png", tarfile.LNKTYPE), ("c.png", tarfile.SYMTYPE)):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, "a.png"
            archive.addfile(link)
    answer = kit("predict", batched(tmp_path / "s"), path, "--out", "out")
    assert answer.status == 0
    assert "Left out: 'b.png' in a.tar: a link, or no plain file\n" in answer.out
    assert "Left out: 'c.png' in a.tar: a link, or no plain file\n" in answer.out
    assert len(rows_of(Path("out"))) == 1


def test_a_broken_member_of_a_tar_is_a_row(kit: Kit, tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar", {**IMAGES, "e.png": b"", "f.png": b"no image"})
    changed(path, header_of(path, "b.png") + 512 + 41, b"\0" * 9)
    errors = errors_of(kit, path, batched(tmp_path / "s"))
    assert [name for name, error in errors.items() if error] == ["b.png", "e.png", "f.png"]
    assert "cannot be decoded" in str(errors["b.png"])
    assert errors["e.png"] == EMPTY
    assert "no known image format" in str(errors["f.png"])


def test_a_tar_that_loses_its_end_after_the_listing_has_errors_there(
    kit: Kit, tmp_path: Path
) -> None:
    path = make_tar(tmp_path / "a.tar", IMAGES)
    cut = does_at_load(
        tmp_path / "s", f"__import__('os').truncate({str(path)!r}, {header_of(path, 'c.png')})"
    )
    errors = errors_of(kit, path, cut)
    assert errors == {"a.png": None, "b.png": None, **dict.fromkeys(("c.png", "d.png"), ENDS)}


@pytest.mark.parametrize("kind", ["folder", "list", "tar", "Parquet"])
def test_what_vanishes_after_the_listing_is_a_row(kind: str, kit: Kit, tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "images", dict(IMAGES))
    images = gone = folder
    if kind == "list":
        images = tmp_path / "list.txt"
        images.write_text("".join(f"images/{name}\n" for name in IMAGES))
    elif kind == "tar":
        images = gone = make_tar(tmp_path / "a.tar", IMAGES)
    elif kind == "Parquet":
        columns: dict[str, list[Any]] = {"filename": [*IMAGES], "image": [*IMAGES.values()]}
        images = gone = make_parquet(tmp_path / "a.parquet", columns)
    # The second shard is read after the first was predicted.
    moves = f"os.path.exists({str(gone)!r}) and os.rename({str(gone)!r}, {str(tmp_path / 'x')!r})"
    model = "import os\n" + BATCHED.replace("return [float", f"{moves}\n        return [float")
    submission = batched(tmp_path / "s", model)
    answer = kit("predict", submission, images, "--out", "out", "--shard-size", "2")
    assert answer.status == 0, answer.err
    errors = [row["error"] for row in rows_of(Path("out"))]
    assert errors == [None, None, *["cannot be read (No such file or directory)"] * 2]


def test_null_and_empty_bytes_in_a_parquet_file_are_rows(kit: Kit, tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "filename": ["a.png", "b.png", "c.png"],
        "image": [png(10), None, b""],
    }
    path = make_parquet(tmp_path / "a.parquet", columns)
    errors = errors_of(kit, path, batched(tmp_path / "s"))
    assert errors == {"a.png": None, "b.png": EMPTY, "c.png": EMPTY}


def test_a_struct_without_bytes_is_a_row(kit: Kit, tmp_path: Path) -> None:
    images = [{"bytes": png(10), "path": "x"}, {"bytes": None, "path": "y"}, None]
    columns: dict[str, list[Any]] = {"filename": ["a.png", "b.png", "c.png"], "image": images}
    path = make_parquet(tmp_path / "a.parquet", columns)
    errors = errors_of(kit, path, batched(tmp_path / "s"))
    assert errors == {"a.png": None, "b.png": EMPTY, "c.png": EMPTY}


def test_a_parquet_file_of_nulls_alone_holds_no_paths(kit: Kit, tmp_path: Path) -> None:
    path = make_parquet(tmp_path / "a.parquet", {"filename": ["a.png"], "image": [None]})
    answer = kit("predict", batched(tmp_path / "s"), path, "--out", "out")
    assert answer.status == 1
    assert f"a.png: {EMPTY}" in answer.out
    assert "FAILED: no image has a prediction" in answer.out


def test_a_parquet_file_that_is_cut_after_the_listing_has_errors(kit: Kit, tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {"filename": [*IMAGES], "image": [*IMAGES.values()]}
    path = make_parquet(tmp_path / "a.parquet", columns)
    cut = does_at_load(
        tmp_path / "s", f"__import__('os').truncate({str(path)!r}, {path.stat().st_size - 20})"
    )
    # A whole shard is copied out of its Parquet files before the submission is loaded.
    answer = kit("predict", cut, path, "--out", "out", "--shard-size", "2")
    assert answer.status == 0, answer.err
    errors = [row["error"] for row in rows_of(Path("out"))]
    assert errors[:2] == [None, None]
    assert all(error.startswith("cannot be read (not a whole Parquet file") for error in errors[2:])


def test_a_parquet_file_of_fewer_rows_after_the_listing_has_errors(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {"filename": [*IMAGES], "image": [*IMAGES.values()]}
    images = list_images(make_parquet(tmp_path / "a.parquet", columns)).images
    make_parquet(tmp_path / "a.parquet", {name: column[:3] for name, column in columns.items()})
    with places_of(images) as places:
        assert [place[4:] for place in places] == [[], [], [], ["its file has fewer rows now"]]


LISTS = {
    "blank lines": ("\n\nimages/a.png\n   \n\timages/b.png \n\n", ["images/a.png", "images/b.png"]),
    "CRLF": ("images/a.png\r\nimages/b.png\r\n", ["images/a.png", "images/b.png"]),
    "no last line end": ("images/b.png\nimages/a.png", ["images/a.png", "images/b.png"]),
    "a mark of UTF-8": ("\ufeffimages/a.png\n", ["images/a.png"]),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_read_as_editors_write_them(name: str, tmp_path: Path) -> None:
    write_tree(tmp_path / "images", dict(IMAGES))
    text, expected = LISTS[name]
    (tmp_path / "list.txt").write_bytes(text.encode())
    images = list_images(tmp_path / "list.txt").images
    assert [image.name for image in images] == expected
    assert all(image.size > 0 for image in images)


def test_absolute_and_relative_paths_are_names_of_their_own(kit: Kit, tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "images", dict(IMAGES))
    names = [f"{folder}/a.png", "images/a.png", "images/b.png"]
    (tmp_path / "list.txt").write_text("\n".join(names))
    assert errors_of(kit, tmp_path / "list.txt", batched(tmp_path / "s")) == dict.fromkeys(names)


def test_names_that_stand_twice_on_a_list_are_refused(kit: Kit, tmp_path: Path) -> None:
    write_tree(tmp_path / "images", dict(IMAGES))
    lines = ["images/a.png", "images/b.png", "images/a.png ", "images/b.png\r", "images/a.png"]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    answer = kit("predict", batched(tmp_path / "s"), tmp_path / "list.txt", "--out", "out")
    assert answer.status == 1
    assert "expected each name once" in answer.err
    assert "images/a.png: 3 times\n  - images/b.png: 2 times\n" in answer.err
    assert not Path("out").exists()
