"""Importing tables of rare species and folders by class."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.support.families import TAXONOMY, speckled
from training.family.collection import read_collection
from training.family.import_rare_species import main

COLUMNS = ("rarespecies_id", "eol_content_id", "kingdom", "phylum", "class", "order", "family",
           "genus", "species", "sciName", "common", "file_name")  # fmt: skip


def write_source(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    """Write rare_species.csv of (file name, family, phylum)."""
    with (folder / "rare_species.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="x")
        writer.writeheader()
        for name, family, phylum in rows:
            writer.writerow({"file_name": name, "family": family, "phylum": phylum})
    return folder / "rare_species.csv"


def test_a_table_becomes_a_training_folder(tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    rows = []
    for place, (family, phylum) in enumerate(TAXONOMY.items()):
        for number in range(2):
            name = f"{place}_{number}.jpg"
            speckled(place * 2 + number).save(tmp_path / "in/deep" / name)
            rows.append((name, family, phylum))
    table = write_source(tmp_path / "in", rows)
    assert main(["table", str(table), "--out", str(tmp_path / "out")]) == 0
    found = read_collection(tmp_path / "out")
    assert found.taxonomy == TAXONOMY
    assert len(found) == 6
    head = (tmp_path / "out/train.csv").read_text(encoding="utf-8").splitlines()[0]
    assert head == "filename,family,phylum,rarespecies_id,eol_content_id,sciName,common"


def test_all_that_is_wrong_with_a_table_is_said_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    speckled(0).save(tmp_path / "a.jpg")
    rows = [
        ("a.jpg", "Apidae", ""),
        ("gone.jpg", "", "Mollusca"),
        ("a.jpg", "Apidae", "Arthropoda"),
    ]
    assert main(["table", str(write_source(tmp_path, rows)), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    for text in ("4 problem(s)", "line 2: phylum is empty", "line 3: family is empty",
                 "line 3: image 'gone.jpg' is not in", "image 'a.jpg' is in 2 rows"):  # fmt: skip
        assert text in said
    assert not (tmp_path / "out").exists()


def test_folders_by_class_need_a_taxonomy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for family in ("Apidae", "Bufonidae"):
        (tmp_path / "in" / family).mkdir(parents=True)
        for number in range(2):
            speckled(number).save(tmp_path / "in" / family / f"{number}.png")
    taxonomy = tmp_path / "families.csv"
    taxonomy.write_text("family,phylum\nApidae,Arthropoda\n", encoding="utf-8")
    command = ["folders", str(tmp_path / "in"), "--taxonomy", str(taxonomy)]
    command += ["--out", str(tmp_path / "out")]
    assert main(command) == 1
    assert "family 'Bufonidae' is not in the taxonomy" in capsys.readouterr().err
    taxonomy.write_text("family,phylum\nApidae,Arthropoda\nBufonidae,Chordata\n", encoding="utf-8")
    assert main(command) == 0
    assert len(read_collection(tmp_path / "out")) == 4
