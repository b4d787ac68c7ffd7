"""`kit run`: what the worker does, on third-party bundles."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from kit.cli.printing import one_line
from kit.cli.run import _last_said
from kit.contract import TRACKS
from tests.support.kit import (
    INGESTION,
    SCORING,
    Kit,
    competition_yaml,
    make_bundle,
    make_submission,
    write_tree,
    zipped,
)

pytestmark = pytest.mark.process


def test_a_run_ends_with_scores_report_and_record(kit: Kit, bundle: Path, submission: Path) -> None:
    answer = kit("run", submission, "--bundle", bundle, "--out", "here")
    assert answer.status == 0, answer.text
    assert "Challenge_score" in answer.out
    assert "1.000" in answer.out
    files = {path.name for path in Path("here").iterdir()}
    assert files == {
        "predictions.txt", "scores.json", "detailed_results.html", "logs", "run.json",
    }  # fmt: skip
    record = json.loads(Path("here/run.json").read_text())
    assert record["ok"]
    assert record["scores"] == {"challenge_score": 1.0, "accuracy": 1.0}
    assert set(record["digests"]) == {
        "submission", "ingestion_program", "scoring_program", "input_data", "reference_data",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (["scores.html"], "scores.html"),
        (["b.html", "a.html"], "a.html"),
        (["a.html", "detailed_results.html"], "detailed_results.html"),
        ([".hidden.html", "page.htm"], None),
    ],
)
def test_the_report_may_have_another_name(
    kit: Kit, tmp_path: Path, submission: Path, written: list[str], shown: str | None
) -> None:
    pages = f'\nfor name in {written}:\n    (output / name).write_text("<p>fine</p>")\n'
    plain = SCORING.replace('(output / "detailed_results.html").write_text("<p>fine</p>")', "")
    folder = make_bundle(tmp_path / "b", scoring=plain + pages)
    report = kit("run", submission, "--bundle", folder, "--json").json["report"]
    assert (Path(report).name if report else None) == shown
    assert report is None or Path(report).is_file()


def test_a_folder_and_its_zip_score_the_same(kit: Kit, bundle: Path, submission: Path) -> None:
    assert kit("pack", submission, "--out", "wide.zip").status == 0
    runs = [
        kit("run", what, "--bundle", bundle, "--json").json for what in (submission, "wide.zip")
    ]
    assert runs[0]["scores"] == runs[1]["scores"]
    assert runs[0]["digests"] == runs[1]["digests"]


def test_a_bundle_and_its_parts_may_be_zips(kit: Kit, tmp_path: Path, submission: Path) -> None:
    folder = make_bundle(tmp_path / "parts")
    content = competition_yaml()
    for name in ("ingestion_program", "scoring_program", "input_data", "reference_data"):
        zipped(folder / name)
        shutil.rmtree(folder / name)
        content["tasks"][0][name] = f"{name}.zip"
    (folder / "competition.yaml").write_text(yaml.safe_dump(content))
    for bundle in (folder, zipped(folder)):
        assert kit("run", submission, "--bundle", bundle).status == 0


def test_legacy_variables_are_replaced_as_the_worker_does(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    bundle = make_bundle(tmp_path / "legacy")
    write_tree(
        bundle,
        {
            "ingestion_program/metadata": "command: python $ingestion_program/ingestion.py $input "
            "$output $ingestion_program $submission_program\n",
            "scoring_program/metadata": "command: python $program/scoring.py $input $output\n",
        },
    )
    for program in ("ingestion_program", "scoring_program"):
        (bundle / program / "metadata.yaml").unlink()
    assert kit("run", submission, "--bundle", bundle).status == 0


def test_a_submission_without_metadata_is_results(kit: Kit, bundle: Path, tmp_path: Path) -> None:
    content = competition_yaml()
    del content["tasks"][0]["ingestion_program"]
    (bundle / "competition.yaml").write_text(yaml.safe_dump(content))
    predictions = "0.png,0\n1.png,0\n2.png,0\n3.png,1\n"
    results = write_tree(tmp_path / "results", {"predictions.txt": predictions})
    answer = kit("run", results, "--bundle", bundle, "--json")
    assert answer.status == 0, answer.text
    assert answer.json["scores"]["accuracy"] == 0.75


def test_a_submission_with_a_command_runs_it(kit: Kit, bundle: Path, tmp_path: Path) -> None:
    content = competition_yaml()
    del content["tasks"][0]["ingestion_program"]
    (bundle / "competition.yaml").write_text(yaml.safe_dump(content))
    write = "open('/app/output/predictions.txt','w').write('0.png,0\\n3.png,1\\n')"
    program = make_submission(tmp_path / "own", metadata=f'command: python3 -c "{write}"\n')
    answer = kit("run", program, "--bundle", bundle, "--json")
    assert answer.json["scores"] == {"challenge_score": 0.5, "accuracy": 1.0}


def test_commands_run_without_a_shell(kit: Kit, bundle: Path, submission: Path) -> None:
    metadata = bundle / "scoring_program/metadata.yaml"
    metadata.write_text("command: python3 /app/program/scoring.py /app/input /app/output && true\n")
    assert kit("run", submission, "--bundle", bundle).status == 0
    metadata.write_text("command: cd /app/program && python3 scoring.py\n")
    answer = kit("run", submission, "--bundle", bundle)
    assert answer.status == 1
    assert "cd: cannot be started" in answer.text


def test_reference_is_absent_in_prediction_and_input_in_scoring(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    spy = "import os\nprint('SEES', sorted(os.listdir('..')), sorted(os.listdir('../..')))\n"
    bundle = make_bundle(tmp_path / "spied", ingestion=spy + INGESTION, scoring=spy + SCORING)
    assert kit("run", submission, "--bundle", bundle, "--out", "here").status == 0
    prediction = Path("here/logs/prediction_ingestion_stdout.txt").read_text()
    scoring = Path("here/logs/scoring_stdout.txt").read_text()
    assert "reference" not in prediction
    assert "'input'" not in prediction
    assert "'input_data'" in prediction
    assert "'input_data'" not in scoring
    assert "['input', 'output', 'program'" in scoring


def test_the_workers_metadata_reaches_scoring(kit: Kit, tmp_path: Path, submission: Path) -> None:
    look = "print(open('/app/input/res/metadata').read())\n"
    wrapped = f"import sys\nroot = sys.argv[1]\n{look}".replace("'/app/input", "root + '")
    bundle = make_bundle(tmp_path / "metadata", scoring=wrapped + SCORING)
    assert kit("run", submission, "--bundle", bundle, "--out", "here").status == 0
    content = yaml.safe_load(Path("here/logs/scoring_stdout.txt").read_text())
    assert content["ingestionExitCode"] == 0
    assert content["exitCode"] is None
    assert content["ingestionElapsedTime"] > 0


def test_a_metadata_file_in_the_output_is_refused(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    bundle = make_bundle(tmp_path / "b", ingestion=INGESTION + "(output / 'metadata').touch()\n")
    answer = kit("run", submission, "--bundle", bundle)
    assert answer.status == 1
    assert "a program wrote this file into /app/output" in answer.text


def test_a_late_ingestion_runs_next_to_scoring(kit: Kit, bundle: Path, tmp_path: Path) -> None:
    content = competition_yaml()
    content["tasks"][0]["ingestion_only_during_scoring"] = True
    (bundle / "competition.yaml").write_text(yaml.safe_dump(content))
    write_tree(
        bundle,
        {
            "ingestion_program/ingestion.py": """
                import sys
                from pathlib import Path
                inputs, output, program, submission = map(Path, sys.argv[1:5])
                names = [path.name for path in inputs.iterdir()]
                Path(output.parent / "shared" / "seen").write_text(str(len(names)))
            """,
            "scoring_program/scoring.py": """
                import json, sys, time
                from pathlib import Path
                seen = Path(sys.argv[2]).parent / "shared" / "seen"
                while not seen.exists() or not seen.read_text():
                    time.sleep(0.01)
                scores = {"challenge_score": int(seen.read_text()), "accuracy": 1}
                (Path(sys.argv[2]) / "scores.json").write_text(json.dumps(scores))
            """,
        },
    )
    results = write_tree(tmp_path / "results", {"answer.txt": "1"})
    answer = kit("run", results, "--bundle", bundle, "--json")
    assert answer.status == 0, answer.text
    assert answer.json["scores"]["challenge_score"] == 4


def test_computed_columns_are_computed(kit: Kit, bundle: Path, submission: Path) -> None:
    content = competition_yaml()
    column = {"title": "Mean", "key": "mean", "index": 2, "computation": "avg"}
    content["leaderboards"][0]["columns"].append(column | {"computation_indexes": [0, 1]})
    (bundle / "competition.yaml").write_text(yaml.safe_dump(content))
    record = kit("run", submission, "--bundle", bundle, "--json").json
    assert [cell["value"] for cell in record["leaderboard"]] == [1.0, 1.0, 1.0]


def test_the_users_environment_stays_out(
    kit: Kit, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "do-not-pass")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    model = """
        import os
        print("ENV", sorted(os.environ), os.environ["HOME"])
        class Model:
            def load(self): pass
            def predict(self, image): return 0.5
    """
    curious = make_submission(tmp_path / "curious", model=model)
    assert kit("run", curious, "--bundle", bundle, "--out", "here").status == 0
    seen = Path("here/logs/prediction_ingestion_stdout.txt").read_text()
    assert "PYTHONUNBUFFERED" in seen
    assert "SECRET_TOKEN" not in seen
    assert "PYTHONPATH" not in seen
    assert str(Path.home()) not in seen.split("] ")[1]


def test_a_program_cannot_install_without_permission(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    install = """
import subprocess, sys
done = subprocess.run([sys.executable, "-m", "pip", "install", "no-such-package-of-ours"])
print("PIP", done.returncode)
"""
    bundle = make_bundle(tmp_path / "b", ingestion=install + INGESTION)
    assert kit("run", submission, "--bundle", bundle, "--out", "here").status == 0
    assert "PIP 1" in Path("here/logs/prediction_ingestion_stdout.txt").read_text()


def test_requirements_that_are_not_met_are_reported(kit: Kit, bundle: Path, tmp_path: Path) -> None:
    text = "# what we need\n\nnumpy==1.0\nno-such-package-of-ours\nPillow>=1\n"
    picky = make_submission(tmp_path / "picky", **{"requirements.txt": text})
    notes = kit("run", picky, "--bundle", bundle, "--json").json["notes"]
    assert len(notes) == 2
    assert notes[0].startswith("requirement not met here: numpy==1.0: ")
    assert notes[1] == "requirement not met here: no-such-package-of-ours: not installed"


@pytest.mark.parametrize("track", ["", "track: butterflies\n", "track: [hybrid]\n"])
@pytest.mark.parametrize("as_zip", [False, True])
def test_without_a_known_track_a_run_lists_the_tracks(
    kit: Kit, tmp_path: Path, bundle: Path, track: str, as_zip: bool
) -> None:
    path = make_submission(tmp_path / "s", metadata=f"description: x\n{track}")
    path = zipped(path) if as_zip else path
    answer = kit("run", path)
    assert answer.status == 2
    assert f"track: expected one of {', '.join(TRACKS)}, found" in answer.text
    assert not Path("runs").exists()
    assert kit("run", path, "--bundle", bundle).status == 0


def test_a_zip_runs_on_the_bundle_of_its_own_track(kit: Kit) -> None:
    assert kit("pack", "always_new", "--out", "new.zip").status == 0
    record = kit("run", "new.zip", "--json").json
    assert record["ok"]
    assert "geometric_mean" in record["scores"]


def test_the_progress_line_has_nothing_for_programs(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text('5/10 images\nTIMING {"load_s": 1}\n')
    assert _last_said(log) == "5/10 images"


@pytest.mark.parametrize("width", [20, 60])
def test_the_progress_line_fits_the_terminal(width: int) -> None:
    line = one_line(f"prediction 12 s  5/10 images {'猫' * 50} [red]", width)
    assert line.cell_len <= width
    assert line.plain.startswith("prediction 12 s  5/10"[: width - 2])
