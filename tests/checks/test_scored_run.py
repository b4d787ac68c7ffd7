"""What a scored run shows: every seeded defect of scores is caught with its code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit.findings.finding import Finding, Skipped
from tests.support.isolation import need_sandbox
from tests.support.kit import SCORING, competition_yaml, make_bundle, make_submission
from tests.support.running import predicting, scored_run, with_our_ingestion

pytestmark = pytest.mark.process

# A metric of the order alone: the share of pairs that are the right way round.
RANKING = """
import json, sys
from pathlib import Path
inputs, output = map(Path, sys.argv[1:3])
rows = [line.split(",") for line in (inputs / "res/predictions.txt").read_text().split()]
answers = dict(line.split(",") for line in (inputs / "ref/ref.csv").read_text().split()[1:])
high = [float(v) for n, v in rows if answers[n] == "1"]
low = [float(v) for n, v in rows if answers[n] == "0"]
share = sum((h > l) + (h == l) / 2 for h in high for l in low) / len(high) / len(low)
(output / "scores.json").write_text(json.dumps({"challenge_score": share, "accuracy": share}))
"""


def scored(folder: Path, predict: str, scoring: str) -> list[Finding]:
    path = make_submission(folder / "s", predicting(predict))
    found = scored_run(path, make_bundle(folder / "b", scoring=scoring))
    return [item for item in found if isinstance(item, Finding)]


@pytest.mark.parametrize(
    ("code", "predict", "scoring"),
    [
        ("negated-better", "return -float(image.size[0])", RANKING),
        ("predictions-constant", "return 0.5", RANKING),
        ("score-missing", "return 0.5",
         RANKING.replace('"accuracy": share', '"acuracy": share')),
        ("score-unknown", "return float(image.size[0])",
         RANKING.replace('"accuracy": share', '"accuracy": share, "rmse": 0.1')),
        ("score-unknown", "return float(image.size[0])",
         RANKING.replace('"accuracy": share', '"accuracy": share, "curve": [1]')),
        ("run-fails", "return float(image.size[0])", "raise SystemExit('no')"),
        ("rounding-ties",
         "return {20: 0.1, 30: 0.50001, 80: 0.50002}[image.size[0]]", RANKING),
        ("rounding-ties-harmless",
         "return image.size[0] + 1e-6 * float('1.png' in image.filename)", RANKING),
    ],
)  # fmt: skip
def test_a_scored_defect_is_caught(tmp_path: Path, code: str, predict: str, scoring: str) -> None:
    assert code in [finding.code for finding in scored(tmp_path, predict, scoring)]


def test_a_good_score_has_no_findings(tmp_path: Path) -> None:
    assert not scored(tmp_path, "return float(image.size[0])", RANKING)
    assert not scored(tmp_path / "other", "return image.size[0] / 100", SCORING)


def test_what_rounding_costs_is_named(tmp_path: Path) -> None:
    predict = "return {20: 0.1, 30: 0.50001, 80: 0.50002}[image.size[0]]"
    (finding,) = scored(tmp_path, predict, RANKING)
    assert "3 predictions are equal only after rounding" in finding.found
    assert "challenge_score 0.7500 instead of 1.0000" in finding.found


def with_mean(scoring: str, folder: Path) -> list[Finding]:
    """The findings on a scored run of a bundle with a computed column."""
    path = make_submission(folder / "s", predicting("return float(image.size[0])"))
    content = competition_yaml()
    mean = {"title": "Mean", "key": "mean", "index": 2, "computation": "avg"}
    content["leaderboards"][0]["columns"].append(mean | {"computation_indexes": [0, 1]})
    found = scored_run(path, make_bundle(folder / "b", content, scoring=scoring))
    return [item for item in found if isinstance(item, Finding)]


def test_computed_columns_with_missing_parts_or_written_themselves_are_found(
    tmp_path: Path,
) -> None:
    assert not with_mean(RANKING, tmp_path / "good")
    missing = with_mean(RANKING.replace(', "accuracy": share', ""), tmp_path / "missing")
    assert [item.code for item in missing] == ["score-missing", "computed-incomplete"]
    written = RANKING.replace('{"challenge_score"', '{"mean": 1, "challenge_score"')
    assert [item.code for item in with_mean(written, tmp_path / "written")] == ["computed-written"]


def test_a_model_that_knows_nothing_is_not_told_to_negate(tmp_path: Path) -> None:
    # One of the two wide images before the others, one after: just below chance.
    predict = "return {'1': 9.0, '0': 3.0, '2': 4.0, '3': 2.0}[image.filename[-5]]"
    found = scored(tmp_path, predict, RANKING.replace("share = ", "share = 0.9 * "))
    assert "negated-better" not in [item.code for item in found]


def test_what_the_mode_may_have_caused_is_no_finding(tmp_path: Path) -> None:
    path = make_submission(tmp_path / "s", predicting("return float(image.size[0])"))
    bundle = make_bundle(tmp_path / "b", scoring="import no_such_package_of_ours\n" + RANKING)
    (skipped,) = scored_run(path, bundle)
    assert isinstance(skipped, Skipped)
    assert "no_such_package_of_ours is not installed here" in skipped.why
    assert "pip install no_such_package_of_ours" in skipped.command


def test_a_bundle_whose_programs_name_app_paths_is_scored_too(tmp_path: Path) -> None:
    need_sandbox()
    naming = RANKING.replace("map(Path, sys.argv[1:3])", "Path('/app/input'), Path('/app/output')")
    assert not scored(tmp_path, "return float(image.size[0])", naming)


def test_a_late_nan_is_one_message_with_image_and_value(tmp_path: Path) -> None:
    # With our ingestion program, which refuses it after the images that the probe looks at.
    path = make_submission(
        tmp_path / "s", predicting("return float('nan' if 'zz' in image.filename else 1)")
    )
    folder = with_our_ingestion(tmp_path / "b")
    for number in range(20):
        shutil.copy(folder / "input_data/0.png", folder / f"input_data/a{number:02}.png")
    shutil.copy(folder / "input_data/0.png", folder / "input_data/zz.png")
    (finding,) = scored_run(path, folder)
    assert isinstance(finding, Finding)
    assert finding.code == "run-fails"
    assert "zz.png (image 25 of 25): found nan, which is not finite" in finding.found
    assert "\n" not in finding.found
    assert "log" not in finding.found
