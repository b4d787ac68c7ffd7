"""The scoring program as the platform runs it: two folders in, two files out, or one message."""

from __future__ import annotations

import errno
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import scoring
from tests.support.scoring import ANSWERS, PROGRAM, TRUTH, Folders, leftovers, make_answered_folders
from wildlife_scoring.tracks import TRACKS


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return make_answered_folders(tmp_path)


# Good input


def test_writes_the_scores_and_the_report_and_prints_both_numbers_and_counts(
    folders: Folders,
) -> None:
    run = folders.run_as_program()
    assert (run.status, run.stderr) == (0, "")
    assert leftovers(folders.output) == ["detailed_results.html", "scores.json"]
    assert run.scores == dict.fromkeys(run.scores, 1.0)
    assert next(iter(run.scores)) == "challenge_score"
    assert len(run.scores) == 8
    assert all(f"{key} " in run.stdout for key in run.scores)
    assert re.search(r"major +2 +2\n", run.stdout)
    assert re.search(r"threshold mimic +0\.1000", run.stdout)


def test_the_order_of_the_predictions_does_not_matter(folders: Folders) -> None:
    mixed = [(name, f"0.{n:04d}") for n, (name, *_) in enumerate(TRUTH)]
    folders.predict(mixed)
    scores = folders.run().scores
    folders.predict(sorted(mixed, key=lambda row: row[0][::-1]))
    assert folders.run().scores == scores


def test_new_file_names_leave_the_scores_alone(folders: Folders) -> None:
    mixed = [(name, f"0.{n:04d}") for n, (name, *_) in enumerate(TRUTH)]
    folders.predict(mixed)
    scores = folders.run().scores
    folders.predict([(f"z{name[::-1]}", value) for name, value in mixed])
    folders.refer([(f"z{name[::-1]}", *rest) for name, *rest in TRUTH])
    assert folders.run().scores == scores


def test_names_with_commas_quotes_spaces_and_other_letters_are_joined(folders: Folders) -> None:
    odd = [
        "a, b.jpg",
        'say "x".jpg',
        " lead.jpg",
        "mariposa ñandú 蝶.jpg",
        "two\nlines.jpg",
        "'.jpg",
    ]
    new_name = {row[0]: odd.pop() if odd else row[0] for row in TRUTH}
    folders.refer([(new_name[name], *rest) for name, *rest in TRUTH])
    folders.predict([(new_name[name], value) for name, value in ANSWERS])
    assert folders.run().scores["challenge_score"] == 1


def test_spaces_around_the_reference_values_are_tolerated(folders: Folders) -> None:
    folders.refer([(name, f" {stat}", f"{group} ") for name, stat, group in TRUTH])
    assert folders.run().scores["challenge_score"] == 1


def test_more_columns_in_another_order_are_tolerated(folders: Folders) -> None:
    header = ("CAMID", "ssp_indicator", "filename", "hybrid_stat", "file_url")
    rows = [("x", group, name, stat, "a,b") for name, stat, group in TRUTH]
    folders.refer(rows, header)
    assert folders.run().scores["challenge_score"] == 1


def test_a_byte_order_mark_crlf_and_blank_lines_are_tolerated(folders: Folders) -> None:
    for path in (folders.reference, folders.predictions):
        text = path.read_text(encoding="utf-8").replace("\n", "\r\n")
        path.write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n")
    assert folders.run().scores["challenge_score"] == 1


def test_what_macos_leaves_in_the_reference_data_is_ignored(folders: Folders) -> None:
    ref = folders.reference.parent
    (ref / "__MACOSX").mkdir()
    for name in ("__MACOSX/._ref.csv", "__MACOSX/ref.csv", ".DS_Store", "._ref.csv"):
        (ref / name).write_bytes(b"\x00\x05\x16\x07")
    assert folders.run().status == 0


def test_the_output_folder_is_made(folders: Folders) -> None:
    folders.output.rmdir()
    assert folders.run().status == 0


def test_huge_scores_are_scored_and_drawn(folders: Folders) -> None:
    values = ["-1.7e308", "1.7e308", "1e300", "-5", "1e-320", "0"] * 2
    folders.predict([(row[0], value) for row, value in zip(TRUTH, values, strict=True)])
    run = folders.run()
    assert (run.status, run.stderr) == (0, "")
    assert "nan" not in run.report
    assert "inf" not in run.report


# All at once, and nothing half-written


def test_all_problems_of_both_tables_are_told_at_once(folders: Folders) -> None:
    folders.refer([(TRUTH[0][0], "7", "major"), *TRUTH[1:], TRUTH[3]])
    folders.predict([*ANSWERS[2:], ANSWERS[4], ("new.jpg", "nan"), ("torn.jpg",)])
    message = folders.refused(
        "another hybrid_stat", "duplicate file name", "expected 2 columns", "not a finite number",
        "2 of the 12 images", "more than one prediction", "1 unknown name",
    )  # fmt: skip
    assert "7 problems in" in message


def test_missing_predictions_and_a_missing_reference_are_told_together(folders: Folders) -> None:
    folders.predictions.unlink()
    folders.reference.unlink()
    folders.refused("2 problems", "predictions are missing", "reference table")


def test_names_from_outside_cannot_break_the_message(folders: Folders) -> None:
    folders.predict([*ANSWERS, ("x\n\x1b[31m" + "y" * 5000, "0.5")])
    message = folders.refused(r"x\n\x1b[31m", "...")
    assert len(message) < 1000


def test_a_failed_run_removes_the_results_of_an_earlier_one(folders: Folders) -> None:
    assert folders.run().status == 0
    folders.predict(ANSWERS[1:])
    folders.refused("no prediction")


def test_a_full_disk_leaves_nothing(folders: Folders) -> None:
    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    run = folders.run_as_program(small_files_only)
    assert run.status == 1
    assert "no score was written: cannot write" in run.stderr
    assert "free some space" in run.stderr
    assert leftovers(folders.output) == []


@pytest.mark.parametrize("method", ["write_text", "replace"])
@pytest.mark.parametrize("file", ["scores.json", "detailed_results.html"])
def test_a_disk_that_fills_up_at_any_step_leaves_nothing(
    folders: Folders,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    method: str,
    file: str,
) -> None:
    real = getattr(Path, method)

    def fill_up(self: Path, *arguments: object, **options: object) -> object:
        if self.name == f"{file}.tmp":
            if method == "write_text":
                self.write_bytes(b"{")
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, *arguments, **options)

    monkeypatch.setattr(Path, method, fill_up)
    assert scoring.main([str(folders.root / "input"), str(folders.output)]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert leftovers(folders.output) == []


def test_an_output_folder_that_is_a_file_gets_a_message(folders: Folders) -> None:
    folders.output.rmdir()
    folders.output.write_text("", encoding="utf-8")
    run = folders.run()
    assert run.status == 1
    assert "no score was written" in run.stderr


@pytest.mark.parametrize("arguments", [[], ["one"], ["one", "two", "three"]])
def test_wrong_usage_has_its_own_status(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert scoring.main(arguments) == 2
    assert "usage: python3 scoring.py INPUT_DIR OUTPUT_DIR" in capsys.readouterr().err


def test_no_package_but_numpy_is_imported_and_no_track_before_it_is_scored() -> None:
    code = "import sys; import scoring; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROGRAM.parent,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    late = {"wildlife_scoring.report", *(f"wildlife_scoring.{name}" for name in TRACKS)}
    assert not late & loaded
    assert not loaded & {"pandas", "scipy", "sklearn", "matplotlib", "jinja2", "yaml"}
