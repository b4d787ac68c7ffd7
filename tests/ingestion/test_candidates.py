"""candidates.csv: what a submission found most alike, whole next to predictions.txt or absent."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from tests.support.ingestion import Outcome, Place, make_place

# Answers each image with its own name; explain_batch returns `lists` for `prepared`.
MODEL = """
import os, sys
class Model:
    batch_size = 4

    def load(self):
        pass

    def preprocess(self, image):
        return os.path.basename(image.filename)

    def predict_batch(self, prepared):
        self.given = prepared
        return ["lynx_1" for name in prepared]

    def predict(self, image):
        return self.predict_batch([self.preprocess(image)])[0]

    def explain_batch(self, prepared):
        assert prepared is self.given
        {body}
"""
GOOD = 'return [[("lynx_1", 0.75), ("lynx, two", -0.5)] for name in prepared]'


def place_with(tmp_path: Path, body: str, metadata: str = "track: reid\n") -> Place:
    place = make_place(tmp_path, MODEL.format(body=body), metadata)
    place.images(6)
    return place


def rows_of(place: Place) -> list[list[str]]:
    with (place.output / "candidates.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def dropped(place: Place) -> Outcome:
    """Run it: predictions are written, candidates are not, and a note says so."""
    outcome = place.run()
    assert outcome.status == 0, outcome
    assert outcome.rows is not None
    assert len(outcome.rows) == 6
    assert place.left_behind() == ["predictions.txt"]
    return outcome


def test_the_candidates_are_written_next_to_the_predictions(
    tmp_path: Path,
) -> None:
    place = place_with(tmp_path, GOOD)
    outcome = place.run()
    assert outcome.status == 0, outcome
    rows = rows_of(place)
    assert rows[0] == ["filename", "rank", "identity", "score"]
    assert rows[1:3] == [
        ["p001.png", "1", "lynx_1", "0.75"],
        ["p001.png", "2", "lynx, two", "-0.5"],
    ]
    assert [row[0] for row in rows[1::2]] == [f"p00{n}.png" for n in range(1, 7)]
    assert place.left_behind() == ["candidates.csv", "predictions.txt"]


def test_a_image_may_have_no_candidate(tmp_path: Path) -> None:
    place = place_with(tmp_path, 'return [[("a", 1.0)] * (name > "p003.png") for name in prepared]')
    assert place.run().status == 0
    assert [row[0] for row in rows_of(place)[1:]] == ["p004.png", "p005.png", "p006.png"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise ValueError('no features')", "explain_batch raised ValueError: no features"),
        ("sys.exit(3)", "explain_batch called sys.exit(3)"),
        ("return None", "explain_batch raised TypeError"),
        ("return [[]]", "returned 1 lists for 4 images"),
        ("return [[('a', 1)] for _ in prepared]", "not a finite Python float for p001.png"),
        ("return [[('a', float('nan'))] for _ in prepared]", "not a finite Python float"),
        ("return [[('a', 1.0), ('b', 2.0)] for _ in prepared]", "not best first"),
        ("return [[('a', 1.0), ('a', 0.5)] for _ in prepared]", "an individual twice"),
        ("return [[('', 1.0)] for _ in prepared]", "the empty label"),
        ("return [[(7, 1.0)] for _ in prepared]", "int 7"),
        ("return [[('a', 1.0, 2)] for _ in prepared]", "something else than pairs"),
        ("return [[(str(n), 1.0) for n in range(11)] for _ in prepared]", "11 candidates"),
        # The second batch only: what the first one left goes too.
        ("return [[('a', 1.0)] * (1 + (n > 'p004.png')) for n in prepared]", "twice for p005.png"),
    ],
)
def test_an_unusable_answer_drops_the_file_and_nothing_else(
    tmp_path: Path, body: str, why: str
) -> None:
    outcome = dropped(place_with(tmp_path, body))
    assert outcome.out.count("NOTE: no candidates.csv: ") == 1
    assert why in outcome.out
    assert "the predictions do not depend on it" in outcome.out


def test_an_older_file_does_not_pass_for_this_runs(tmp_path: Path) -> None:
    place = place_with(tmp_path, "raise ValueError")
    (place.output / "candidates.csv").write_text("filename,rank,identity,score\n")
    dropped(place)


def test_a_track_of_scores_is_not_asked(tmp_path: Path) -> None:
    place = place_with(tmp_path, GOOD, "track: hybrid\n")
    place.code("model.py", MODEL.format(body="sys.exit(1)").replace('"lynx_1"', "0.5"))
    assert "NOTE" not in dropped(place).out


def test_one_by_one_there_are_no_candidates(tmp_path: Path) -> None:
    place = place_with(tmp_path, GOOD)
    assert place.run(INGESTION_ONE_BY_ONE="1").status == 0
    assert place.left_behind() == ["predictions.txt"]


def test_a_failed_run_leaves_no_candidates(tmp_path: Path) -> None:
    place = place_with(tmp_path, GOOD)
    place.photo("p004.jpg", share=0.5)
    place.code(
        "model.py",
        MODEL.format(body=GOOD).replace("return os", "image.load()\n        return os"),
    )
    assert "p004.jpg" in place.fail()


def test_a_run_that_goes_on_drops_them(tmp_path: Path) -> None:
    place = place_with(tmp_path, GOOD)
    rows = "".join(f"p00{n}.png,lynx_1\n" for n in range(1, 5))
    (place.output / ".predictions.journal").write_text("digest\n" + rows)
    outcome = dropped(place)
    assert "4 of 6 were predicted before" in outcome.out
    assert "NOTE: no candidates.csv: this run resumed one that was cut off" in outcome.out


def test_a_folder_that_refuses_the_file_costs_nothing_else(tmp_path: Path) -> None:
    place = place_with(tmp_path, GOOD)
    (place.output / ".candidates.csv.partial").mkdir()
    outcome = place.run()
    assert outcome.status == 0
    assert "NOTE: no candidates.csv: it cannot be written" in outcome.out
    shutil.rmtree(place.output / ".candidates.csv.partial")
