"""A disk that takes no more: the message names the file, what it was, and the space that is left.

The limit of file sizes (RLIMIT_FSIZE) stands for the disk: it holds in every process of a run, and
needs no file system of its own. Python ignores the signal; the write fails with EFBIG.
"""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from kit.files import WriteFailed, replacing, write_json, writing
from kit.zips import Entry, unpack, write_zip
from tests.support.checks import good_submission
from tests.support.kit import ROOT, make_bundle, make_submission, write_tree, zipped

BIG = "# " + "x" * 20_000 + "\n"


def kit_with_limit(
    folder: Path, limit: int, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-m", "kit", *map(str, arguments)],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False, preexec_fn=limited,
    )  # fmt: skip


def make_everything(folder: Path) -> None:
    """Everything that the commands below name."""
    good_submission(write_tree(folder / "wide", {"big.py": BIG}))
    bundle = make_bundle(folder / "bundle")
    write_tree(bundle, {"reference_data/big.txt": BIG, "scoring_program/big.py": BIG})
    zipped(bundle)
    for name in ("submissions", "ingestion_program", "scoring_program"):
        (folder / name).mkdir()
    zipped(make_submission(folder / "tiny"))
    zipped(write_tree(folder / "results", {"predictions.txt": BIG, "other.txt": BIG}))
    write_tree(folder, {"p.txt": "a.png,1\n" * 9999, "ref.csv": "filename\n"})


RUN = ["--bundle", "bundle", "--out", "r"]


@pytest.mark.parametrize(
    ("limit", "arguments", "named"),
    [
        (4_000, ["pack", "wide"], "dist/wide.zip: the zip cannot be written"),
        (4_000, ["bundle", "bundle"], "bundle_bundle.zip: the zip cannot be written"),
        (4_000, ["run", "wide", *RUN], "program.zip: the zip cannot be written"),
        (4_000, ["run", "wide", "--bundle", "bundle.zip"], "the content of bundle.zip cannot"),
        (4_000, ["score", "p.txt", "ref.csv"], "predictions.txt: the copy of p.txt cannot"),
        (600, ["run", "tiny.zip", *RUN], "r/run.json: the record of the run cannot be written"),
        (
            100,
            ["new", "mine", "--track", "hybrid"],
            "mine.tmp/model.py: the file cannot be written",
        ),
        (1_000, ["new-bundle", "made"], ": the file cannot be written"),
        (25_000, ["run", "results.zip", *RUN], "prediction_result.zip: the zip cannot"),
    ],
    ids=["pack", "bundle", "run", "unpack", "score", "record", "new", "new-bundle", "results"],
)
def test_each_command_names_the_file(
    limit: int, arguments: Sequence[str], named: str, tmp_path: Path
) -> None:
    make_everything(tmp_path)
    ended = kit_with_limit(tmp_path, limit, *arguments)
    assert ended.returncode == 1, ended
    assert named in ended.stderr, ended
    assert "File too large" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not [*tmp_path.glob("dist/*"), *tmp_path.glob("submissions/.*"), *tmp_path.glob("made*")]


def no_space(*arguments: object, **options: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_the_message_says_how_much_space_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "write_text", no_space)
    with pytest.raises(WriteFailed) as caught:
        write_json(tmp_path / "new/run.json", {}, "the record of the run")
    said = str(caught.value)
    begin = "run.json: the record of the run cannot be written: No space left on device; "
    number = said.partition(begin)[2].partition(" bytes are free there")[0]
    assert said.startswith(f"{tmp_path}/new/{begin}")
    assert number.replace(",", "").isdigit()
    assert not list((tmp_path / "new").iterdir())


def test_an_error_of_reading_is_not_one_of_writing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.txt"):
        (tmp_path / "other.txt").read_text()
    with pytest.raises(WriteFailed, match="read-only"), writing(tmp_path / "a.txt"):
        raise OSError(errno.EROFS, "read-only", "/elsewhere")


def test_a_folder_that_cannot_be_made_is_an_error_of_writing(tmp_path: Path) -> None:
    write_tree(tmp_path, {"there": "a file"})
    with pytest.raises(WriteFailed, match=r"there/a\.txt: the file cannot be written: "):
        write_json(tmp_path / "there/a.txt", {})


def test_unpacking_names_the_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_zip([Entry("a.txt", write_tree(tmp_path, {"a.txt": "a"}) / "a.txt")], tmp_path / "a.zip")
    monkeypatch.setattr("shutil.copyfileobj", no_space)
    with pytest.raises(WriteFailed, match=r"out: the content of .*a\.zip cannot be written"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_standard_output_is_named() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "kit", "list", "--json"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False, cwd=ROOT,
        )  # fmt: skip
    assert ended.returncode != 0
    assert "standard output" in ended.stderr
    assert "Traceback" not in ended.stderr
