"""A file of results against the contract of its bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.kit import Kit
from tests.support.other_contracts import make_result_bundle

HEAD = "image_id,cluster\n"
ROWS = [f"{number},cluster_lynx_{number}\n" for number in range(1, 6)]
DEFECTS = {
    "another column": (HEAD.replace("cluster", "identity") + "".join(ROWS), "found no cluster"),
    "an image is missing": (HEAD + "".join(ROWS[1:]), "image_id without a prediction: 1"),
    "an image is there twice": (HEAD + "".join([*ROWS, ROWS[0]]), "with other than 1 rows: 1"),
    "another order": (
        HEAD + "".join(ROWS[::-1]),
        "row 1: expected image_id 1, the order of the table, found 5",
    ),
    "another name of a cluster": (
        HEAD + "".join(ROWS).replace("lynx_3", "wolf_3"),
        "cluster to begin with cluster_lynx_ or cluster_turtle_, found cluster_wolf_3",
    ),
    "an unknown image": (HEAD + "".join(ROWS) + "77,cluster_lynx_1\n", "not in the input data: 77"),
}


def results(folder: Path, text: str, name: str = "submission.csv") -> Path:
    folder.mkdir()
    (folder / name).write_text(text)
    return folder


@pytest.mark.process
def test_a_good_file_has_no_findings(kit: Kit, tmp_path: Path) -> None:
    bundle = make_result_bundle(tmp_path / "bundle")
    folder = results(tmp_path / "r", HEAD + "".join(ROWS))
    answer = kit("check", folder, "--bundle", bundle, "--json").json
    assert answer["findings"] == []
    assert {"predictions file", "scores"} <= set(answer["checks"])


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_of_a_file_is_caught(kit: Kit, name: str, tmp_path: Path) -> None:
    bundle = make_result_bundle(tmp_path / "bundle")
    text, expected = DEFECTS[name]
    answer = kit("check", results(tmp_path / "r", text), "--bundle", bundle, "--json").json
    (finding,) = answer["findings"]
    assert (finding["code"], finding["file"]) == ("answers-missing", "submission.csv")
    assert expected in finding["found"]


def test_another_name_is_told_with_the_names_that_are_there(kit: Kit, tmp_path: Path) -> None:
    bundle = make_result_bundle(tmp_path / "bundle")
    folder = results(tmp_path / "r", HEAD, "predictions.txt")
    answer = kit("check", folder, "--bundle", bundle)
    assert answer.status == 1
    assert "expected this file at the root, found predictions.txt" in answer.text
