"""Single and batched answers are the same under the rule of the contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.agreement import differing_labels, differing_scores


def test_scores_may_differ_by_a_thousandth_of_their_range() -> None:
    batched = {"a.jpg": "-10.0000", "b.jpg": "10.0000", "c.jpg": "0.0000"}
    assert differing_scores(batched | {"c.jpg": "0.0200"}, batched) == []
    assert differing_scores({"c.jpg": "0.0201"}, batched) == [
        "c.jpg: 0.0201 alone, 0.0000 in a batch"
    ]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [(0.9, 0.4, False), (0.5005, 0.1, True), (0.4995, 0.1, True), (0.8, 0.7995, True)],
)
def test_labels_may_differ_next_to_a_threshold_or_to_the_next_individual(
    tmp_path: Path, first: float, second: float, same: bool
) -> None:
    config, table = tmp_path / "config.json", tmp_path / "candidates.csv"
    config.write_text(json.dumps({"thresholds": {"cat": 0.5}}))
    rows = [
        ("a.jpg", 1, "x", first),
        ("a.jpg", 2, "y", second),
        ("b.jpg", 1, "x", 1),
        ("b.jpg", 2, "y", 0),
    ]
    lines = ["filename,rank,identity,score", *(",".join(map(str, row)) for row in rows)]
    table.write_text("\n".join(lines))
    found = differing_labels({"a.jpg": "x"}, {"a.jpg": "y"}, [table], config)
    assert bool(found) != same


def test_labels_without_scores_have_to_be_the_same(tmp_path: Path) -> None:
    nothing = tmp_path / "candidates.csv"
    assert differing_labels({"a.jpg": "x"}, {"a.jpg": "y"}, [nothing], tmp_path / "config.json")
    assert not differing_labels({"a.jpg": "x"}, {"a.jpg": "x"}, [nothing], tmp_path / "config.json")
