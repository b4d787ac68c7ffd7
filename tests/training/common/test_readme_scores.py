"""`training/common/readme_scores.py`: the block of a submission's README, for each track."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from training.common import (
    platform_scores,
    readme_scores,
    train_submission,
)
from training.common.errors import ScriptError
from training.common.readme_scores import (
    VIEWS,
    baseline_rows,
    main,
    published_rows,
    track_of,
    view_of,
)
from training.common.train_submission import DESCRIPTORS, SEEDED, script_of, takes
from wildlife_scoring.tracks import TRACKS

ROOT = Path(__file__).parents[3]
BASELINES = """
<!-- baselines:begin -->
| nearest by | task | score | BAKS | turtle |
|---|---|---|---|---|
| pixels, grey | final | 0.111 | 0.222 | 0.333 |
| SIFT | final | 0.444 | 0.555 | 0.666 |
| true pattern | final | 1.000 | 1.000 | 1.000 |
<!-- baselines:end -->
"""
TRAINING = """
import sys
from pathlib import Path
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert Path(arguments["--data"], "metadata.csv").is_file()
model = Path(arguments["--out"], "model.py")
model.write_text(model.read_text().replace("return NEW", "return metadata['dataset'] + '_1'"))
"""


def write_images(folder: Path, rows: list[tuple[str, str, str]]) -> None:
    """Write an image for each row (filename, identity, dataset)."""
    folder.mkdir(parents=True)
    for name, _, _ in rows:
        Image.new("RGB", (8, 8)).save(folder / name)


def write_table(path: Path, titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([titles, *rows])


REFERENCE = ("filename", "identity", "dataset", "new_identity")
ROWS = [("a.jpg", "cat_1", "cat"), ("b.jpg", "cat_7", "cat"), ("c.jpg", "owl_1", "owl")]
TRUTH = [(*line, str(line[1] == "cat_7")) for line in ROWS]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with `always_new`, two tasks of three images, and photographs next to it."""
    for name in ("ingestion_program", "scoring_program"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "submissions/always_new", tmp_path / "submissions/always_new")
    bundle = tmp_path / "sample_data/reid"
    for task in ("development", "final"):
        write_images(bundle / "input_data" / task, ROWS)
        write_table(bundle / "reference_data" / task / "ref.csv", REFERENCE, TRUTH)
    (bundle / "README.md").write_text(BASELINES, encoding="utf-8")
    photographs = tmp_path / "photographs"
    write_images(photographs / "dev/images", [*ROWS, ("unasked.jpg", "", "")])
    write_table(photographs / "dev/ref_dev.csv", REFERENCE, TRUTH)
    metadata = [(name, dataset) for name, _, dataset in ROWS]
    write_table(photographs / "dev/metadata.csv", ("filename", "dataset"), metadata)
    write_table(photographs / "train/metadata.csv", ("image_id",), [("1",)])
    for module in (readme_scores, train_submission, platform_scores):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path


def block(checkout: Path) -> list[str]:
    text = (checkout / "submissions/always_new/README.md").read_text(encoding="utf-8")
    return (
        text.partition("<!-- scores:begin -->\n")[2].partition("\n<!-- scores:end")[0].split("\n")
    )


def test_the_block_of_a_reid_submission(checkout: Path) -> None:
    assert main(["always_new"]) == 0
    lines = block(checkout)
    assert lines[0] == "| scored on | score | BAKS | BAUS | cat | salamander | turtle |"
    # Every new cat is right and no known one; there is no salamander and no turtle.
    assert lines[2] == "| **sample development** | 0.000 | 0.000 | 0.500 | 0.000 | – | – |"
    assert lines[3].startswith("| **sample final** |")
    assert lines[4] == (
        "| nearest by pixels, grey, oracle threshold, sample final "
        "| 0.111 | 0.222 | – | – | – | 0.333 |"
    )
    assert lines[5].startswith("| nearest by SIFT")
    assert [line.split(",")[0] for line in lines[6:]] == ["| reference value"] * 2
    assert len({line.count("|") for line in lines}) == 1


def test_photographs_are_trained_on_in_a_copy_and_their_row_stays(checkout: Path) -> None:
    script = checkout / "training/reid/always_new.py"
    script.parent.mkdir(parents=True)
    for package in (script.parent.parent, script.parent):  # else ours, which is installed, is found
        (package / "__init__.py").write_text("", encoding="utf-8")
    script.write_text(TRAINING, encoding="utf-8")
    before = (checkout / "submissions/always_new/model.py").read_text()
    assert main(["always_new", "--photographs", str(checkout / "photographs")]) == 0
    (found,) = (line for line in block(checkout) if "real photographs" in line)
    # The trained copy says cat_1 or owl_1 by the dataset in metadata.csv.
    begin = "| **real photographs (train -> dev)**, one training, 20"
    assert found.startswith(begin)
    assert found.endswith("| 0.000 | 1.000 | 0.000 | 0.000 | – | – |")
    assert (checkout / "submissions/always_new/model.py").read_text() == before
    assert main(["always_new"]) == 0
    assert found in block(checkout)
    photographs = ["--photographs", str(checkout / "photographs"), "--called", "owls"]
    assert main(["always_new", *photographs]) == 0
    assert main(["always_new", *photographs]) == 0
    rows = [line for line in block(checkout) if "real photographs" in line]
    assert len(rows) == 2
    assert found in rows
    assert any(line.startswith("| **real photographs: owls (train -> dev)**, one") for line in rows)


