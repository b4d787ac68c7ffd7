"""Submissions of other contracts with a defect each: one message says what, where and what for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.kit import Kit
from tests.support.launched_contracts import (
    Change,
    changed,
    home,
    make_array_bundle,
    make_flood_bundle,
)

MAIN = ('__name__ == "__main__":\n    main()', '__name__ == "__main__":\n    ')
FLOOD_DEFECTS: dict[str, tuple[Change, str, str]] = {
    "ids are left out": (
        ("csv.DictReader(index)", "list(csv.DictReader(index))[2:]"),
        "answers-missing", "id without a prediction: 0, 1",
    ),
    "an id is there twice": (
        ('out.write("id,y_prob\\n")', 'out.write("id,y_prob\\n0,1\\n")'),
        "answers-missing", "id with other than 1 rows: 0",
    ),
    "a probability is no number": (
        ("return 0.5", "return float('nan')"), "return-not-finite", "0 nan",
    ),
    "other columns": (
        ('"id,y_prob\\n"', '"id,flood\\n"'),
        "answers-missing", "expected the columns id, y_prob (or label), found no y_prob",
    ),
    "no rows": (
        ("csv.DictReader(index)", "[]"),
        "answers-missing", "expected a row for each id, found none",
    ),
    "it writes nothing": (
        (MAIN[0], MAIN[1] + "pass"), "program-fails", "the participant wrote no predictions.csv",
    ),
    "it raises": (
        (MAIN[0], MAIN[1] + "raise KeyError('sea_level')"),
        "program-fails", "KeyError: 'sea_level'",
    ),
    "it ends with 1": (
        (MAIN[0], MAIN[1] + "raise SystemExit(1)"), "program-fails", "ended with exit status 1",
    ),
}  # fmt: skip


@pytest.mark.process
@pytest.mark.parametrize("name", FLOOD_DEFECTS)
def test_a_defect_of_a_script_with_arguments_is_told(kit: Kit, name: str, tmp_path: Path) -> None:
    change, code, text = FLOOD_DEFECTS[name]
    (finding,) = changed(kit, make_flood_bundle(tmp_path / "bundle"), "model.py", change)
    assert finding["code"] == code
    assert text in finding["found"]


ARRAY_DEFECTS: dict[str, tuple[Change, str, str]] = {
    "the bands are kept": (
        ("signals[..., 0].copy()", "signals.copy()"), "answers-missing",
        "expected the shape (3, 20, 4), found (3, 20, 4, 9)",
    ),
    "the known steps are left out": (
        ("return forecast", "return forecast[:, KNOWN:]"), "answers-missing",
        "expected the shape (3, 20, 4), found (3, 10, 4)",
    ),
    "a value is no number": (
        ("return forecast", "forecast[0, 12, 1] = float('nan'); return forecast"),
        "return-not-finite", "1 of 240 numbers",
    ),
    "text": (
        ("return forecast", "return forecast.astype(str)"), "answers-missing",
        "expected numbers, found",
    ),
    "objects": (
        ("return forecast", "return forecast.astype(object)"), "answers-missing",
        "expected an .npz file with the array arr_0",
    ),
}  # fmt: skip


@pytest.mark.process
@pytest.mark.parametrize("name", ARRAY_DEFECTS)
def test_a_defect_of_arrays_is_told_for_each_file(kit: Kit, name: str, tmp_path: Path) -> None:
    change, code, text = ARRAY_DEFECTS[name]
    found = changed(kit, make_array_bundle(tmp_path / "bundle"), "model.py", change)
    assert [one["code"] for one in found] == [code] * 5
    assert text in found[0]["found"]


SCRIPT_DEFECTS: dict[str, tuple[Change, str, str]] = {
    "an observation is left out": (
        ("in observations.items()", "in list(observations.items())[1:]"),
        "answers-missing", "observation_id without a prediction: 1",
    ),
    "a row for each image": (
        ('out.write(f"{name},{predict(images)}\\n")',
         'out.write(f"{name},{predict(images)}\\n" * len(images))'),
        "answers-missing", "observation_id with other than 1 rows: 2",
    ),
    "a name in place of a class": (
        ("return 0", "return 'Vipera berus'"), "answers-missing",
        "expected whole numbers as class_id, found for observation_id 1 Vipera berus",
    ),
    "it writes another file": (
        ('"submission.csv"', '"user_submission.csv"'), "program-fails",
        "script.py: expected it to write submission.csv in its folder, found none",
    ),
    "it raises": (
        ("return 0", "raise ValueError('no weights')"), "program-fails",
        "script.py ended with exit status 1",
    ),
}  # fmt: skip


@pytest.mark.process
@pytest.mark.parametrize("name", SCRIPT_DEFECTS)
def test_a_defect_of_a_script_is_told(kit: Kit, name: str, tmp_path: Path) -> None:
    change, code, text = SCRIPT_DEFECTS[name]
    bundle = home("snakeclef-script")(tmp_path / "bundle")
    (finding,) = changed(kit, bundle, "script.py", change)
    assert finding["code"] == code
    assert text in finding["found"]
