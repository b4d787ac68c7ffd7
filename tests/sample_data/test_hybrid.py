"""The sample competition: its tables, images, bundle file, and the genetics that made them."""

from __future__ import annotations

import csv
import hashlib
import json
import platform
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kit.markdown import filled
from sample_data.generator_common.bundle_folder import GENERATED
from sample_data.hybrid_generator import baselines, generated_files, genetics, tables
from sample_data.hybrid_generator.collection import MIMIC, SIGNAL, UNSEEN, Specimen, collection
from sample_data.hybrid_generator.genetics import LOCI, LOCUS_NAMES, SUBSPECIES
from sample_data.hybrid_generator.phenotype import phenotype
from tests.support.sample_bundle import (
    assert_names_only_what_exists,
    assert_phases_follow_each_other,
    read_competition,
)

ROOT = Path(__file__).parents[2]
HYBRID = ROOT / "sample_data" / "hybrid"
FOLDERS = {
    "train": HYBRID / "train" / "images",
    "development": HYBRID / "input_data" / "development",
    "final": HYBRID / "input_data" / "final",
}
TESTS = ("development", "final")
MAX_BYTES = 8_000_000


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def train() -> list[dict[str, str]]:
    return rows(HYBRID / "train" / "train.csv")


@pytest.fixture(scope="module")
def references() -> dict[str, list[dict[str, str]]]:
    return {task: rows(HYBRID / "reference_data" / task / "ref.csv") for task in TESTS}


@pytest.fixture(scope="module")
def specimens() -> list[Specimen]:
    return collection()


@pytest.fixture(scope="module")
def competition() -> dict[str, Any]:
    return read_competition("hybrid")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


# The tables.


def test_train_has_the_real_columns_and_600_rows(train: list[dict[str, str]]) -> None:
    assert tuple(train[0]) == tables.TRAIN_COLUMNS
    assert len(train) == 600


@pytest.mark.parametrize("task", TESTS)
def test_reference_has_the_real_columns_and_240_rows(
    references: dict[str, list[dict[str, str]]], task: str
) -> None:
    assert tuple(references[task][0]) == tables.REFERENCE_COLUMNS
    assert len(references[task]) == 240


def test_train_hybrids_are_of_one_pair_and_never_of_the_mimic(train: list[dict[str, str]]) -> None:
    hybrids = [row for row in train if row["hybrid_stat"] == "hybrid"]
    pairs = {(row["parent_subspecies_1"], row["parent_subspecies_2"]) for row in hybrids}
    assert pairs == {tuple(f"{SUBSPECIES[name].number:.1f}" for name in SIGNAL)}
    assert {row["subspecies"] for row in hybrids} == {""}
    shown = {row["subspecies"] for row in train} - {""}
    assert shown == {f"{row.number:.1f}" for row in SUBSPECIES.values() if row.species == "A"}


def test_train_is_unbalanced(train: list[dict[str, str]]) -> None:
    counts = Counter(row["subspecies"] for row in train if row["subspecies"])
    assert len(counts) >= 8
    assert max(counts.values()) > 5 * min(counts.values())


@pytest.mark.parametrize("task", TESTS)
def test_each_group_has_enough_hybrids_and_non_hybrids(
    references: dict[str, list[dict[str, str]]], task: str
) -> None:
    counts = Counter((row["ssp_indicator"], row["hybrid_stat"]) for row in references[task])
    assert set(counts) == {(g, h) for g in ("major", "minor", "mimic") for h in "01"}
    assert min(counts.values()) >= 24


@pytest.mark.parametrize("task", TESTS)
def test_minor_hybrids_are_of_at_least_four_unseen_pairs_of_known_parents(
    references: dict[str, list[dict[str, str]]], task: str
) -> None:
    minor = [row for row in references[task] if row["ssp_indicator"] == "minor"]
    pairs = {row["subspecies_ref"] for row in minor if row["hybrid_stat"] == "1"}
    assert pairs == {" x ".join(pair) for pair in UNSEEN}
    assert len(pairs) >= 4
    pure = {row["subspecies_ref"] for row in minor if row["hybrid_stat"] == "0"}
    assert {name for pair in UNSEEN for name in pair} <= pure


def test_images_are_exactly_those_of_the_tables(
    train: list[dict[str, str]], references: dict[str, list[dict[str, str]]]
) -> None:
    for task, listed in {"train": train, **references}.items():
        assert {path.name for path in FOLDERS[task].iterdir()} == {r["filename"] for r in listed}
        assert len({row["filename"] for row in listed}) == len(listed)


def test_no_specimen_and_no_bytes_occur_twice(
    train: list[dict[str, str]], references: dict[str, list[dict[str, str]]]
) -> None:
    listed = [row["CAMID"] for table in (train, *references.values()) for row in table]
    assert len(set(listed)) == len(listed)
    images = [path.read_bytes() for folder in FOLDERS.values() for path in folder.iterdir()]
    assert len({hashlib.sha256(data).digest() for data in images}) == len(listed)


