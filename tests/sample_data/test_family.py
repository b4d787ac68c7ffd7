"""The family sample: its tables, its dirt, its competition, and how hard it is."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kit.markdown import filled
from sample_data.family_generator import dirt, generated_files, tables
from sample_data.family_generator.baselines import counts_table, evaluate
from sample_data.family_generator.collection import TESTS, PlannedImage, collection
from sample_data.family_generator.families import FAMILIES, TAXONOMY
from sample_data.generator_common.bundle_folder import GENERATED
from tests.support.sample_bundle import (
    assert_names_only_what_exists,
    assert_phases_follow_each_other,
    read_competition,
)
from wildlife_scoring.tracks import TRACKS

FAMILY = Path(__file__).parents[2] / "sample_data" / "family"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def images() -> list[PlannedImage]:
    return collection()


@pytest.fixture(scope="module")
def competition() -> dict[str, Any]:
    return read_competition("family")


def test_train_has_at_least_24_families_in_5_phyla_unbalanced_10_to_1() -> None:
    train = rows(FAMILY / "train/train.csv")
    assert tuple(train[0]) == tables.TRAIN_COLUMNS
    assert {row["family"]: row["phylum"] for row in train} == TAXONOMY
    assert len(TAXONOMY) >= 24
    assert len(set(TAXONOMY.values())) == 5
    clean = Counter(row["family"] for row in train if not row["dirt"])
    assert max(clean.values()) == 10 * min(clean.values())


def test_all_kinds_of_dirt_are_in_train_and_none_in_the_tests(images: list[PlannedImage]) -> None:
    train = rows(FAMILY / "train/train.csv")
    assert Counter(row["dirt"] for row in train if row["dirt"]) == dirt.COUNTS
    assert not [one for one in images if one.task != "train" and one.dirt]


def test_what_is_mislabelled_shows_another_family(images: list[PlannedImage]) -> None:
    wrong = [one for one in images if one.dirt == dirt.MISLABELLED]
    assert all(one.shown in FAMILIES and one.shown != one.family for one in wrong)
    same = sum(TAXONOMY[one.shown] == one.phylum for one in wrong)
    assert 0.3 < same / len(wrong) < 0.7


def test_two_good_images_are_in_cmyk_next_to_the_negatives() -> None:
    modes: Counter[tuple[str, str]] = Counter()
    for row in rows(FAMILY / "train/train.csv"):
        with Image.open(FAMILY / "train/images" / row["filename"]) as image:
            modes[image.mode, row["dirt"]] += 1
    assert modes["CMYK", ""] == 2
    assert modes["CMYK", dirt.NEGATIVE] == dirt.COUNTS[dirt.NEGATIVE]
    assert modes["L", dirt.SKETCH] == dirt.COUNTS[dirt.SKETCH]
    assert {mode for mode, _ in modes} == {"RGB", "CMYK", "L"}


@pytest.mark.parametrize("task", TESTS)
def test_inputs_name_the_phylum_of_most_images(task: str) -> None:
    truth = {
        row["filename"]: row["phylum"] for row in rows(FAMILY / f"reference_data/{task}/ref.csv")
    }
    told = {
        row["filename"]: row["phylum"] for row in rows(FAMILY / f"input_data/{task}/metadata.csv")
    }
    assert told.keys() == truth.keys()
    assert {name for name in told if told[name] not in ("", truth[name])} == set()
    assert 0 < sum(phylum == "" for phylum in told.values()) < 0.1 * len(told)
    images = {path.name for path in (FAMILY / "input_data" / task).glob("*.jpg")}
    assert images == truth.keys()


def test_tables_and_some_images_in_git_are_those_of_the_generator(
    images: list[PlannedImage],
) -> None:
    train = [one for one in images if one.task == "train"]
    expected = tables.labelled(train, tables.TRAIN_COLUMNS)
    assert expected == (FAMILY / "train/train.csv").read_bytes()
    record = json.loads((FAMILY / "generated.json").read_text(encoding="utf-8"))
    if record["versions"] != generated_files.VERSIONS:
        pytest.skip(f"drawn with {record['versions']}")
    for one in [*train[::120], *(next(i for i in train if i.dirt == kind) for kind in dirt.COUNTS)]:
        path = FAMILY / "train/images" / one.filename
        assert one.jpeg() == path.read_bytes(), one


def test_generated_record_counts_the_files_which_stay_small() -> None:
    record = json.loads((FAMILY / "generated.json").read_text(encoding="utf-8"))
    parts = [FAMILY / part for part in GENERATED if part != "generated.json"]
    files = [path for part in parts for path in (part, *part.rglob("*")) if path.is_file()]
    assert record["files"] == len(files)
    assert record["bytes"] == sum(path.stat().st_size for path in files) <= 8_000_000


def test_images_carry_no_metadata(images: list[PlannedImage]) -> None:
    for one in images[:20]:
        with Image.open(io.BytesIO(one.jpeg())) as image:
            known = {
                "jfif",
                "jfif_version",
                "jfif_unit",
                "jfif_density",
                "adobe",
                "adobe_transform",
            }
            assert set(image.info) <= known


def test_true_traits_solve_the_task_and_colours_do_not() -> None:
    assert all(one["accuracy"] >= 0.98 for one in evaluate(FAMILY, "true traits", False).values())
    for line in (FAMILY / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| colour histogram |"):
            assert float(line.split("|")[4]) < 0.15


def test_readme_counts_are_those_of_the_tables() -> None:
    text = (FAMILY / "README.md").read_text(encoding="utf-8")
    assert filled(text, "counts", counts_table()) == text


def test_competition_is_complete_and_has_the_keys_of_the_track(competition: dict[str, Any]) -> None:
    assert_names_only_what_exists(FAMILY, competition)
    assert_phases_follow_each_other(competition)
    (board,) = competition["leaderboards"]
    assert [column["key"] for column in board["columns"]] == list(TRACKS["family"].keys)
