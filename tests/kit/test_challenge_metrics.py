"""Metrics of published challenges: cases by hand, slow oracles by definition, invariances."""

from __future__ import annotations

import itertools
import json
import math
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, f1_score

from kit.contract_bundles.scoring_program.challenge_metrics import (
    beetles,
    classes,
    clusters,
    fungi,
    snakes,
    species_lists,
)
from tests.support.kit import ROOT, write_tree

PROGRAM = ROOT / "kit/contract_bundles/scoring_program/scoring.py"
Pairs = list[tuple[int, int]]
GROUPS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30)
PAIRS = st.lists(st.tuples(st.integers(-1, 5), st.integers(-1, 5)), min_size=1, max_size=40)
FINITE = st.floats(-50, 50)


def scored(folder: Path, metric: str, files: dict[str, str]) -> tuple[dict[str, float], str]:
    """The scores that the program writes of tables in ref/ and res/, and what it says."""
    write_tree(folder / "in/ref", {})
    write_tree(folder / "in", {**files})
    (folder / "out").mkdir()
    ended = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder / "in"), str(folder / "out"), metric],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in ended.stderr
    path = folder / "out/scores.json"
    assert path.is_file() == (ended.returncode == 0)
    return (json.loads(path.read_text()) if path.is_file() else {}), ended.stderr


# Clusters: the adjusted Rand index of AnimalCLEF 2026.


def slow_ari(one: list[int], other: list[int]) -> float:
    """By pairs of items, as Hubert and Arabie define it."""
    together = [
        (one[a] == one[b], other[a] == other[b])
        for a, b in itertools.combinations(range(len(one)), 2)
    ]
    total, both = len(together), together.count((True, True))
    first = sum(a for a, _ in together)
    second = sum(b for _, b in together)
    if both == first == second:
        return 1.0
    expected = first * second / total
    return (both - expected) / ((first + second) / 2 - expected)


@given(GROUPS)
def test_ari_is_that_of_the_definition_and_of_scikit_learn(pairs: Pairs) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    found = clusters.adjusted_rand_index(one, other)
    assert found == pytest.approx(slow_ari(one, other), abs=1e-12)
    assert found == pytest.approx(adjusted_rand_score(one, other), abs=1e-12)


@given(GROUPS, st.permutations(range(5)), st.randoms(use_true_random=False))
def test_ari_knows_neither_names_nor_order_nor_sides(
    pairs: Pairs, names: list[int], generator: random.Random
) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    found = clusters.adjusted_rand_index(one, other)
    assert clusters.adjusted_rand_index(other, one) == found
    assert clusters.adjusted_rand_index(one, [f"c{names[b]}" for b in other]) == found
    generator.shuffle(pairs)
    assert clusters.adjusted_rand_index([a for a, _ in pairs], [b for _, b in pairs]) == found


def test_clusters_by_hand(tmp_path: Path) -> None:
    """Of the lynxes all pairs are right; of the turtles none of two is."""
    truth = "image_id,identity,dataset\n1,a,lynx\n2,a,lynx\n3,b,lynx\n4,c,turtle\n5,c,turtle\n"
    answers = "image_id,cluster\n5,y\n4,x\n3,q\n2,p\n1,p\n"
    files = {"ref/truth.csv": truth, "res/submission.csv": answers}
    scores, _ = scored(tmp_path, "clusters", files)
    assert scores == {"mean_ari": 0.5, "ari_lynx": 1.0, "ari_turtle": 0.0}


# Lists of species: PlantCLEF.


def test_species_lists_by_hand(tmp_path: Path) -> None:
    """Transect A: 2 of 2 + 2 and nothing of 1 + 1; transect B: 2 of 1 + 2."""
    truth = 'quadrat_id,species_ids,transect\np,"[1, 2]",A\nq,[3],A\nr,[4],B\n'
    answers = 'quadrat_id,species_ids\np,"[2,7]"\nq,[9]\nr,"[ 4, 5 ]"\n'
    files = {"ref/truth.csv": truth, "res/submission.csv": answers}
    scores, _ = scored(tmp_path, "species_lists", files)
    assert scores == {"macro_f1": pytest.approx(((0.5 + 0) / 2 + 2 / 3) / 2)}


@given(st.sets(st.integers(0, 6), min_size=1), st.sets(st.integers(0, 6)))
def test_f1_of_lists_is_that_of_precision_and_recall(truth: set[int], given_: set[int]) -> None:
    precision = len(truth & given_) / len(given_) if given_ else 0.0
    recall = len(truth & given_) / len(truth)
    mean = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    assert species_lists.f1(truth, given_) == pytest.approx(mean)
    if given_:
        assert species_lists.f1(given_, truth) == species_lists.f1(truth, given_)


