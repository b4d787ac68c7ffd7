"""Known and new individuals: what a split must never do, and what the command writes."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.kit import Kit, make_submission
from training.common.errors import DataError
from training.reid.database import Database, read_database
from training.reid.look_alikes import look_alikes
from training.reid.split import Split, main, open_set_split, report, time_split
from training.reid.split_bundle import INPUT, QUERIES, TRUTH


def database(rows: list[tuple[str, str, str]]) -> Database:
    """Of (identity, dataset, date); no images on disk."""
    columns = [np.array(column, dtype=np.str_) for column in zip(*rows, strict=True)]
    identity, dataset, days = columns
    numbers = np.array([f"{k:04d}" for k in range(len(rows))])
    paths = tuple(Path(f"{number}.jpg") for number in numbers)
    return Database(paths, numbers, identity, dataset, days, np.full(len(rows), ""))


def of_counts(*counts: int, dataset: str = "a") -> Database:
    return database(
        [(f"{dataset}_{k}", dataset, "") for k, n in enumerate(counts) for _ in range(n)]
    )


DATABASES = st.lists(st.integers(1, 7), min_size=1, max_size=12).flatmap(
    lambda counts: st.lists(
        st.sampled_from(["a", "b", "c"]), min_size=len(counts), max_size=len(counts)
    ).map(
        lambda sets: database(
            [
                (f"{name}_{k}", name, "")
                for k, (n, name) in enumerate(zip(counts, sets, strict=True))
                for _ in range(n)
            ]
        )
    )
)
SHARES = st.floats(0, 1)
TWINS = st.lists(st.lists(st.integers(0, 200), min_size=2, max_size=4), max_size=4)


def check_promises(data: Database, split: Split, twins: list[list[int]]) -> None:
    gallery = set(data.identity[split.gallery].tolist())
    assert not gallery & set(data.identity[split.new].tolist())
    assert set(data.identity[split.known].tolist()) <= gallery
    assert (split.gallery.astype(int) + split.known + split.new <= 1).all()
    for group in twins:
        assert not (split.gallery[group].any() and split.query[group].any())


@given(data=DATABASES, seed=st.integers(0, 99), new=SHARES, query=SHARES, drawn=TWINS)
def test_nothing_of_a_new_individual_is_on_the_training_side(
    data: Database, seed: int, new: float, query: float, drawn: list[list[int]]
) -> None:
    twins = [[row % len(data) for row in group] for group in drawn]
    split = open_set_split(data, seed, new, query, twins=twins)
    check_promises(data, split, twins)
    counts = Counter(data.identity.tolist())
    alone = np.array([counts[name] == 1 for name in data.identity.tolist()])
    assert split.gallery[alone].all()


DAYS = st.sampled_from(["", "2020-05-01", "2021-05-01", "2022-05-01T10:00:00"])
DATED = st.lists(
    st.tuples(st.sampled_from(["x", "y", "z"]), st.just("a"), DAYS), min_size=1
).filter(lambda rows: any(day for _, _, day in rows))


@given(rows=DATED)
def test_a_time_split_asks_only_for_later_images(rows: list[tuple[str, str, str]]) -> None:
    data = database(rows)
    split = time_split(data, date(2021, 5, 1))
    check_promises(data, split, [])
    late = np.array([day >= "2021-05-01" for _, _, day in rows])
    assert (split.query == late).all()
    seen = {name for name, _, day in rows if day and day < "2021-05-01"}
    assert not set(data.identity[split.new].tolist()) & seen


def test_shares_are_kept() -> None:
    data = of_counts(*[10] * 50)
    split = open_set_split(data, seed=0, new_share=0.2, query_share=0.3)
    assert len(set(data.identity[split.new].tolist())) == 10
    assert split.new.sum() == 100
    assert split.known.sum() == 40 * 3


def test_of_two_images_one_is_a_query_as_often_as_the_share_says() -> None:
    split = open_set_split(of_counts(*[2] * 2000), seed=0, new_share=0, query_share=0.2)
    assert split.known.sum() == pytest.approx(800, abs=80)


def test_the_seed_decides_and_the_order_of_the_rows_does_not() -> None:
    data = of_counts(5, 4, 3, 2, 6, 1, 7)
    order = np.random.default_rng(0).permutation(len(data))
    shuffled = Database(
        tuple(data.paths[k] for k in order),
        data.image_id[order],
        data.identity[order],
        data.dataset[order],
        data.date[order],
        data.orientation,
    )
    first, second = open_set_split(data, 1), open_set_split(shuffled, 1)
    assert (first.new[order] == second.new).all()
    assert (first.known[order] == second.known).all()
    assert any((first.query != open_set_split(data, seed).query).any() for seed in range(2, 6))


def test_a_validation_dataset_is_new_altogether() -> None:
    rows = [(f"{name}_{k}", name, "") for name in "ab" for k in range(5) for _ in range(4)]
    data = database(rows)
    split = open_set_split(data, 0, new_datasets=["b"])
    assert split.new[data.dataset == "b"].all()
    assert split.gallery[data.dataset == "a"].any()
    assert "this dataset scores 0" in "\n".join(report(data, split))


def test_shares_and_datasets_that_cannot_be_are_all_named() -> None:
    with pytest.raises(DataError) as caught:
        open_set_split(of_counts(2), 0, new_share=1.5, query_share=-1, new_datasets=["yeti"])
    for part in ("new_share", "query_share", "'yeti' is not in the database, which has a"):
        assert part in str(caught.value)


def test_dates_that_are_none_or_missing_are_named() -> None:
    with pytest.raises(DataError, match=r"image_id 0001: date 'soon', expected YYYY-MM-DD"):
        time_split(database([("x", "a", "2020-01-01"), ("x", "a", "soon")]), date(2021, 1, 1))
    with pytest.raises(DataError, match="no image has a date; split by identity instead"):
        time_split(of_counts(3), date(2021, 1, 1))


# Images that look alike.


def image(path: Path, seed: int, brighter: int = 0) -> Path:
    grey = np.random.default_rng(seed).integers(0, 200, (24, 24)).astype(np.uint8)
    large = Image.fromarray(grey + np.uint8(brighter)).resize((96, 96), Image.Resampling.BICUBIC)
    large.save(path)
    return path


def test_copies_and_bursts_look_alike_and_others_do_not(tmp_path: Path) -> None:
    paths = [image(tmp_path / f"{k}.png", seed=k) for k in range(5)]
    paths.append(image(tmp_path / "burst.png", seed=1, brighter=9))
    paths.append(tmp_path / "copy.png")
    paths[-1].write_bytes(paths[3].read_bytes())
    assert look_alikes(paths, bits=10) == [[1, 5], [3, 6]]
    assert look_alikes(paths[:5], bits=10) == []


def test_unreadable_images_are_all_named(tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        path.write_bytes(path.name.encode())
    with pytest.raises(DataError) as caught:
        look_alikes(paths, bits=10)
    assert "a.png cannot be read" in str(caught.value)
    assert "b.png cannot be read" in str(caught.value)


# The command.


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    lines = ["image_id,identity,path,date,orientation,species,split,dataset"]
    for k in range(24):
        image(folder / "images" / f"secret_{k}.png", seed=k)
        lines.append(f"{k},a_{k % 6},images/secret_{k}.png,2020-01-{k + 1:02d},top,newt,database,a")
    image(folder / "images" / "burst.png", seed=5, brighter=5)
    lines.append("24,a_5,images/burst.png,2020-02-01,top,newt,database,a")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_folder_is_complete_and_its_names_tell_nothing(
    data_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert main(["--data", str(data_folder), "--out", str(out)]) == 0
    gallery = read_database(out / "train")
    asked, answers = rows(out / QUERIES), rows(out / TRUTH)
    assert list(asked[0]) == ["filename", "dataset", "date", "orientation", "species"]
    assert list(answers[0]) == ["filename", "identity", "dataset", "new_identity"]
    names = [row["filename"] for row in asked]
    assert names == [f"{k:06d}.png" for k in range(len(asked))]
    assert names == [row["filename"] for row in answers]
    assert {path.name for path in (out / INPUT).iterdir()} == {*names, "metadata.csv"}
    known = set(gallery.identity.tolist())
    for row in answers:
        assert (row["identity"] in known) == (row["new_identity"] == "false")
    assert not [path for path in out.rglob("*") if path.suffix == ".part"]


def test_links_lead_to_the_images(data_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["--data", str(data_folder), "--out", str(out), "--link"]) == 0
    placed = [path for path in out.rglob("*.png") if path.name != "logo.png"]
    assert placed
    assert all(path.is_symlink() and path.read_bytes() for path in placed)


ASKS_FOR_METADATA = """
class Model:
    def load(self):
        pass

    def predict(self, image, metadata=None):
        return f"{metadata['dataset']}_0" if metadata else "new_individual"
