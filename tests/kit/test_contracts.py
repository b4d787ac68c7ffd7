"""Contracts of other challenges: recognised in a bundle, started, run and compared."""

from __future__ import annotations

import ast
import csv
import os
import shutil
from pathlib import Path

import pytest
import yaml

from kit import bundles
from kit.contracts.reading import CODE, RESULT, contracts
from kit.contracts.recognising import contract_of, read_table
from tests.support.kit import Kit, make_bundle, zipped
from tests.support.other_contracts import make_event_bundle, make_plot_bundle, make_result_bundle
from tests.support.small_bundle import make_anomaly_bundle


def recognised(bundle_folder: Path) -> str | None:
    with bundles.opened(bundle_folder) as bundle:
        found = contract_of(bundle.tasks[0])
    return found.name if found else None


def test_each_contract_says_what_it_needs_to() -> None:
    assert len(contracts()) >= 2
    for one in contracts():
        assert one.recognised_by
        assert one.kind in (CODE, RESULT)
        assert one.answer.arrays or one.answer.key in one.answer.columns
        assert set(one.answer.arrays.values()) == set(one.table.arrays)
        assert set(one.answer.instead) <= set(one.answer.columns)
        assert set(one.table.images) <= set(one.table.columns)
        table = one.table
        given = (table.file, table.named_images, table.truth, table.arrays)
        assert sum(map(bool, given)) == 1
        if one.kind == CODE:
            ast.parse(one.starts_with[one.script or "model.py"])
        else:
            assert {one.answer.key, *one.fills} == set(one.answer.columns)


def test_a_contract_is_recognised_by_programs_and_table(tmp_path: Path) -> None:
    events = make_event_bundle(tmp_path / "events")
    assert recognised(events) == "hdr-beetles"
    assert recognised(make_result_bundle(tmp_path / "results")) == "animalclef-csv"
    assert recognised(make_bundle(tmp_path / "other")) is None
    (events / "input_data/input.csv").write_text("eventID\n7\n")
    assert recognised(events) is None


def test_a_file_of_results_of_another_name_is_no_contract(tmp_path: Path) -> None:
    bundle = make_result_bundle(tmp_path / "results")
    program = bundle / "scoring_program/scoring.py"
    program.write_text(program.read_text().replace("submission.csv", "clusters.csv"))
    assert recognised(bundle) is None


def test_hidden_data_leave_the_programs_to_decide(tmp_path: Path) -> None:
    events = make_event_bundle(tmp_path / "events")
    shutil.rmtree(events / "input_data")
    assert recognised(events) == "hdr-beetles"


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"eventID", b"a\0b,c\n1,2\n", b'"' + b"x" * 200_000, b"eventID\n1,2,3\n"],
)
def test_a_table_of_another_form_is_no_contract(content: bytes, tmp_path: Path) -> None:
    bundle = make_event_bundle(tmp_path / "bundle")
    (bundle / "input_data/input.csv").write_bytes(content)
    assert recognised(bundle) is None


def test_a_pipe_in_the_place_of_a_table_is_not_waited_for(tmp_path: Path) -> None:
    bundle = make_event_bundle(tmp_path / "bundle")
    (bundle / "input_data/input.csv").unlink()
    os.mkfifo(bundle / "input_data/input.csv")
    assert recognised(bundle) is None


def test_rows_of_another_length_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1\n1,2,3,4\n")
    assert read_table(tmp_path, "t.csv") == [{"a": "1", "b": ""}, {"a": "1", "b": "2"}]


def test_a_zip_is_recognised_by_its_header(tmp_path: Path) -> None:
    bundle = make_event_bundle(tmp_path / "bundle")
    archive = zipped(bundle / "input_data")
    assert read_table(archive, "input.csv") == read_table(bundle / "input_data", "input.csv")
    assert len(read_table(archive, "input.csv", most=2)) == 2


@pytest.mark.process
def test_a_submission_of_events_runs_at_once(kit: Kit, tmp_path: Path) -> None:
    bundle = make_event_bundle(tmp_path / "bundle")
    made = kit("new", "mine", "--bundle", bundle, "--json")
    assert made.status == 0, made.err
    assert made.json["track"] == "hdr-beetles"
    ran = kit("run", "mine", "--bundle", bundle, "--json").json
    assert ran["ok"], ran["failure"]
    assert ran["scores"] == {"rms": 1.0, "events": 4.0}
    assert kit("new", "mine", "--bundle", bundle).status == 2


@pytest.mark.process
def test_a_file_of_results_runs_at_once(kit: Kit, tmp_path: Path) -> None:
    bundle = make_result_bundle(tmp_path / "bundle")
    made = kit("new", "clusters", "--bundle", bundle, "--json").json
    assert made["track"] == "animalclef-csv"
    with Path(made["folder"], "submission.csv").open() as stream:
        rows = [tuple(row.values()) for row in csv.DictReader(stream)]
    assert rows == [
        ("1", "cluster_lynx_0"), ("2", "cluster_lynx_1"), ("3", "cluster_turtle_0"),
        ("4", "cluster_turtle_1"), ("5", "cluster_turtle_2"),
    ]  # fmt: skip
    ran = kit("run", made["folder"], "--bundle", bundle, "--json").json
    assert ran["ok"], ran["failure"]
    assert ran["scores"]["rows"] == 5