# Classes: the tracks of SnakeCLEF and FungiCLEF.


@given(PAIRS)
def test_macro_f1_is_that_of_scikit_learn(pairs: Pairs) -> None:
    truth, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    wanted = f1_score(truth, predicted, average="macro", zero_division=0)
    assert classes.macro_f1(pairs) == pytest.approx(wanted)


def test_snakes_by_hand() -> None:
    """Classes 0 and 1 are harmless, 2 and 3 venomous; one mistake of each kind, and two right."""
    pairs = [(0, 1), (1, 2), (2, 0), (3, 2), (0, 0), (3, 3)]
    venomous = {2, 3}
    assert snakes.track2(pairs, venomous) == 1 + 2 + 5 + 2
    # Of three harmless and of three venomous snakes, one is taken for each kind: 33.33 %.
    f1 = round(100 * (2 / 4 + 0 + 0 + 2 / 3) / 4, 2)
    wanted = (f1 + (100 - 33.33) * (1 + 2 + 5 + 2)) / 11
    assert snakes.track1(pairs, venomous) == pytest.approx(round(wanted, 2))


def test_fungi_by_hand() -> None:
    """Class 2 is poisonous. Right; poison eaten; food left; unknown named; named unknown."""
    pairs = [(1, 1), (2, 1), (1, 2), (-1, 1), (1, -1)]
    assert fungi.classification_error(pairs) == 4 / 5
    assert fungi.poison_cost(pairs, {2}) == pytest.approx((100 + 1) / 5)
    assert fungi.error_with_unknown(pairs) == pytest.approx((1 + 1 + 10 + 0.1) / 5)
    assert fungi.poison_cost([(2, -1)], {2}) == 100  # unknown poison is no warning


@given(PAIRS, st.sets(st.integers(0, 5)))
def test_costs_are_sums_over_observations(pairs: Pairs, dangerous: set[int]) -> None:
    """By definition, one observation at a time; order and doubling change no mean."""
    costs = [snakes.track2([pair], dangerous) for pair in pairs]
    assert snakes.track2(pairs, dangerous) == sum(costs)
    for metric in (
        fungi.classification_error, fungi.error_with_unknown,
        lambda some: fungi.poison_cost(some, dangerous),
    ):  # fmt: skip
        alone = [metric([pair]) for pair in pairs]
        assert metric(pairs) == pytest.approx(math.fsum(alone) / len(alone))
        assert metric(pairs[::-1] * 2) == pytest.approx(metric(pairs))
        assert metric([(truth, truth) for truth, _ in pairs]) == 0


TRUTH = "observation_id,class_id\n"
LISTS = {"snakes": "venomous_status_list.csv", "fungi": "poison_status_list.csv"}
COLUMNS = {"snakes": "MIVS", "fungi": "poisonous"}


@pytest.mark.parametrize("metric", LISTS)
def test_the_truth_may_have_a_row_for_each_image(metric: str, tmp_path: Path) -> None:
    files = {
        "ref/truth.csv": f"{TRUTH}7,0\n7,0\n8,1\n8,1\n",
        f"ref/{LISTS[metric]}": f"class_id,{COLUMNS[metric]}\n0,0\n1,1\n",
        "res/submission.csv": ",observation_id,class_id\n0,8,1.0\n1,7,0\n",
    }
    scores, said = scored(tmp_path, metric, files)
    assert not said
    assert scores["f1"] == 100
    assert scores["track1"] == (100 if metric == "snakes" else 0)


def test_a_track_that_is_not_defined_is_refused(tmp_path: Path) -> None:
    files = {
        "ref/truth.csv": f"{TRUTH}7,0\n", "ref/venomous_status_list.csv": "class_id,MIVS\n1,1\n",
        "res/submission.csv": f"{TRUTH}7,0\n",
    }  # fmt: skip
    scores, said = scored(tmp_path, "snakes", files)
    assert not scores
    assert "expected an observation of a venomous snake" in said


# Forecasts: CRPS of the beetles.


@pytest.mark.parametrize(
    ("observation", "mu", "sigma", "wanted"),
    [
        (-3, 0, 1, 2.43657473),  # scoringRules, tests/testthat/test-crps_norm.R
        (-2.7, 0, 0.9, 2.43657473 * 0.9),  # the same
        (5, 5, 1, 0.2336949773),
        (4, 1, 0, 3),
    ],
)
def test_crps_of_known_cases(observation: float, mu: float, sigma: float, wanted: float) -> None:
    assert beetles.crps(observation, mu, sigma) == pytest.approx(wanted, rel=1e-8)


