"""`kit report`: which runs it takes, what it refuses, and that the page holds all it shows."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from kit.reporting.sources import Images
from kit.reporting.standing import ranked
from kit.reporting.thumbnails import Thumbnails, room_beside, thumbnail
from kit.separable import groups
from tests.support.kit import ROOT, Kit, make_submission, write_tree, zipped
from tests.support.reports import LIGHT, make_run, stored_predictions, write_timing

HYBRID = stored_predictions(LIGHT["hybrid"])
TIMING = {"load_s": 1.25, "model_median_ms": 3.5, "model_p95_ms": 7.75}


def words_of(page: str) -> str:
    """The text of a page, without its style, script and tags."""
    text = re.sub("<(style|script).*?</(style|script)>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", text)).replace("\N{NO-BREAK SPACE}", " ")


def test_the_last_run_of_a_submission_is_reported(kit: Kit, in_empty_folder: Path) -> None:
    make_run(Path("runs/1-old"), "hybrid", stored_predictions("constant"), submission="mine")
    folder = make_run(Path("runs/2-new"), "hybrid", HYBRID, submission="mine")
    write_timing(folder, TIMING)
    answer = kit("report", "mine", "--json")
    assert answer.status == 0, answer.text
    page = folder / "kit-report.html"
    assert answer.json == {
        "format": 1,
        "report": str(page.absolute()),
        "bytes": page.stat().st_size,
        "runs": [str(folder.absolute())],
    }
    text = words_of(page.read_text(encoding="utf-8"))
    stored = json.loads((ROOT / "tests/scores/wing_pattern_sgd/development.json").read_text())
    shown = text.split("challenge_score", 1)[1].split()
    assert shown[0] == f"{stored['scores']['challenge_score']:.4f}"
    assert re.fullmatch(r"0\.\d{4}\N{EN DASH}0\.\d{4}", shown[1])
    assert "By subspecies_ref" in text
    assert "50.0 ms for each of 240 images" in text
    assert "Loading took 1.25 s. The model itself took 3.5 ms for a median image and 7.8 ms" in text
    assert "Commit 0123456789, changed since" in text


RAW_PIXELS = """
class Model:
    def load(self):
        self.names = ["Anatidae", "Cervidae", "Apidae"]

    def predict(self, image):
        return self.predict_batch([self.preprocess(image)])[0]

    def preprocess(self, image):
        return list(image.convert("RGB").resize((1, 1)).getpixel((0, 0)))

    def predict_batch(self, pixels):
        return [ranked[0][0] for ranked in self.explain_batch(pixels)]

    def explain_batch(self, pixels):
        return [
            sorted(zip(self.names, [v / (sum(p) + 1) for v in p]), key=lambda pair: -pair[1])
            for p in pixels
        ]
