"""The cleaning filters: what they flag, what they say without weights, the split before them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.support.families import draw_collection, speckled, write_rows
from training.common import log_blocks
from training.family.clean_images import dirt_table, main
from training.family.cleaning import Removed, clean
from training.family.collection import Collection, read_collection
from training.family.filters import (
    class_distance,
    clip_prompts,
    colour_mode,
    label_noise,
    near_duplicates,
    person_detector,
)
from training.family.filters.all_filters import FILTERS
from training.family.filters.frame import Filter, FilterUnavailable, Flags, Given
from training.family.split import split_off


def no_network(_: Collection) -> NDArray[np.float32]:
    raise AssertionError("no features are needed here")


def by_family(collection: Collection) -> NDArray[np.float32]:
    """Features that tell families well apart, with noise; (n, 6)."""
    return by_family_names(collection.family)


def by_family_names(family: NDArray[np.str_]) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    _, labels = np.unique(family, return_inverse=True)
    return (np.eye(6)[labels] * 8 + rng.normal(0, 1, (len(labels), 6))).astype(np.float32)


def given(folder: Path) -> Given:
    return Given(read_collection(folder), no_network)


def test_colour_mode_flags_grey_and_cmyk_but_what_the_allow_list_names(tmp_path: Path) -> None:
    rows = draw_collection(tmp_path)
    for row, mode in ((0, "L"), (1, "CMYK"), (2, "CMYK")):
        speckled(row).convert(mode).save(tmp_path / "images" / rows[row][0])
    one = Given(read_collection(tmp_path), no_network, allowed=frozenset({rows[2][0]}))
    assert np.flatnonzero(colour_mode.flag(one)).tolist() == [0, 1]


def test_near_duplicates_flags_the_smaller_of_two_also_when_mirrored(tmp_path: Path) -> None:
    rows = draw_collection(tmp_path)
    images = tmp_path / "images"
    original = speckled(0).resize((8, 6)).resize((96, 80))
    original.save(images / rows[0][0])
    original.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((70, 58)).save(
        images / rows[5][0], quality=60
    )
    assert np.flatnonzero(near_duplicates.flag(given(tmp_path))).tolist() == [5]


def test_class_distance_flags_what_is_far_and_empties_no_family(tmp_path: Path) -> None:
    draw_collection(tmp_path, each=12)
    collection = read_collection(tmp_path)
    features = by_family(collection)
    features[7] = 40
    flags = class_distance.flag(Given(collection, lambda _: features))
    assert flags[7]
    assert flags.sum() <= 4
    two = collection.rows(np.array([0, 1, 12, 13]))
    assert not class_distance.flag(Given(two, lambda some: by_family(some))).any()


def test_label_noise_flags_labels_that_other_images_contradict(tmp_path: Path) -> None:
    draw_collection(tmp_path, each=15)
    collection = read_collection(tmp_path)
    features = by_family(collection)
    features[[3, 20]] = features[[20, 3]]
    flags = label_noise.flag(Given(collection, lambda _: features))
    assert flags[[3, 20]].all()
    assert flags.sum() <= 4


def test_label_noise_has_folds_for_rare_families_too() -> None:
    family = np.array(["a"] * 10 + ["b"] * 9 + ["c"] * 2 + ["d"])
    features = by_family_names(family)
    found = label_noise.confidences(features, family, 0)
    assert found.shape == (22, 4)
    assert found.sum(axis=1) == pytest.approx(1)


def test_filters_without_weights_say_how_to_get_them(tmp_path: Path) -> None:
    draw_collection(tmp_path)
    with pytest.raises(FilterUnavailable, match=r"--clip FOLDER.*--skip clip_prompts"):
        clip_prompts.flag(given(tmp_path))
    with pytest.raises(FilterUnavailable, match=r"--person-detector FILE.*--skip person_detector"):
        person_detector.flag(given(tmp_path))
    wrong = tmp_path / "wrong.pth"
    torch.save({"a": torch.zeros(1)}, wrong)
    one = Given(read_collection(tmp_path), no_network, detector_file=wrong)
    with pytest.raises(FilterUnavailable, match=r"wrong\.pth is no fasterrcnn"):
        person_detector.flag(one)


def test_all_missing_weights_are_named_before_the_first_filter(tmp_path: Path) -> None:
    draw_collection(tmp_path)
    ran: list[str] = []

    def spy(one: Given) -> Flags:
        ran.append("spy")
        return np.zeros(len(one.collection), dtype=bool)

    weighted = [one for one in FILTERS if one.name in ("clip_prompts", "person_detector")]
    one = given(tmp_path)
    with pytest.raises(FilterUnavailable) as caught:
        clean(one, [Filter("spy", False, spy), *weighted], np.zeros(12, dtype=bool))
    assert ["--skip clip_prompts" in line for line in str(caught.value).splitlines()] == [
        True,
        False,
    ]
    assert "--skip person_detector" in str(caught.value)
    assert not ran


def test_nothing_that_learns_sees_the_images_set_aside(tmp_path: Path) -> None:
    draw_collection(tmp_path, each=20)
    collection = read_collection(tmp_path)
    aside = split_off(collection.family, seed=1)
    assert aside.sum() == round(0.15 * len(collection))
    assert set(collection.family[aside].tolist()) == set(collection.family.tolist())
    seen: dict[str, set[str]] = {}

    def spy(name: str, learns: bool) -> Filter:
        def flag(one: Given) -> Flags:
            seen[name] = set(one.collection.filenames.tolist())
            return np.array(np.arange(len(one.collection)) == 0, dtype=bool)

        return Filter(name, learns, flag)

    removed = clean(Given(collection, no_network), [spy("a", False), spy("b", True)], aside)
    assert len(seen["a"]) == len(collection)
    assert seen["b"].isdisjoint(collection.filenames[aside].tolist())
    assert len(removed[1].rows) == 1
    assert not aside[list(removed[1].rows)].any()


def test_filters_that_learn_are_the_last() -> None:
    learns = [one.learns for one in FILTERS]
    assert learns == sorted(learns)
    assert {one.name for one in FILTERS if one.learns} == {"class_distance", "label_noise"}


def test_a_cleaning_writes_a_training_folder_and_can_be_undone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = draw_collection(tmp_path / "data", each=8)
    speckled(3).convert("CMYK").save(tmp_path / "data/images" / rows[4][0])
    before = (tmp_path / "data/train.csv").read_bytes()
    command = ["--data", str(tmp_path / "data"), "--only", "colour_mode"]
    assert main([*command, "--dry-run", "--report", str(tmp_path / "report")]) == 0
    assert (tmp_path / "report/colour_mode.jpg").is_file()
    assert "colour_mode: 1 of 24 images" in capsys.readouterr().out
    out = tmp_path / "clean"
    assert not out.exists()
    assert main([*command, "--out", str(out), "--test-share", "0"]) == 0
    assert rows[4][0] not in read_collection(out).filenames
    assert len(read_collection(out)) == 23
    removed = (out / "removed.csv").read_bytes()
    for _ in range(2):  # the second time as after an undo that was killed in the middle
        assert main(["--undo", str(out)]) == 0
        assert sorted(read_collection(out).filenames) == sorted(row[0] for row in rows)
        (out / "removed.csv").write_bytes(removed)
    assert (tmp_path / "data/train.csv").read_bytes() == before


@pytest.mark.parametrize(("mode", "name"), [("L", "two words.png"), ("CMYK", "two words.jpg")])
def test_the_allow_list_has_a_name_a_line(tmp_path: Path, mode: str, name: str) -> None:
    rows = draw_collection(tmp_path / "data", each=8)
    for image in (name, rows[5][0]):
        speckled(3).convert(mode).save(tmp_path / "data/images" / image)
    table = tmp_path / "data/train.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(rows[4][0], name), encoding="utf-8")
    (tmp_path / "allow.txt").write_text(f"{name}\n", encoding="utf-8")
    command = ["--data", str(tmp_path / "data"), "--only", "colour_mode", "--test-share", "0"]
    given = [*command, "--allow", str(tmp_path / "allow.txt"), "--out", str(tmp_path / "clean")]
    assert main(given) == 0
    kept = read_collection(tmp_path / "clean").filenames
    assert name in kept
    assert rows[5][0] not in kept


def test_a_cleaning_that_empties_a_family_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = draw_collection(tmp_path / "data")
    for row in rows[:3]:
        speckled(1).convert("L").save(tmp_path / "data/images" / row[0])
    command = ["--data", str(tmp_path / "data"), "--only", "colour_mode", "--test-share", "0"]
    assert main([*command, "--out", str(tmp_path / "clean")]) == 1
    assert "family 'Apidae' has one image" in capsys.readouterr().err
    assert not (tmp_path / "clean").exists()


def test_a_filter_that_cannot_run_is_skipped_only_if_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_collection(tmp_path)
    command = ["--data", str(tmp_path), "--dry-run", "--only", "clip_prompts"]
    assert main(command) == 1
    assert "--skip clip_prompts" in capsys.readouterr().err
    assert main([*command, "--skip", "clip_prompts"]) == 0


def test_the_table_of_filters_goes_into_the_report_and_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log_blocks, "LOG", tmp_path / "LOG.md")
    (tmp_path / "LOG.md").write_text("<!-- family-filters:begin -->\n<!-- family-filters:end -->\n")
    rows = draw_collection(tmp_path / "data")
    speckled(1).convert("L").save(tmp_path / "data/images" / rows[1][0])
    command = ["--data", str(tmp_path / "data"), "--only", "colour_mode", "--dry-run", "--log"]
    assert main(command) == 1
    assert "--log needs the sample's column 'dirt'" in capsys.readouterr().err
    dirty = [[*row, "sketch" if number < 2 else ""] for number, row in enumerate(rows)]
    write_rows(tmp_path / "data", dirty, ("filename", "family", "phylum", "dirt"))
    assert main([*command, "--report", str(tmp_path / "report")]) == 0
    text = (tmp_path / "report/filters.md").read_text()
    assert "| colour_mode | 1 | 1.00 | 0.50 | 0.50 |" in text
    assert text in (tmp_path / "LOG.md").read_text()


def test_precision_and_recall_against_the_hidden_column() -> None:
    text = dirt_table([Removed("a", (0, 1), 4)], ["map", "", "map", ""])
    (line,) = [one for one in text.splitlines() if one.startswith("| a ")]
    assert [cell.strip() for cell in line.split("|")[2:6]] == ["2", "0.50", "0.50", "0.50"]