def test_md5_of_train_are_those_of_the_files(train: list[dict[str, str]]) -> None:
    for row in train:
        data = (FOLDERS["train"] / row["filename"]).read_bytes()
        assert hashlib.md5(data, usedforsecurity=False).hexdigest() == row["md5"]


# Nothing but the image tells.


def test_images_carry_no_metadata() -> None:
    for path in sorted(FOLDERS["development"].iterdir()):
        with Image.open(path) as image:
            assert image.format == "JPEG"
            assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize("task", TESTS)
def test_order_and_size_of_files_say_nothing_about_the_class(
    references: dict[str, list[dict[str, str]]], task: str
) -> None:
    listed = sorted(references[task], key=lambda row: row["filename"])
    hybrid = np.array([int(row["hybrid_stat"]) for row in listed])
    size = [(FOLDERS[task] / row["filename"]).stat().st_size for row in listed]
    # 0.2 is three standard errors of a correlation of 240 unrelated values.
    assert abs(np.corrcoef(np.arange(len(hybrid)), hybrid)[0, 1]) < 0.2
    assert abs(np.corrcoef(size, hybrid)[0, 1]) < 0.2


# The generator.


def test_tables_in_git_are_those_of_the_generator(specimens: list[Specimen]) -> None:
    for task in TESTS:
        members = [one for one in specimens if one.task == task]
        path = HYBRID / "reference_data" / task / "ref.csv"
        assert tables.reference_table(members) == path.read_bytes()
    members = [one for one in specimens if one.task == "train"]
    images = [(FOLDERS["train"] / one.filename).read_bytes() for one in members]
    path = HYBRID / "train" / "train.csv"
    assert tables.train_table(members, images) == path.read_bytes()


def test_regenerated_images_have_equal_bytes(specimens: list[Specimen]) -> None:
    record = json.loads((HYBRID / "generated.json").read_text(encoding="utf-8"))
    if record["versions"] != generated_files.VERSIONS:
        pytest.skip(f"drawn with {record['versions']}, here are {generated_files.VERSIONS}")
    if platform.machine() != "x86_64":
        pytest.skip("the last bit of sine and cosine may differ on another kind of machine")
    for one in specimens[::150]:
        assert one.image() == (FOLDERS[one.task] / one.filename).read_bytes(), one.filename


def test_generated_record_counts_the_files() -> None:
    record = json.loads((HYBRID / "generated.json").read_text(encoding="utf-8"))
    parts = [HYBRID / part for part in GENERATED if part != "generated.json"]
    files = [path for part in parts for path in (part, *part.rglob("*")) if path.is_file()]
    assert record["files"] == len(files)
    assert record["bytes"] == sum(path.stat().st_size for path in files)


def test_each_bundle_stays_small_and_free_of_leftovers() -> None:
    for bundle_folder in (ROOT / "sample_data").glob("*/competition.yaml"):
        files = [path for path in bundle_folder.parent.rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) <= MAX_BYTES
        assert not [path for path in files if path.suffix == ".tmp"]


# The bundle file.


def test_competition_names_only_what_exists(competition: dict[str, Any]) -> None:
    assert_names_only_what_exists(HYBRID, competition)


def test_competition_says_its_version_first_and_pins_its_image(
    competition: dict[str, Any],
) -> None:
    assert next(iter(competition)) == "version"
    assert competition["version"] == 2
    tag = competition["docker_image"].rpartition(":")[2]
    assert tag not in ("", "latest", competition["docker_image"])


def test_phases_are_sequential_and_their_dates_are_quoted(competition: dict[str, Any]) -> None:
    assert_phases_follow_each_other(competition)
    assert {phase["execution_time_limit"] for phase in competition["phases"]} == {600}


def test_leaderboard_has_the_keys_that_scoring_writes(competition: dict[str, Any]) -> None:
    from wildlife_scoring.hybrid.metrics import score

    (board,) = competition["leaderboards"]
    written = score([0, 1] * 3, ["major"] * 2 + ["minor"] * 2 + ["mimic"] * 2, [0, 1] * 3)
    assert [column["key"] for column in board["columns"]] == list(written)
    assert [column["index"] for column in board["columns"]] == list(range(len(written)))
    assert all(len(column["title"]) <= 36 for column in board["columns"])
    assert board["primary_index"] == 0
    assert board["submission_rule"] == "Add_And_Delete"


# Genetics.


def test_a_first_cross_is_heterozygous_where_its_parents_differ(rng: np.random.Generator) -> None:
    for first, second in (SIGNAL, MIMIC, *UNSEEN):
        mother, father = SUBSPECIES[first], SUBSPECIES[second]
        differ = tuple(a != b for a, b in zip(mother.alleles, father.alleles, strict=True))
        assert genetics.first_generation(mother, father, rng).heterozygous == differ
        assert sum(differ) >= 2