def slow_crps(observation: float, mu: float, sigma: float) -> float:
    """The integral of the squared distance between the distribution function and a step."""
    low = min(observation, mu - 9 * sigma)
    high = max(observation, mu + 9 * sigma)
    steps = 40_000
    width = (high - low) / steps
    total = 0.0
    for step in range(steps):
        x = low + (step + 0.5) * width
        below = 0.5 * (1 + math.erf((x - mu) / sigma / math.sqrt(2)))
        total += (below - (x >= observation)) ** 2 * width
    return total


@pytest.mark.parametrize("case", [(0.3, 0.0, 1.0), (-4.0, 1.5, 0.7), (2.0, 2.5, 3.0)])
def test_crps_is_the_integral_of_its_definition(case: tuple[float, float, float]) -> None:
    assert beetles.crps(*case) == pytest.approx(slow_crps(*case), abs=1e-4)


@given(FINITE, FINITE, st.floats(1e-3, 20), FINITE, st.floats(1e-2, 10))
def test_crps_moves_and_scales_with_its_arguments(
    observation: float, mu: float, sigma: float, shift: float, scale: float
) -> None:
    found = beetles.crps(observation, mu, sigma)
    assert found >= 0
    moved = beetles.crps(scale * observation + shift, scale * mu + shift, scale * sigma)
    assert moved == pytest.approx(scale * found, rel=1e-6, abs=1e-9)
    assert beetles.crps(-observation, -mu, sigma) == pytest.approx(found, rel=1e-9, abs=1e-12)


HEAD = "eventID,datetime,site_id,variable,observation,domain\n"


def event(number: int, domain: str = "True", site: str = "") -> str:
    return "".join(
        f"{number},2020-06-0{number},{site or number},{name},4,{domain}\n"
        for name in beetles.VARIABLES
    )


def forecast(number: int, mu: float, sigma: float | str = 0) -> str:
    return "".join(
        f"{number},{name},mu,{mu}\n{number},{name},sigma,{sigma}\n" for name in beetles.VARIABLES
    )


def test_beetles_by_hand(tmp_path: Path) -> None:
    """In domain the errors are 1 and 3, out of it 4: 2, 2, 2, 4, 4, 4."""
    answers = "eventID,variable,parameter,prediction\n"
    answers += forecast(3, 0) + forecast(1, 3) + forecast(2, 1)
    files = {
        "ref/ref.csv": HEAD + event(1) + event(2) + event(3, "False"),
        "res/predictions.csv": answers,
    }
    scores, _ = scored(tmp_path, "beetles", files)
    assert scores["in_domain_SPEI_1y"] == 2
    assert scores["out_of_domain_SPEI_2y"] == 4
    assert scores["rms"] == pytest.approx(math.sqrt((3 * 4 + 3 * 16) / 6))
    assert scores["left_out"] == 0


@pytest.mark.parametrize(
    ("lost", "count"),
    [("", 3), (forecast(2, 1, "NaN"), 3), (forecast(2, 1, "NA"), 3), (forecast(2, 1, -0.1), 3)],
)
def test_what_has_no_crps_is_left_out_and_counted(lost: str, count: int, tmp_path: Path) -> None:
    """As in the official means: the hard event is gone, and the score is better for it."""
    answers = f"eventID,variable,parameter,prediction\n{forecast(1, 3)}{lost}"
    files = {"ref/ref.csv": HEAD + event(1) + event(2), "res/predictions.csv": answers}
    scores, _ = scored(tmp_path, "beetles", files)
    assert scores["rms"] == scores["in_domain_SPEI_30d"] == 1
    assert scores["left_out"] == count


def test_the_second_event_of_a_site_and_day_is_not_scored(tmp_path: Path) -> None:
    second = event(2, site="1").replace("2020-06-02", "2020-06-01")
    answers = f"eventID,variable,parameter,prediction\n{forecast(1, 3)}{forecast(2, 1)}"
    files = {"ref/ref.csv": HEAD + event(1) + second, "res/predictions.csv": answers}
    scores, _ = scored(tmp_path, "beetles", files)
    assert (scores["rms"], scores["left_out"]) == (1, 3)


def test_no_forecast_at_all_is_refused(tmp_path: Path) -> None:
    answers = f"eventID,variable,parameter,prediction\n{forecast(1, 3, -1)}"
    files = {"ref/ref.csv": HEAD + event(1), "res/predictions.csv": answers}
    assert "expected a forecast with a CRPS, found none" in scored(tmp_path, "beetles", files)[1]


# Bad tables: every problem at once, and no score.


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
        (None, "submission.csv: expected a CSV file, found none that reads"),
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
