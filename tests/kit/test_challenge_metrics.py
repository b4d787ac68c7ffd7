"""Metrics of published challenges: cases by hand, slow oracles by definition, invariances."""

from __future__ import annotations

import itertools
import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, f1_score

from kit.contract_bundles.scoring_program.challenge_metrics import (
    classes,
    clusters,
    fungi,
    snakes,
    species_lists,
)
from tests.support.challenge_programs import scored

Pairs = list[tuple[int, int]]
GROUPS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30)
PAIRS = st.lists(st.tuples(st.integers(-1, 5), st.integers(-1, 5)), min_size=1, max_size=40)
FINITE = st.floats(-50, 50)


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
