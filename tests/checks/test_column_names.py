"""Column names that say which way is better, and those that do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.checks.bundle.folder import check_bundle
from tests.support.checks import good_competition
from tests.support.kit import make_bundle


def warned(folder: Path, key: str, title: str, sorting: str) -> bool:
    content = good_competition()
    column = {"key": key, "title": title, "sorting": sorting, "index": 2, "precision": 3}
    content["leaderboards"][0]["columns"].append(column)
    codes = {item.code for item in check_bundle(make_bundle(folder / "b", content)).findings}
    return "sort-direction" in codes


@pytest.mark.parametrize(
    ("key", "title", "sorting"),
    [
        ("rmse", "RMSE", "desc"),
        ("score", "Log loss", "desc"),
        ("seconds", "Seconds", "desc"),
        ("mean_error", "Mean error", "desc"),
        ("top_1_accuracy", "Top-1 accuracy", "asc"),
        ("auroc", "AUROC", "asc"),
    ],
)
def test_a_plain_name_is_taken_at_its_word(
    tmp_path: Path, key: str, title: str, sorting: str
) -> None:
    assert warned(tmp_path, key, title, sorting)


@pytest.mark.parametrize(
    ("key", "title", "sorting"),
    [
        ("rmse", "RMSE", "asc"),
        ("time", "Survival time", "desc"),
        ("distance", "Genetic distance", "desc"),
        ("rank", "Rank", "desc"),
        ("score", "Score", "asc"),
        ("map", "Map", "asc"),
        ("neg_rmse", "Negative RMSE", "desc"),
        ("neg_mean_squared_error", "MSE", "desc"),
        ("error_reduction", "Error reduction", "desc"),
        ("auc_inv", "1 - AUC", "asc"),
        ("accuracy_loss", "Loss of accuracy", "desc"),
        ("habitat_loss_f1", "F1 of habitat loss", "desc"),
        ("precision", "Precision in metres", "asc"),
    ],
)
def test_a_name_that_leaves_it_open_is_no_finding(
    tmp_path: Path, key: str, title: str, sorting: str
) -> None:
    assert not warned(tmp_path, key, title, sorting)
