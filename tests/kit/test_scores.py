"""Scores as the server stores them: by the leaderboard's columns, computed columns computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.leaderboards import Column
from kit.scores import computed_warnings, store
from tests.support.kit import Kit, competition_yaml, make_bundle


def column(
    key: str, index: int, computation: str | None = None, parts: tuple[int, ...] = ()
) -> Column:
    """A column of a leaderboard."""
    return Column(key, key, index, "desc", 2, False, computation, parts)


A, B = column("a", 1), column("b", 2)


@pytest.mark.parametrize(
    ("how", "content", "expected"),
    [
        ("avg", {"a": 0.2, "b": 0.4}, 0.3),
        ("sum", {"a": 0.2, "b": 0.4}, 0.6),
        ("min", {"a": 0.2, "b": 0.4}, 0.2),
        ("max", {"a": 0.2, "b": 0.4}, 0.4),
        ("avg", {"b": 0.4}, 0.4),
        ("sum", {"b": 0.4}, 0.4),
        ("avg", {"x": 1}, None),
        # Before its parts, the program's own value is overwritten; without parts it stays.
        ("avg", {"c": 9, "a": 0.2, "b": 0.4}, 0.3),
        ("avg", {"c": 9}, 9),
    ],
)
def test_a_computed_column_takes_the_parts_that_are_there(
    how: str, content: dict[str, Any], expected: float | None
) -> None:
    stored = store(content, [column("c", 0, how, (1, 2)), A, B])
    assert stored.values.get(0) == expected


def test_a_computed_key_after_a_part_ends_the_upload() -> None:
    stored = store({"a": 0.2, "c": 9, "b": 0.4}, [column("c", 0, "sum", (1, 2)), A, B])
    assert stored.values == {1: 0.2, 0: 0.2}
    assert stored.written_computed == ["c"]
    assert stored.incomplete == {"c": ["b"]}
    first, second = computed_warnings(stored)
    assert first.startswith("c: computed without b")
    assert "overwritten, or counts twice" in second


def test_computed_columns_are_computed_in_order_after_each_key() -> None:
    # The first is computed from the second, which has its value of one key before.
    columns = [column("late", 0, "sum", (3,)), A, B, column("mean", 3, "avg", (1, 2))]
    stored = store({"a": 0.2, "b": 0.4}, columns)
    assert stored.values[3] == 0.3
    assert stored.values[0] == 0.2


def test_a_part_that_no_column_has_is_not_missing() -> None:
    assert not store({"a": 1.0}, [column("c", 0, "avg", (1, 7)), A]).incomplete


EXTRAS = {
    "dict": '{"per_class": {"cat": 0.5}}',
    "list": '{"curve": [0, 1, {"x": null}]}',
    "text": '{"model": "mine"}',
    "boolean": '{"ok": true}',
    "null": '{"nothing": null}',
    "huge": '{"bytes": 1e300}',
}


@pytest.mark.parametrize("name", EXTRAS)
def test_a_key_without_a_column_is_a_note(
    kit: Kit, tmp_path: Path, submission: Path, name: str
) -> None:
    scores = '{"challenge_score": 0.5, ' + EXTRAS[name][1:-1] + ', "accuracy": 0.25}'
    scoring = f"import sys\nopen(sys.argv[2] + '/scores.json', 'w').write({scores!r})\n"
    bundle = make_bundle(tmp_path / "b", scoring=scoring)
    answer = kit("run", submission, "--bundle", bundle, "--json")
    assert answer.status == 0, answer.text
    assert answer.json["scores"] == {"challenge_score": 0.5, "accuracy": 0.25}
    assert answer.json["platform"]["status"] == "Finished"
    (note,) = answer.json["platform"]["notes"]
    assert note.startswith("silently skipped, not columns of the leaderboard: ")


def test_a_boolean_in_a_column_counts_as_the_server_counts_it(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    written = '{"challenge_score": true, "accuracy": false}'
    scoring = f"import sys\nopen(sys.argv[2] + '/scores.json', 'w').write({written!r})\n"
    answer = kit("run", submission, "--bundle", make_bundle(tmp_path / "b", scoring=scoring))
    assert answer.status == 0
    assert "challenge_score: true counts as 1 and false as 0" in answer.text


@pytest.mark.parametrize(
    ("written", "status", "note"),
    [
        ('{"challenge_score": 0.5, "accuracy": 0.1}', 0, ""),
        ('{"challenge_score": 0.5}', 1, "mean: computed without accuracy, which the scores lack"),
        ('{"mean": 7, "challenge_score": 0.5, "accuracy": 0.1}', 0, "mean: the platform computes"),
    ],
)
def test_missing_parts_and_computed_keys_are_warned_of(
    kit: Kit, tmp_path: Path, submission: Path, written: str, status: int, note: str
) -> None:
    content = competition_yaml()
    mean = {"title": "Mean", "key": "mean", "index": 2, "computation": "avg"}
    content["leaderboards"][0]["columns"].append(mean | {"computation_indexes": [0, 1]})
    scoring = f"import sys\nopen(sys.argv[2] + '/scores.json', 'w').write({written!r})\n"
    bundle = make_bundle(tmp_path / "b", content, scoring=scoring)
    assert yaml.safe_load((bundle / "competition.yaml").read_text()) == content
    answer = kit("run", submission, "--bundle", bundle, "--json")
    assert answer.status == status
    assert answer.json["platform"]["board"]["mean"] in ("0.30", "0.50")
    assert any(line.startswith(note) for line in ["", *answer.json["platform"]["notes"]])
    assert not note or note in " ".join(answer.json["platform"]["notes"])