"""


@pytest.mark.parametrize("link", [False, True])
def test_the_folder_is_a_bundle_that_shows_all_that_the_platform_shows(
    kit: Kit, data_folder: Path, tmp_path: Path, link: bool
) -> None:
    out = tmp_path / "out"
    assert main(["--data", str(data_folder), "--out", str(out), *["--link"] * link]) == 0
    files = {"metadata": "description: test\ntrack: reid\n"}
    asking = make_submission(tmp_path / "asking", ASKS_FOR_METADATA, **files)
    run = kit("run", asking, "--bundle", out, "--mode", "subprocess", "--json").json
    assert run["ok"], run
    assert not run["notes"]
    assert run["scores"]["BAKS"] > 0  # the row told the dataset
    checked = kit("check", out, "--json").json
    assert checked["ok"]
    assert [item for item in checked["findings"] if item["severity"] == "warning"] == []
    (out / QUERIES).unlink()
    run = kit("run", asking, "--bundle", out, "--mode", "subprocess", "--json").json
    assert run["notes"] == [
        "ingestion: the submission takes `metadata`, and the input holds no metadata.csv: every "
        "image is predicted without its row"
    ]


def test_a_stopped_command_given_again_makes_the_same_folder(
    data_folder: Path, tmp_path: Path
) -> None:
    whole, again = tmp_path / "whole", tmp_path / "again"
    for out in (whole, again):
        assert main(["--data", str(data_folder), "--out", str(out), "--seed", "3"]) == 0
    for path in (again / TRUTH, *sorted((again / INPUT).iterdir())[:2]):
        path.unlink()
    assert main(["--data", str(data_folder), "--out", str(again), "--seed", "3"]) == 0
    assert listing(again) == listing(whole)


def test_a_folder_of_other_settings_is_not_written_into(
    data_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["--data", str(data_folder), "--out", str(out)]) == 0
    before = listing(out)
    assert main(["--data", str(data_folder), "--out", str(out), "--seed", "9"]) == 1
    assert "other settings" in capsys.readouterr().err
    assert listing(out) == before


def test_a_burst_is_never_on_both_sides(data_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cut = ["--data", str(data_folder), "--out", str(out), "--after", "2020-01-20"]
    assert main(cut) == 0
    assert "24" not in read_database(out / "train").image_id.tolist()
    assert len(rows(out / TRUTH)) == 5  # six later images, one of them the burst


def test_two_kinds_of_split_at_once_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--data", "d", "--out", "o", "--after", "2020-01-01", "--hold-out-dataset", "a"])
    assert caught.value.code == 2
    assert "two kinds of split" in capsys.readouterr().err
