"""Recipes compared pair by pair: the same folds for each row, and no image that its head saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.base_networks import use_random_base
from tests.support.families import draw_collection
from training.family import compare_recipes
from training.family import features as family_features
from training.family.compare_recipes import Images, Logits, Towers
from training.family.joint import Member
from training.family.measures import TITLES
from training.family.split import Rows
from training.family.towers import TowerRecipe

pytestmark = pytest.mark.usefixtures("one_thread")
EACH = 10


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """A small collection, on a base of random weights."""
    folder = tmp_path_factory.mktemp("recipes")
    draw_collection(folder / "train", EACH)
    with pytest.MonkeyPatch.context() as patch:
        use_random_base(patch, tmp_path_factory.getbasetemp(), "lite0")
        patch.setattr(family_features, "DEFAULT_FOLDER", folder / "features")
        yield Images.read(folder / "train")


def test_all_rows_see_the_same_folds_and_no_image_twice(images: Images) -> None:
    seen: list[list[tuple[bytes, bytes, int]]] = [[], []]

    def noting(row: int, fit: Rows, named: Rows, seed: int) -> Logits:
        assert not set(fit.tolist()) & set(named.tolist())
        seen[row].append((fit.tobytes(), named.tobytes(), seed))
        return np.eye(3)[images.labels[named]]

    for row in (0, 1):
        found = list(
            images.measured_by(lambda fit, named, seed, row=row: noting(row, fit, named, seed), 2)  # type: ignore[misc]
        )
        assert [one["accuracy"] for one in found] == [1.0, 1.0]
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 2 * compare_recipes.FOLDS
    assert [seed for *_, seed in seen[0]] == [0] * 5 + [1] * 5


def test_differences_are_from_the_first_row_repeat_by_repeat() -> None:
    first = [dict.fromkeys(TITLES, value) for value in (0.5, 0.7)]
    other = [dict.fromkeys(TITLES, value) for value in (0.6, 0.8)]
    cells = compare_recipes.row_of(other, first)
    assert cells[0] == "0.700"
    assert cells[len(TITLES) :] == ["+0.100 ± 0.000"] * 2
    assert compare_recipes.row_of(first, first)[len(TITLES) :] == ["", ""]


def test_a_network_and_towers_learn_the_colours(images: Images) -> None:
    recipe = replace(compare_recipes.WITH_ADAM, tower=TowerRecipe("lite0"), image_size=32, copies=1)
    recipe = replace(recipe, head=replace(recipe.head, units=16))
    member = Member(TowerRecipe("lite0"), 32, (1.0, 0.75), True)
    for method in (images.network(recipe), images.towers(Towers((member,)))):
        (found,) = images.measured_by(method, 1)
        assert found["accuracy"] > 0.6
        assert found["masked_accuracy"] == 1  # a phylum has one family here


def test_a_correction_by_shares_changes_logits_by_them(images: Images) -> None:
    member = Member(TowerRecipe("lite0"), 32, (1.0,), False)
    fit = np.flatnonzero(np.arange(30) < 26)  # 10, 10 and 6 images
    seen = np.arange(26, 30)
    plain, moved = (
        images.towers(Towers((member,), prior=prior))(fit, seen, 0) for prior in (0.0, 0.5)
    )
    shares = 0.5 * np.log(np.array([10, 10, 6]) / 26)
    assert moved - plain == pytest.approx(np.tile(shares, (4, 1)))


@pytest.mark.parametrize(
    ("block", "kind", "rows"),
    [
        ("networks", "network", compare_recipes.NETWORKS),
        ("towers", "towers", compare_recipes.TOWERS),
    ],
)
def test_every_row_of_a_table_has_a_method(
    block: str, kind: str, rows: dict[str, object], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setattr(Images, kind, lambda self, recipe: made.append(recipe))
    assert [title for title, _ in compare_recipes.methods(images, block)] == list(rows)
    assert made == list(rows.values())


def test_a_table_without_its_block_stops_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.common.log_blocks.LOG", tmp_path / "LOG.md")
    assert compare_recipes.main(["towers", "--data", str(tmp_path)]) == 1
    assert "LOG.md" in capsys.readouterr().err