@pytest.mark.process
def test_a_file_of_lists_has_a_row_for_each_image(kit: Kit, tmp_path: Path) -> None:
    bundle = make_plot_bundle(tmp_path / "bundle")
    made = kit("new", "plots", "--bundle", bundle, "--json").json
    assert made["track"] == "plantclef-csv"
    path = Path(made["folder"], "submission.csv")
    assert path.read_text() == "quadrat_id,species_ids\nplot_a,[]\nplot_b,[]\n"
    path.write_text('quadrat_id,species_ids\nplot_a,"[1, 2]"\nplot_b,[3]\n')
    assert kit("run", made["folder"], "--bundle", bundle, "--json").json["scores"]["rows"] == 2
    assert kit("check", made["folder"], "--bundle", bundle, "--json").json["findings"] == []
    assert kit("compare", "--update", made["folder"], "--bundle", bundle).status == 0


def test_a_table_outside_the_tasks_data_is_found(kit: Kit, tmp_path: Path) -> None:
    bundle = make_result_bundle(tmp_path / "bundle")
    content = yaml.safe_load((bundle / "competition.yaml").read_text())
    del content["tasks"][0]["input_data"]
    (bundle / "competition.yaml").write_text(yaml.safe_dump(content))
    assert kit("new", "clusters", "--bundle", bundle).status == 0
    (bundle / "input_data/metadata.csv").unlink()
    missing = kit("new", "others", "--bundle", bundle)
    assert missing.status == 1
    assert "expected a table metadata.csv with the columns image_id, path, dataset" in missing.text
    assert not Path("submissions/others").exists()


def test_an_unknown_contract_and_unclear_options_are_refused(kit: Kit, tmp_path: Path) -> None:
    unknown = kit("new", "mine", "--bundle", make_bundle(tmp_path / "other"))
    assert unknown.status == 2
    assert "animalclef-csv" in unknown.text
    assert "hdr-beetles" in unknown.text
    assert "starting kit" in unknown.text
    for options in ([], ["--track", "hybrid", "--bundle", "b"], ["--task", "0"]):
        answer = kit("new", "mine", *options)
        assert answer.status == 2
        assert "expected either --track, or --bundle" in answer.text
    results = make_result_bundle(tmp_path / "results")
    packages = kit("new", "mine", "--bundle", results, "--with", "wildlife_image")
    assert "such a submission has no code" in packages.text


def test_a_bundle_of_a_track_gets_the_template_of_the_track(kit: Kit, tmp_path: Path) -> None:
    bundle = make_anomaly_bundle(tmp_path / "anomaly")
    assert kit("new", "mine", "--bundle", bundle, "--json").json["track"] == "anomaly"


def scored(kit: Kit, name: str, bundle: Path, mu: float) -> None:
    """Let the submission predict another mu; the truth of the bundle is 1."""
    model = Path("submissions", name, "model.py")
    text = model.read_text()
    place = text.index('"mu": ')
    model.write_text(f'{text[:place]}"mu": {mu}{text[text.index(",", place) :]}')


@pytest.mark.process
def test_lower_is_better_in_comparison_and_leaderboard(kit: Kit, tmp_path: Path) -> None:
    bundle = make_event_bundle(tmp_path / "bundle")
    for name, mu in (("far", 0.0), ("near", 0.9)):
        assert kit("new", name, "--bundle", bundle).status == 0
        scored(kit, name, bundle, mu)
        ran = kit("run", name, "--bundle", bundle, "--json").json
        assert Path(ran["folder"], "predictions.csv").is_file()
    (board,) = kit("leaderboard", "--json").json["boards"]
    assert [one["submission"] for one in board["entries"]] == ["near", "far"]
    assert "no predictions.txt of these runs" in board["no_intervals"]
    assert kit("compare", "--update", "near", "--bundle", bundle).status == 0
    for mu, verdict, status in ((0.9, "identical", 0), (0.2, "worse", 1), (0.99, "better", 0)):
        scored(kit, "near", bundle, mu)
        for against in ([], ["--against", ran["folder"]]):
            answer = kit("compare", "near", "--bundle", bundle, *against, "--json")
            assert answer.status == status, answer.text
            (found,) = answer.json["comparisons"]
            assert found["verdict"] == verdict
            assert found["predictions"]["images"] == 24
    report = kit("report", "near")
    assert report.status == 1
    assert "found predictions.csv of another contract" in report.text


@pytest.mark.process
def test_files_of_results_are_compared(kit: Kit, tmp_path: Path) -> None:
    bundle = make_result_bundle(tmp_path / "bundle")
    folder = kit("new", "clusters", "--bundle", bundle, "--json").json["folder"]
    assert kit("compare", "--update", folder, "--bundle", bundle).status == 0
    ran = kit("run", folder, "--bundle", bundle, "--json").json["folder"]
    path = Path(folder, "submission.csv")
    path.write_text(path.read_text().replace("turtle_1", "turtle_0"))
    for against in ([], ["--against", ran]):
        (found,) = kit("compare", folder, "--bundle", bundle, *against, "--json").json[
            "comparisons"
        ]
        assert found["verdict"] == "worse"
        assert (found["predictions"]["kind"], found["predictions"]["changed"]) == ("label", 1)