"""


def family_bundle(folder: Path, images: int) -> Path:
    """The sample bundle of the family track with the first images of its development task."""
    source, task = ROOT / "sample_data/family", "reference_data/development/ref.csv"
    rows = (source / task).read_text(encoding="utf-8").splitlines()[: images + 1]
    files: dict[str, str | bytes] = {task: "\n".join(rows) + "\n"}
    for name in (row.split(",")[0] for row in rows[1:]):
        inside = f"input_data/development/{name}"
        files[inside] = (source / inside).read_bytes()
    for name in ("competition.yaml", "logo.png", "train/train.csv"):
        files[name] = (source / name).read_bytes()
    write_tree(folder, files)
    for name in ("ingestion_program", "scoring_program", "pages", "train/images"):
        (folder / name).symlink_to((source / name).resolve())
    return folder


@pytest.mark.process
def test_a_run_leaves_what_its_report_needs(kit: Kit, tmp_path: Path) -> None:
    bundle = family_bundle(tmp_path / "few", 12)
    entry = make_submission(
        tmp_path / "raw_pixels", RAW_PIXELS, metadata="description: pixels\ntrack: family\n"
    )
    answer = kit("run", entry, "--bundle", bundle)
    assert answer.status == 0, answer.text
    assert kit("report", "raw_pixels", "--out", "page.html").status == 0
    page = Path("page.html").read_text(encoding="utf-8")
    text = words_of(page)
    assert "The model itself took" in text
    assert "Expected calibration error" in text
    data = json.loads(re.findall('id="data">(.*?)</script>', page, re.DOTALL)[0])
    item = data["gallery"]["items"][0]
    assert item["picture"].startswith("data:image/")
    assert {role for _, role, _ in item["others"]} == {"answer", "candidate", "truth"}
    assert "Apidae" in data["known"]


@pytest.mark.parametrize("track", LIGHT)
def test_the_page_of_each_track_needs_nothing_from_outside(
    kit: Kit, in_empty_folder: Path, track: str
) -> None:
    make_run(Path("runs/one"), track, stored_predictions(LIGHT[track]))
    answer = kit("report", "one", "--out", "page.html")
    assert answer.status == 0, answer.text
    page = Path("page.html").read_text(encoding="utf-8")
    assert len(page.encode()) < 3_000_000
    for outside in ("http:", "https:", "<link", "@import", "url(", " src="):
        assert outside not in re.sub("<script>.*</script>", "", page, flags=re.DOTALL)
    data = json.loads(re.findall('id="data">(.*?)</script>', page, re.DOTALL)[0])
    pictures = [*data.get("pictures", {}).values(), *data.get("known", {}).values()]
    pictures += [item["picture"] for item in data["gallery"]["items"] if item.get("picture")]
    assert len(pictures) > 20
    assert all(one.startswith("data:image/") for one in pictures)


def test_several_runs_are_compared(kit: Kit, in_empty_folder: Path) -> None:
    make_run(Path("runs/1"), "hybrid", HYBRID, submission="good")
    make_run(Path("runs/2"), "hybrid", stored_predictions("constant"), submission="bad")
    answer = kit("report", "bad", "good")
    assert answer.status == 0, answer.text
    assert Path("runs/comparison.html").is_file()
    text = words_of(Path("runs/comparison.html").read_text(encoding="utf-8"))
    assert "Comparison: bad, good" in text
    standing = text.split("Scores, the best first", 1)[1]
    assert standing.index("good") < standing.index("bad")
    assert "All of them are separable." in text
    assert "good \N{MINUS SIGN} bad" in text


def test_runs_of_one_submission_go_by_their_folders(kit: Kit, in_empty_folder: Path) -> None:
    for name in ("first", "second"):
        make_run(Path("runs", name), "hybrid", HYBRID, submission="mine")
    assert kit("report", "first", "runs/second", "--out", "page.html").status == 0
    text = words_of(Path("page.html").read_text(encoding="utf-8"))
    assert "Comparison: first, second" in text
    assert "Noise alone may explain the order within each bar: first, second." in text


def test_runs_of_other_data_are_not_compared(kit: Kit, in_empty_folder: Path) -> None:
    make_run(Path("runs/butterflies"), "hybrid", HYBRID)
    make_run(Path("runs/families"), "family", stored_predictions("constant_family"))
    answer = kit("report", "butterflies", "families")
    assert answer.status == 1
    assert "were not scored with the same reference data" in answer.text
    assert "families: Which family? (sample), task Development" in answer.text


def test_what_was_never_run_is_a_usage_error(kit: Kit, in_empty_folder: Path) -> None:
    make_run(Path("runs/one"), "hybrid", HYBRID, submission="mine")
    answer = kit("report", "nobody")
    assert answer.status == 2
    assert "nobody: expected a run" in answer.text
    assert "Submissions with runs here: mine" in answer.text


def test_a_failed_run_is_refused_with_its_reason(kit: Kit, in_empty_folder: Path) -> None:
    make_run(Path("runs/one"), "hybrid", HYBRID, ok=False, failure="the model raised")
    answer = kit("report", "one")
    assert answer.status == 1
    assert "the run has no scores to report: the model raised" in answer.text


def copy_of_bundle(target: Path, *left_out: str) -> Path:
    """The sample bundle of the anomaly track, without some of its folders."""
    source = ROOT / "sample_data/anomaly"
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("final", "train", *left_out))
    return target


def test_a_bundle_that_moved_is_named_with_an_option(kit: Kit, in_empty_folder: Path) -> None:
    bundle = copy_of_bundle(in_empty_folder / "here")
    predictions = stored_predictions("constant_anomaly")
    make_run(Path("runs/one"), "anomaly", predictions, bundle=bundle)
    bundle.rename("there")
    refused = kit("report", "one")
    assert refused.status == 2
    assert "name the bundle with --bundle" in refused.text
    assert kit("report", "one", "--bundle", "there").status == 0


def test_reference_data_that_changed_are_refused(kit: Kit, in_empty_folder: Path) -> None:
    bundle = copy_of_bundle(in_empty_folder / "here")
    predictions = stored_predictions("constant_anomaly")
    make_run(Path("runs/one"), "anomaly", predictions, bundle=bundle)
    with (bundle / "reference_data/development/ref.csv").open("a") as table:
        table.write("new.jpg,1,wolf,camera,sequence\n")
    answer = kit("report", "one")
    assert answer.status == 1
    assert "the reference data have changed since the run one" in answer.text
    assert not Path("runs/one/kit-report.html").exists()


def test_without_images_the_report_says_so(kit: Kit, in_empty_folder: Path) -> None:
    bundle = copy_of_bundle(in_empty_folder / "here", "input_data")
    predictions = stored_predictions("constant_anomaly")
    make_run(Path("runs/one"), "anomaly", predictions, bundle=bundle)
    assert kit("report", "one").status == 0
    page = Path("runs/one/kit-report.html").read_text(encoding="utf-8")
    assert "The images of this task are not at hand" in page
    assert "data:image" not in page


def test_names_from_outside_stay_text(kit: Kit, in_empty_folder: Path) -> None:
    evil = "</script><b>\x1b[2J\u202e"
    bundle = copy_of_bundle(in_empty_folder / "here", "input_data")
    table = bundle / "reference_data/development/ref.csv"
    rows = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([rows[0], *(f"{evil}{row}" for row in rows[1:])]) + "\n")
    lines = stored_predictions("constant_anomaly").read_text(encoding="utf-8").splitlines()
    given = in_empty_folder / "given.txt"
    given.write_text("".join(f"{evil}{line}\n" for line in lines), encoding="utf-8")
    make_run(Path("runs/one"), "anomaly", given, bundle=bundle, submission=evil)
    answer = kit("report", "one")
    assert answer.status == 0, answer.text
    page = Path("runs/one/kit-report.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    assert page.count("</script>") == 2
    assert not re.search("[\x1b\u202e]", page)
    assert r"\\x1b" in page


def test_what_the_bundles_program_scored_otherwise_is_told(kit: Kit, in_empty_folder: Path) -> None:
    make_run(Path("runs/one"), "hybrid", HYBRID, scores={"challenge_score": 0.5})
    assert kit("report", "one").status == 0
    text = words_of(Path("runs/one/kit-report.html").read_text(encoding="utf-8"))
    assert "challenge_score: 0.500000 in the run, 0.880330 here" in text


def test_a_bundle_of_no_known_track_is_refused(
    kit: Kit, bundle: Path, in_empty_folder: Path
) -> None:
    given = in_empty_folder / "given.txt"
    given.write_text("".join(f"{number}.png,0.5\n" for number in range(4)))
    make_run(Path("runs/one"), "hybrid", given, bundle=bundle)
    answer = kit("report", "one")
    assert answer.status == 1
    assert "found a metric of its own (challenge_score, accuracy)" in answer.text
    assert "detailed_results.html in the run's folder" in answer.text


def test_images_may_be_in_a_zip(kit: Kit, in_empty_folder: Path) -> None:
    bundle = copy_of_bundle(in_empty_folder / "here")
    images = bundle / "input_data/development"
    zipped(images)
    shutil.rmtree(images)
    listed = bundle / "competition.yaml"
    named = listed.read_text(encoding="utf-8")
    listed.write_text(named.replace("input_data/development", "input_data/development.zip"))
    make_run(Path("runs/one"), "anomaly", stored_predictions("constant_anomaly"), bundle=bundle)
    assert kit("report", "one").status == 0
    page = Path("runs/one/kit-report.html").read_text(encoding="utf-8")
    assert page.count("data:image") == 160
    assert "not at hand" not in page


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/hostname", "missing.jpg"])
def test_no_file_outside_the_images_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "images").mkdir()
    assert Images(folder=tmp_path / "images").read(name) is None
    assert not Images().at_hand


def test_thumbnails_end_where_the_room_ends() -> None:
    content = (ROOT / "sample_data/anomaly/logo.png").read_bytes()
    address = thumbnail(content)
    assert address is not None
    assert address.startswith("data:image/")
    assert thumbnail(b"no image") is None

    class Always:
        def read(self, name: str) -> bytes:
            return content

    made = Thumbnails(most_bytes=2 * len(address)).of(Always(), ["a", "b", "c"])  # type: ignore[arg-type]
    assert list(made) == ["a", "b"]


def test_much_data_leaves_less_room_for_thumbnails() -> None:
    assert room_beside({}) == 1_900_000
    names = ["x" * 90] * 20_000
    assert 0 < room_beside(names) < 600_000
    assert room_beside(names * 2) == 0


def pair(first: int, second: int, low: float, high: float) -> dict[str, float]:
    return {"first": first, "second": second, "all_low": low, "all_high": high}


def test_groups_join_what_no_pair_of_which_is_separable() -> None:
    order = [0, 1, 2]
    ends = pair(0, 2, -0.3, -0.1)
    near = [pair(0, 1, -0.2, 0.1), pair(1, 2, -0.2, 0.1)]
    assert groups(order, [*near, ends]) == [(0, 1), (1, 2)]
    assert groups(order, [*near, pair(0, 2, -0.3, 0.1)]) == [(0, 2)]
    assert groups(order, [pair(0, 1, -0.2, -0.1), pair(1, 2, -0.2, -0.1), ends]) == []


def test_the_smallest_score_is_best_where_the_board_says_so() -> None:
    scores = [
        [{"key": "k", "value": value, "low": None, "high": None}] for value in (0.3, None, 0.1)
    ]
    assert [place.run for place in ranked("k", scores, ascending=True)] == [2, 0, 1]
    assert [place.run for place in ranked("k", scores, ascending=False)] == [0, 2, 1]
