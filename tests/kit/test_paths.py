"""Every command from another directory: relative, with `..`, absolute, through a link, and `.`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.checks import good_submission
from tests.support.kit import Kit, make_bundle, write_tree, zipped


def relative(path: Path) -> str:
    return path.name


def upwards(path: Path) -> str:
    os.chdir(write_tree(path.parent / "elsewhere/deep", {}))
    return f"../../{path.name}"


def absolute(path: Path) -> str:
    os.chdir("/")
    return str(path)


def linked(path: Path) -> str:
    os.chdir(write_tree(path.parent / "links", {}))
    link = Path(f"link{path.suffix}")
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    return str(link)


def under_a_link(path: Path) -> str:
    """The folder around it is a link, so that `..` leads elsewhere than it looks."""
    around = path.parent / "deep/linked"
    around.parent.mkdir(exist_ok=True)
    around.unlink(missing_ok=True)
    around.symlink_to(path.parent)
    os.chdir(around)
    return path.name


def here(path: Path) -> str:
    os.chdir(path)
    return "."


FOLDER_WAYS = [relative, upwards, absolute, linked, under_a_link, here]
FILE_WAYS = FOLDER_WAYS[:-1]
Way = Callable[[Path], str]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a submission, a bundle, and the zip of each; it is the working directory."""
    monkeypatch.chdir(tmp_path)
    zipped(good_submission(tmp_path / "mine"))
    zipped(make_bundle(tmp_path / "bundle"))
    write_tree(tmp_path, {"p.txt": "0.png,1\n"})
    return tmp_path


def written_to(place: Path, command: str) -> list[str | Path]:
    """The option that names what a command writes; none for those that write nothing."""
    names = {"pack": "dist/out.zip", "bundle": "dist/out.zip", "run": "run"}
    return ["--out", place / names[command]] if command in names else []


@pytest.mark.parametrize("way", FOLDER_WAYS)
@pytest.mark.parametrize("command", ["check --quick", "pack", "weights show", "vendor"])
def test_commands_on_a_submission(kit: Kit, place: Path, command: str, way: Way) -> None:
    os.chdir(place)
    answer = kit(*command.split(), way(place / "mine"), *written_to(place, command))
    assert answer.status == 0, answer.text


@pytest.mark.parametrize("way", FILE_WAYS)
@pytest.mark.parametrize("command", ["check --quick", "run"])
def test_commands_on_a_zip(kit: Kit, place: Path, command: str, way: Way) -> None:
    os.chdir(place)
    against: list[str | Path] = ["--bundle", place / "bundle"] if command == "run" else []
    answer = kit(*command.split(), way(place / "mine.zip"), *against, *written_to(place, command))
    assert answer.status == 0, answer.text


@pytest.mark.parametrize("way", FOLDER_WAYS)
@pytest.mark.parametrize("command", ["check", "bundle"])
def test_commands_on_a_bundle(kit: Kit, place: Path, command: str, way: Way) -> None:
    os.chdir(place)
    answer = kit(command, way(place / "bundle"), *written_to(place, command))
    assert answer.status == 0, answer.text
    if command == "check":
        assert answer.out.startswith("bundle bundle\n")


@pytest.mark.parametrize(
    ("name", "way"),
    [*(("bundle", way) for way in FOLDER_WAYS), *(("bundle.zip", way) for way in FILE_WAYS)],
)
def test_the_bundle_of_a_run(kit: Kit, place: Path, way: Way, name: str) -> None:
    os.chdir(place)
    out = ("--out", place / "run")
    answer = kit("run", place / "mine", "--bundle", way(place / name), *out)
    assert answer.status == 0, answer.text


@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
@pytest.mark.parametrize("way", [upwards, linked])
def test_the_bundle_of_a_check(kit: Kit, place: Path, way: Way, name: str) -> None:
    """The probe works in a directory of its own."""
    os.chdir(place)
    answer = kit("check", place / "mine", "--bundle", way(place / name))
    assert answer.status == 0, answer.text
    assert "Forecast for 4 images" in answer.out
    assert "SKIPPED scores" not in answer.out


@pytest.mark.parametrize("way", FOLDER_WAYS)
def test_the_folder_of_a_run(kit: Kit, place: Path, way: Way) -> None:
    os.chdir(place)
    (place / "run").mkdir()
    answer = kit("run", place / "mine", "--bundle", place / "bundle", "--out", way(place / "run"))
    assert answer.status == 0, answer.text
    assert json.loads((place / "run/run.json").read_text())["folder"] == str(place / "run")


@pytest.mark.parametrize("way", [upwards, absolute, linked, under_a_link, here])
def test_what_a_run_was_resumed_from(kit: Kit, place: Path, way: Way) -> None:
    """The record names submission and bundle for a directory that is another one by then."""
    os.chdir(place)
    kit("run", "mine.zip", "--bundle", "bundle.zip", "--out", "run", "--time-limit", "0.01")
    said = kit("run", "--resume", way(place / "run")).text
    # No journal was kept: the bundle's ingestion knows none. All paths of the record were found.
    assert "found no journal to resume from" in said


@pytest.mark.parametrize("way", FILE_WAYS)
def test_the_files_of_score(kit: Kit, place: Path, way: Way) -> None:
    write_tree(
        place / "ref", {"ref.csv": "filename,hybrid_stat,ssp_indicator\na,0,major\nb,1,major\n"}
    )
    write_tree(place, {"predictions.txt": "a,0.1\nb,0.9\n"})
    os.chdir(place)
    expected = kit("score", place / "predictions.txt", place / "ref").status
    os.chdir(place)
    assert kit("score", way(place / "predictions.txt"), place / "ref").status == expected
    os.chdir(place)
    assert kit("score", place / "predictions.txt", way(place / "ref")).status == expected


@pytest.mark.parametrize("way", [relative, upwards, absolute, under_a_link])
def test_the_folder_of_a_new_bundle(kit: Kit, place: Path, way: Way) -> None:
    os.chdir(place)
    given = way(place / "leaves")
    answer = kit("new-bundle", given)
    made = Path(given)
    assert answer.status == 0, answer.text
    assert (made / "competition.yaml").is_file()
    assert kit("check", made).status == 0
