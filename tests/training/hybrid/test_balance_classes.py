"""Class balancing: enough images of every class, and no copy in the validation part."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.hybrid import balance_classes

ROOT = Path(__file__).parents[3]


def row_of(name: str, stat: str, subspecies: str, specimen: str) -> dict[str, str]:
    values = (name, stat, subspecies, specimen)
    return dict(zip(("filename", "hybrid_stat", "subspecies", "specimen"), values, strict=True))


ROWS = [
    *(row_of(f"e{n}.jpg", "non-hybrid", "erato", f"E{n // 2}") for n in range(12)),
    *(row_of(f"n{n}.png", "non-hybrid", "notabilis", f"N{n // 2}") for n in range(6)),
    *(row_of(f"h{n}.jpg", "hybrid", "", f"H{n}") for n in range(4)),
    row_of("one.png", "non-hybrid", "venus", "V0"),
]


def make_data(folder: Path, rows: list[dict[str, str]] = ROWS) -> Path:
    """A table and images; each image has a colour of its own."""
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(4)
    for row in rows:
        pixels = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
        Image.fromarray(pixels).resize((80, 60)).save(folder / "images" / row["filename"])
    with (folder / "train.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def balance(data: Path, out: Path, *extra: str) -> int:
    command = ["--data", str(data), "--out", str(out), "--fewest", "10", "--size", "32"]
    return balance_classes.main([*command, *extra])


def table(out: Path) -> list[dict[str, str]]:
    with (out / "train.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_data(tmp_path / "data")


def test_every_class_has_at_least_n_training_images(data: Path, tmp_path: Path) -> None:
    assert balance(data, tmp_path / "out") == 0
    rows = table(tmp_path / "out")
    training = Counter(row["class"] for row in rows if row["part"] == "training")
    assert training == {"erato": 10, "notabilis": 10, "hybrid": 10, "venus": 10}
    for row in rows:
        with Image.open(tmp_path / "out" / "images" / row["filename"]) as image:
            assert (image.size, image.mode) == ((32, 32), "RGB")


def test_a_class_that_has_enough_gets_no_copies(data: Path, tmp_path: Path) -> None:
    assert balance(data, tmp_path / "out", "--fewest", "3") == 0
    copies = Counter(row["class"] for row in table(tmp_path / "out") if row["synthetic"] == "1")
    assert copies == {"venus": 2}


def test_no_copy_leaks_into_the_validation_part(data: Path, tmp_path: Path) -> None:
    assert balance(data, tmp_path / "out", "--validation-share", "0.4") == 0
    rows = table(tmp_path / "out")
    training = [row for row in rows if row["part"] == "training"]
    validation = [row for row in rows if row["part"] == "validation"]
    assert len(validation) >= 6
    assert len(training) + len(validation) == len(rows)
    assert {row["synthetic"] for row in validation} == {"0"}
    assert not {row["specimen"] for row in training} & {row["specimen"] for row in validation}
    assert not {row["source"] for row in training} & {row["source"] for row in validation}
    # Not only by the table: no training image has the pixels of a validation image.
    pixels = files(tmp_path / "out" / "images")
    assert not {pixels[r["filename"]] for r in training} & {
        pixels[r["filename"]] for r in validation
    }


@pytest.mark.parametrize(("column", "unit"), [(None, "source"), ("CAMID", "CAMID")])
def test_the_split_is_by_the_camid_or_where_no_specimen_is_named_by_image(
    tmp_path: Path, column: str | None, unit: str
) -> None:
    renamed = [{(column if k == "specimen" else k): v for k, v in row.items()} for row in ROWS]
    rows = [{k: v for k, v in row.items() if k is not None} for row in renamed]
    data = make_data(tmp_path / "data", rows)
    assert balance(data, tmp_path / "out") == 0
    result = table(tmp_path / "out")
    parts = {
        part: {r[unit] for r in result if r["part"] == part} for part in ("training", "validation")
    }
    assert parts["validation"]
    assert not parts["training"] & parts["validation"]


def test_the_table_tells_synthetic_from_real_and_of_which_image(data: Path, tmp_path: Path) -> None:
    assert balance(data, tmp_path / "out") == 0
    rows = table(tmp_path / "out")
    originals = {row["filename"] for row in ROWS}
    assert {row["source"] for row in rows if row["synthetic"] == "0"} == originals
    copies = [row for row in rows if row["synthetic"] == "1"]
    assert copies
    for row in copies:
        assert row["source"] in originals
        assert row["filename"].startswith(Path(row["source"]).stem + "_copy")
        source = next(original for original in ROWS if original["filename"] == row["source"])
        assert (row["subspecies"], row["specimen"]) == (source["subspecies"], source["specimen"])
    assert (
        max(Counter(row["source"] for row in copies if row["class"] == "notabilis").values()) <= 2
    )


def test_copies_differ_from_their_source_and_from_each_other(data: Path, tmp_path: Path) -> None:
    assert balance(data, tmp_path / "out", "--fewest", "30") == 0
    of_one = [row["filename"] for row in table(tmp_path / "out") if row["class"] == "venus"]
    pixels = files(tmp_path / "out" / "images")
    assert len(of_one) == 30
    assert len({pixels[name] for name in of_one}) >= 28  # rarely, chance leaves two alike


def test_the_same_seed_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    for out in ("a", "b"):
        assert balance(data, tmp_path / out) == 0
    assert balance(data, tmp_path / "other", "--seed", "1") == 0
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a") != files(tmp_path / "other")


def test_a_rerun_resumes_with_the_missing_images(data: Path, tmp_path: Path) -> None:
    assert balance(data, tmp_path / "out") == 0
    whole = files(tmp_path / "out")
    written = sorted((tmp_path / "out" / "images").iterdir())
    for path in [*written[::2], tmp_path / "out" / "train.csv"]:
        path.unlink()
    kept = written[1].stat().st_mtime_ns
    assert balance(data, tmp_path / "out") == 0
    assert files(tmp_path / "out") == whole
    assert written[1].stat().st_mtime_ns == kept


def test_other_settings_never_mix_in_one_folder(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert balance(data, tmp_path / "out") == 0
    assert balance(data, tmp_path / "out", "--seed", "1") == 1
    assert "holds the output of other settings" in capsys.readouterr().err


def test_a_class_of_one_image_stays_in_training_and_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert balance(data, tmp_path / "out") == 0
    expected = (
        "class venus: 1 to train + 9 copies, 0 to validate; "
        "only one specimen, so no validation images"
    )
    assert expected in capsys.readouterr().out.splitlines()


def test_all_bad_rows_are_named_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        *ROWS,
        row_of("x.png", "maybe", "erato", "X"),
        row_of("y.png", "non-hybrid", "", "Y"),
        row_of("gone.png", "hybrid", "", "G"),
        row_of("z.png", "non-hybrid", "erato", "N0"),
        row_of("one.jpg", "non-hybrid", "venus", "V1"),
    ]
    data = make_data(tmp_path / "data", rows)
    (data / "images" / "gone.png").unlink()
    assert balance(data, tmp_path / "out") == 1
    message = capsys.readouterr().err
    assert "5 problem(s), nothing was written" in message
    for part in (
        "hybrid_stat 'maybe' without a class (x.png)",
        "hybrid_stat 'non-hybrid' without a class (y.png)",
        "image 'gone.png' is not in",
        "specimen 'N0' is in several classes: erato, notabilis",
        "images 'one': 2 rows would be written under one name",
    ):
        assert part in message
    assert not (tmp_path / "out").exists()


def test_unreadable_originals_are_named_and_no_table_is_written(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("e0.jpg", "n0.png"):
        (data / "images" / name).write_bytes(b"no image")
    assert balance(data, tmp_path / "out") == 1
    message = capsys.readouterr().err
    assert "e0.jpg cannot be read" in message
    assert "n0.png cannot be read" in message
    assert not (tmp_path / "out" / "train.csv").exists()


def test_a_table_without_its_columns_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.csv").write_text("filename,synthetic\na.png,0\n")
    assert balance(tmp_path, tmp_path / "out") == 1
    message = capsys.readouterr().err
    assert "columns ['hybrid_stat', 'subspecies'] are missing" in message
    assert "['synthetic'] are not to be there yet" in message
    assert balance(tmp_path / "nowhere", tmp_path / "out") == 1
    assert "train.csv is missing" in capsys.readouterr().err
