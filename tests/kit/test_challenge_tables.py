"""Bad tables of truth and predictions of a challenge: every problem at once, and no score."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.challenge_programs import scored

TRUTH = "observation_id,class_id\n"


def test_all_problems_of_the_tables_are_told(tmp_path: Path) -> None:
    files = {
        "ref/truth.csv": f"{TRUTH}1,0\n2,1\n3,x\n",
        "ref/poison_status_list.csv": "class,poisonous\n0,0\n",
        "res/submission.csv": f"{TRUTH}1,0\n1,0\n4,oak\n",
    }
    scores, said = scored(tmp_path, "fungi", files)
    assert not scores
    for text in (
        "observation_id without a prediction: 2, 3", "predicted more than once: 1",
        "not in the truth: 4", "class_id: expected a whole number, found for observation_id 3 x",
        "found for observation_id 4 oak", "poison_status_list.csv: expected rows with the columns",
    ):  # fmt: skip
        assert text in said


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        (None, "submission.csv: expected this file in res/, found none"),
        ("image_id,cluster\n" + "x" * 200_000, "found none that reads"),
        ("", "found no rows"),
        ("image_id,identity\n1,a\n", "found no cluster among image_id, identity"),
        ("image_id,cluster\n9,a\n", "image_id without a prediction: 1"),
    ],
)
def test_a_bad_file_of_clusters_has_no_score(
    answers: str | None, text: str, tmp_path: Path
) -> None:
    files = {"ref/truth.csv": "image_id,identity,dataset\n1,a,lynx\n"}
    files |= {} if answers is None else {"res/submission.csv": answers}
    assert text in scored(tmp_path, "clusters", files)[1]


@pytest.mark.parametrize("text", ["1, 2", "[a]", "[1 2]", "", "[1,]"])
def test_a_list_of_another_form_has_no_score(text: str, tmp_path: Path) -> None:
    files = {
        "ref/truth.csv": "quadrat_id,species_ids,transect\np,[1],A\n",
        "res/submission.csv": f'quadrat_id,species_ids\np,"{text}"\n',
    }
    scores, said = scored(tmp_path, "species_lists", files)
    assert not scores
    assert "expected a list as [1, 2], not so p" in said


def test_a_plot_without_species_in_the_truth_is_refused(tmp_path: Path) -> None:
    files = {
        "ref/truth.csv": "quadrat_id,species_ids,transect\np,[],A\n",
        "res/submission.csv": "quadrat_id,species_ids\np,[]\n",
    }
    said = scored(tmp_path, "species_lists", files)[1]
    assert "expected a species or more, none of p" in said
