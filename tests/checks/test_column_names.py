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
    ("key", "title", "sorting", "plain"),
    [
        ("rmse", "RMSE", "desc", True),
        ("score", "Log loss", "desc", True),
        ("seconds", "Seconds", "desc", True),
        ("mean_error", "Mean error", "desc", True),
        ("top_1_accuracy", "Top-1 accuracy", "asc", True),
        ("auroc", "AUROC", "asc", True),
        ("rmse", "RMSE", "asc", False),
        ("time", "Survival time", "desc", False),
        ("distance", "Genetic distance", "desc", False),
        ("rank", "Rank", "desc", False),
        ("score", "Score", "asc", False),
        ("map", "Map", "asc", False),
        ("neg_rmse", "Negative RMSE", "desc", False),
        ("neg_mean_squared_error", "MSE", "desc", False),
        ("error_reduction", "Error reduction", "desc", False),
        ("auc_inv", "1 - AUC", "asc", False),
        ("accuracy_loss", "Loss of accuracy", "desc", False),
        ("habitat_loss_f1", "F1 of habitat loss", "desc", False),
        ("precision", "Precision in metres", "asc", False),
    ],
)
def test_only_a_plain_name_is_taken_at_its_word(
    tmp_path: Path, key: str, title: str, sorting: str, plain: bool
) -> None:
    assert warned(tmp_path, key, title, sorting) == plain