def test_the_row_of_several_trainings_has_their_mean_and_range(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    script = checkout / "training/reid/always_new.py"
    script.parent.mkdir(parents=True)
    for package in (script.parent.parent, script.parent):
        (package / "__init__.py").write_text("", encoding="utf-8")
    # Seed 1 leaves the submission as it is, which says new to each image.
    script.write_text(
        f"{TRAINING}\n".replace("model.write", "arguments['--seed'] == '1' or model.write")
    )
    photographs = ["--photographs", str(checkout / "photographs")]
    assert main(["always_new", *photographs, "--seeds", "2"]) == 1
    assert "the training of always_new draws nothing" in capfd.readouterr().err
    monkeypatch.setattr(train_submission, "SEEDED", ("always_new",))
    wanted = [*photographs, "--preset", "imagenet", "--seeds", "2"]
    assert main(["always_new", *wanted]) == 1
    assert "the training of always_new has no presets" in capfd.readouterr().err
    monkeypatch.setattr(train_submission, "PRESETTED", ("always_new",))
    assert main(["always_new", *wanted]) == 0
    (found,) = (line for line in block(checkout) if "real photographs" in line)
    assert ", preset `imagenet`, mean of 2 trainings (range), 20" in found
    assert "| 0.500 (0.000 to 1.000) | 0.250 (0.000 to 0.500) |" in found
    script.write_text("raise SystemExit('trained again')", encoding="utf-8")
    assert main(["always_new", *wanted]) == 0
    assert main(["always_new", *photographs]) == 1
    assert "trained again" in capfd.readouterr().err


def test_seeds_below_one_are_a_usage_error() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["always_new", "--seeds", "0"])


def test_what_draws_is_known_and_what_takes_its_network_too() -> None:
    for name in SEEDED:
        assert script_of(name) is not None
    assert all(takes(name, SEEDED) for name in DESCRIPTORS)
    assert not takes("wing_pattern_sgd", SEEDED)


def test_a_variant_is_scored_next_to_the_submission_and_its_rows_stay(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = checkout / "other"
    folder.mkdir()
    assert main(["always_new", "--variant", f"other={folder}"]) == 1
    assert "expected TITLE=FOLDER, and FOLDER/config.json there" in capsys.readouterr().err
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.py").write_text(
        "class Model:\n    def load(self): pass\n    def predict(self, image): return 'cat_1'\n",
        encoding="utf-8",
    )
    assert main(["always_new", "--variant", f"other={folder}"]) == 0
    lines = block(checkout)
    assert lines[4].startswith("| variant `other`, sample development | 0.000 | 0.500 | 0.000 |")
    assert lines[5].startswith("| variant `other`, sample final |")
    assert main(["always_new"]) == 0
    assert block(checkout) == lines


def test_a_failing_program_is_told_and_the_readme_stays(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "sample_data/reid/reference_data/final/ref.csv").write_text("filename\na.jpg\n")
    before = block(checkout)
    assert main(["always_new"]) == 1
    assert "scoring.py ended with status 1" in capsys.readouterr().err
    assert block(checkout) == before


def test_a_submission_of_no_track_is_refused(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text("description: x\ntrack: moths\n")
    known = " or ".join(TRACKS)
    with pytest.raises(ScriptError, match=f"expected the track {known}, found moths"):
        track_of(tmp_path)


def test_a_readme_without_markers_is_one_message(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "submissions/always_new/README.md").write_text("# always_new\n", encoding="utf-8")
    assert main(["always_new"]) == 1
    assert "expected <!-- scores:begin -->" in capsys.readouterr().err


def test_a_track_without_a_view_shows_all_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(VIEWS, "reid")
    assert [*view_of("reid").columns] == ["geometric_mean", "BAKS", "BAUS"]


def test_the_scripts_of_all_trained_submissions_are_found() -> None:
    assert script_of("wing_pattern_sgd") == "training.hybrid.wing_pattern_sgd"
    assert script_of("open_set_ensemble") == "training.reid.open_set_ensemble"
    assert script_of("always_new") is None


@pytest.mark.parametrize("name", VIEWS)
def test_the_view_of_a_track_agrees_with_the_registry_and_the_sample_data(name: str) -> None:
    view, track = VIEWS[name], TRACKS[name]
    datasets = {key.partition("_")[0] for key in view.columns if track.keys_per_dataset}
    assert {*view.columns} <= {*track.leaderboard_keys(sorted(datasets))}
    for found in baseline_rows(ROOT / "sample_data" / name / "README.md", view):
        assert "–" not in found, "a title of the sample data's table is spelt otherwise"


@pytest.mark.parametrize("name", TRACKS)
def test_the_rows_of_published_results_stand_in_the_readmes(name: str) -> None:
    rows = [f"| {' | '.join(cells)} |" for cells in published_rows(name, view_of(name))]
    assert rows
    for readme in sorted(ROOT.glob("submissions/*/README.md")):
        text = readme.read_text(encoding="utf-8")
        if "<!-- scores:begin -->" in text and track_of(readme.parent) == name:
            assert [line for line in text.splitlines() if "reference value" in line] == rows, readme


def test_published_results_have_keys_of_their_track_and_a_source() -> None:
    published = json.loads(readme_scores.PUBLISHED.read_text(encoding="utf-8"))
    for name, entries in published.items():
        for entry in entries:
            assert entry["source"]
            assert {*entry["scores"], *entry.get("shown_as", {})} <= {*view_of(name).columns}