def test_a_pure_specimen_is_homozygous_and_varies_in_its_traits(rng: np.random.Generator) -> None:
    drawn = [genetics.pure(SUBSPECIES["cyanea"], rng) for _ in range(300)]
    assert not any(any(one.heterozygous) for one in drawn)
    spread = np.std([[one.trait(name) for name in genetics.TRAITS] for one in drawn], axis=0)
    np.testing.assert_allclose(spread, 1, atol=0.2)


def test_backcross_alleles_come_from_the_right_parents(rng: np.random.Generator) -> None:
    recurrent, other = SUBSPECIES["duplex"], SUBSPECIES["ardens"]
    differ = np.array([a != b for a, b in zip(recurrent.alleles, other.alleles, strict=True)])
    children = [genetics.backcross(recurrent, other, rng) for _ in range(600)]
    for child in children:
        assert child.maternal.alleles == recurrent.alleles
        for got, a, b in zip(child.paternal.alleles, recurrent.alleles, other.alleles, strict=True):
            assert got in (a, b)
    mixed = np.mean([child.heterozygous for child in children], axis=0)
    np.testing.assert_allclose(mixed[differ], 0.5, atol=0.08)
    assert not mixed[~differ].any()


def test_a_backcross_always_carries_something_of_the_other_parent(
    rng: np.random.Generator,
) -> None:
    recurrent, other = SUBSPECIES["rubescens"], SUBSPECIES["citrina"]
    assert all(any(genetics.backcross(recurrent, other, rng).heterozygous) for _ in range(100))


def test_equal_parents_cannot_be_backcrossed(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="do not differ"):
        genetics.backcross(SUBSPECIES["cyanea"], SUBSPECIES["cyanea"], rng)


def test_a_gamete_mixes_modifiers_of_both_haplotypes(rng: np.random.Generator) -> None:
    parent = genetics.pure(SUBSPECIES["gemmata"], rng)
    modifiers = genetics.gamete(parent, rng).modifiers
    from_mother = modifiers == parent.maternal.modifiers
    assert (from_mother | (modifiers == parent.paternal.modifiers)).all()
    assert 0 < from_mother.sum() < from_mother.size


@pytest.mark.parametrize(
    ("name", "low", "high", "expected"),
    [
        ("basal", "plain", "dennis", 1.0),
        ("line", "none", "lined", 0.0),
        ("position", "proximal", "distal", 0.5),
        ("rays", "none", "rayed", 0.6),
    ],
)
def test_dominance_places_the_heterozygote(name: str, low: str, high: str, expected: float) -> None:
    locus = LOCI[LOCUS_NAMES.index(name)]
    assert locus.value(low, high) == locus.value(high, low) == expected
    assert (locus.value(low, low), locus.value(high, high)) == (0.0, 1.0)


def test_a_carrier_of_two_band_colours_shows_both(rng: np.random.Generator) -> None:
    cross = genetics.first_generation(SUBSPECIES["rubescens"], SUBSPECIES["citrina"], rng)
    look = phenotype(cross, "A")
    assert look.band_inner != look.band_outer
    look = phenotype(genetics.pure(SUBSPECIES["rubescens"], rng), "A")
    assert look.band_inner == look.band_outer


def test_no_two_subspecies_of_a_species_look_alike_and_the_mimic_copies_the_signal_pair() -> None:
    of_a = [row.alleles for row in SUBSPECIES.values() if row.species == "A"]
    assert len(set(of_a)) == len(of_a) >= 8
    for model, mimic in zip(SIGNAL, MIMIC, strict=True):
        assert SUBSPECIES[model].alleles == SUBSPECIES[mimic].alleles


# How hard it is.


def test_true_genotypes_solve_both_tasks() -> None:
    values = baselines.evaluate(HYBRID, baselines.genotype_scores())
    assert {task: one["challenge_score"] for task, one in values.items()} == {
        "development": 1.0,
        "final": 1.0,
    }


def test_readme_says_that_colour_alone_is_neither_hopeless_nor_enough() -> None:
    lines = (HYBRID / "README.md").read_text(encoding="utf-8").splitlines()
    said = [line.split("|")[3] for line in lines if line.startswith("| colour histogram, RGB |")]
    assert len(said) == len(TESTS)
    assert all(0.2 <= float(number) <= 0.5 for number in said)


@pytest.mark.slow
def test_colour_alone_is_neither_hopeless_nor_enough() -> None:
    values = baselines.evaluate(HYBRID, baselines.histogram_scores(HYBRID, "RGB"))
    for one in values.values():
        assert 0.2 <= one["challenge_score"] <= 0.5


def test_readme_counts_are_those_of_the_tables() -> None:
    text = (HYBRID / "README.md").read_text(encoding="utf-8")
    assert filled(text, "counts", baselines.counts_table()) == text
