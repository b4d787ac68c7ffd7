"""Importing AnimalCLEF and folders of individuals, and the way back to Kaggle's CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PIL import Image

from training.common.errors import DataError
from training.reid.database import read_database
from training.reid.import_animalclef import main, read_individuals, read_kaggle

ROOT = Path(__file__).parents[3]
LION = ROOT.parent / "shared" / "data" / "lion"


HEADER = "image_id,identity,path,date,orientation,species,split,dataset"
LYNX = "images/LynxID2025"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def image(path: Path, shade: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6), (shade, 0, 0)).save(path)


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    """Rows as in the competition: NaN for a query's identity, both ways of writing the top."""
    folder = tmp_path / "animal-clef-2025"
    lines = [
        f"0,LynxID2025_lynx_37,{LYNX}/database/000f.jpg,,right,lynx,database,LynxID2025",
        f"1,,{LYNX}/query/00aa.jpg,2023-04-01,left,lynx,query,LynxID2025",
        "2,SalamanderID2025_250,images/SalamanderID2025/database/images/c.jpg,2016-06-10,above,"
        "salamander,database,SalamanderID2025",
        "3,NaN,images/SeaTurtleID2022/query/d.JPG,,below,loggerhead turtle,query,SeaTurtleID2022",
    ]
    for number, line in enumerate(lines):
        image(folder / line.split(",")[2], number)
    (folder / "metadata.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def imported(kaggle: Path, tmp_path: Path) -> Path:
    out = tmp_path / "imported"
    assert main(["kaggle", str(kaggle), "--out", str(out)]) == 0
    return out


def test_kaggle_becomes_a_database_and_flat_queries(imported: Path) -> None:
    database = read_database(imported / "train")
    assert database.identity.tolist() == ["LynxID2025_lynx_37", "SalamanderID2025_250"]
    assert database.orientation.tolist() == ["right", "top"]
    assert [path.relative_to(imported / "train").as_posix() for path in database.paths] == [
        f"{LYNX}/database/000f.jpg",
        "images/SalamanderID2025/database/images/c.jpg",
    ]
    queries = rows(imported / "query" / "metadata.csv")
    assert [tuple(row.values()) for row in queries] == [
        ("1.jpg", "LynxID2025", "2023-04-01", "left", "lynx"),
        ("3.jpg", "SeaTurtleID2022", "", "down", "loggerhead turtle"),
    ]
    with Image.open(imported / "query" / "3.jpg") as image:
        assert image.size == (8, 6)


def test_the_competition_folder_can_also_be_read_as_it_is(kaggle: Path) -> None:
    assert read_database(kaggle).image_id.tolist() == ["0", "2"]


def test_a_stopped_import_given_again_is_whole(kaggle: Path, imported: Path) -> None:
    def listing() -> dict[str, bytes]:
        files = [path for path in imported.rglob("*") if path.is_file()]
        return {path.name: path.read_bytes() for path in files}

    before = listing()
    (imported / "query" / "metadata.csv").unlink()
    (imported / "query" / "3.jpg").unlink()
    (imported / "query" / "1.jpg").write_bytes(b"half")
    assert main(["kaggle", str(kaggle), "--out", str(imported)]) == 0
    assert listing() == before


def test_links_are_links(kaggle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kaggle", str(kaggle), "--out", str(tmp_path / "o"), "--link"]) == 0
    placed = list((tmp_path / "o").rglob("*.jpg"))
    assert len(placed) == 4
    assert all(path.is_symlink() for path in placed)
    assert "images linked to" in capsys.readouterr().out


def test_all_that_is_wrong_with_kaggles_table_is_said(kaggle: Path) -> None:
    table = kaggle / "metadata.csv"
    table.write_text(
        table.read_text(encoding="utf-8")
        + "0,x,images/none.jpg,,,,database,LynxID2025\n"
        + f"a/b,,{LYNX}/database/000f.jpg,,,,database,\n"
        + "6,new_individual,/etc/hosts,,,,test,LynxID2025\n",
        encoding="utf-8",
    )
    with pytest.raises(DataError) as caught:
        read_kaggle(kaggle)
    for part in (
        "image_id '0' is listed 2 times",
        "image 'images/none.jpg' is not in",
        "image_id 'a/b', expected letters",
        "line 7: an image of the database without identity",
        "image_id a/b: no dataset",
        f"path '{LYNX}/database/000f.jpg' is listed 2 times",
        "line 8: split is 'test'",
        "identity 'new_individual'",
        "path '/etc/hosts', expected one below",
    ):
        assert part in str(caught.value), part


def test_columns_that_are_missing_are_named(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("image_id,path\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"columns \['identity', 'date', .* are missing"):
        read_kaggle(tmp_path)


# Folders of individuals.


def test_folders_name_individuals(tmp_path: Path) -> None:
    for shade, name in enumerate(("Ada/1.jpg", "Ada/deep/2.jpg", "Bo/1.png")):
        image(tmp_path / "in" / name, shade)
    out = tmp_path / "out"
    assert main(["individuals", str(tmp_path / "in"), "--dataset", "lynx", "--out", str(out)]) == 0
    database = read_database(out / "train")
    assert database.identity.tolist() == ["lynx_Ada", "lynx_Ada", "lynx_Bo"]
    assert database.dataset.tolist() == ["lynx"] * 3
    assert (out / "train/images/lynx/Ada/deep/2.jpg").is_file()


def test_a_image_outside_every_individuals_folder_is_named(tmp_path: Path) -> None:
    image(tmp_path / "loose.jpg")
    with pytest.raises(DataError, match=r"loose\.jpg: no identity"):
        read_individuals(tmp_path, "lynx", None, None, "orientation")


def test_names_tell_identity_and_orientation(tmp_path: Path) -> None:
    image(tmp_path / "Ada_left_face.jpg")
    pattern = "(?P<identity>[^_]+)_(?P<orientation>.+)"
    (row,) = read_individuals(tmp_path, "lion", pattern, None, "orientation")
    assert (row["identity"], row["orientation"]) == ("lion_Ada", "left_face")
    image(tmp_path / "Bo.jpg")
    with pytest.raises(DataError, match=r"Bo\.jpg: the name 'Bo' does not match"):
        read_individuals(tmp_path, "lion", pattern, None, "orientation")


@pytest.mark.parametrize("pattern", ["(?P<name>.+)", "(?P<identity>"])
def test_a_pattern_without_identity_is_wrong_usage(pattern: str, tmp_path: Path) -> None:
    arguments = ["--dataset", "x", "--out", str(tmp_path / "o"), "--name-pattern", pattern]
    with pytest.raises(SystemExit) as caught:
        main(["individuals", str(tmp_path), *arguments])
    assert caught.value.code == 2


def test_a_table_tells_identity_and_orientation(tmp_path: Path) -> None:
    image(tmp_path / "images" / "p.jpg")
    (tmp_path / "labels.csv").write_text("filename,identity,part\np.jpg,Ada,nose\n")
    (row,) = read_individuals(tmp_path, "lion", None, "labels.csv", "part")
    assert (row["path"], row["identity"], row["orientation"]) == (
        "images/p.jpg",
        "lion_Ada",
        "nose",
    )
    with pytest.raises(DataError, match=r"columns \['side'\] are missing"):
        read_individuals(tmp_path, "lion", None, "labels.csv", "side")


def test_real_lions_become_a_database(tmp_path: Path) -> None:
    if not LION.is_dir():
        pytest.skip("the lion images are not next to the repository")
    arguments = ["--table", "labels.csv", "--orientation-column", "part", "--link"]
    out = ["--dataset", "lion", "--out", str(tmp_path / "o")]
    assert main(["individuals", str(LION), *arguments, *out]) == 0
    database = read_database(tmp_path / "o" / "train")
    assert len(database) == 594
    assert len(set(database.identity.tolist())) == 75


# The way back.


def submit(imported: Path, tmp_path: Path, predictions: str, sample: str) -> int:
    (tmp_path / "predictions.txt").write_text(predictions, encoding="utf-8")
    (tmp_path / "sample.csv").write_text(sample, encoding="utf-8")
    paths = {
        "predictions": tmp_path / "predictions.txt",
        "query": imported / "query",
        "sample": tmp_path / "sample.csv",
        "out": tmp_path / "submission.csv",
    }
    return main(["export", *(word for k, v in paths.items() for word in (f"--{k}", str(v)))])


SAMPLE = "image_id,identity\n3,SeaTurtleID2022_t103\n1,new_individual\n"


def test_the_submission_has_the_samples_order(imported: Path, tmp_path: Path) -> None:
    answers = "1.jpg,LynxID2025_lynx_37\n3.jpg,new_individual\n"
    assert submit(imported, tmp_path, answers, SAMPLE) == 0
    assert (tmp_path / "submission.csv").read_text(encoding="utf-8") == (
        "image_id,identity\n3,new_individual\n1,LynxID2025_lynx_37\n"
    )


def test_all_that_kaggle_would_refuse_is_said_at_once(
    imported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = "1.jpg,SalamanderID2025_250\n1.jpg,new_individual\n9.jpg,new_individual\n"
    assert submit(imported, tmp_path, answers, SAMPLE) == 1
    said = capsys.readouterr().err
    for part in (
        "5 problem(s)",
        "image_id 3 has no prediction",
        "image_id 1 has 2 predictions",
        "image_id 9 is not in the sample",
        "image_id 1: label 'SalamanderID2025_250', expected new_individual or one of LynxID2025_",
    ):
        assert part in said, part
    assert not (tmp_path / "submission.csv").exists()


@pytest.mark.parametrize(
    ("answers", "sample", "said"),
    [
        ("1.jpg\n3.jpg,new_individual\n", SAMPLE, "not so on 1"),
        ("1.jpg,new_individual\n", "id\n1\n", "column 'image_id' is missing"),
    ],
)
def test_tables_of_another_form_are_refused(
    imported: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    answers: str,
    sample: str,
    said: str,
) -> None:
    assert submit(imported, tmp_path, answers, sample) == 1
    assert said in capsys.readouterr().err
