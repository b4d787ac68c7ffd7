"""The scoring program as the platform runs it: two folders in, two files out, or one message."""

from __future__ import annotations

import errno
import html
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import scoring
from scoring_builders import HYBRID, PROGRAM, Folders, Rows, leftovers, make_folders

TRUTH: Rows = [
    (f"{group} {stat}{n}.jpg", str(stat), group)
    for group in ("major", "minor", "mimic")
    for stat in (0, 1)
    for n in (0, 1)
]
ANSWERS: Rows = [(name, f"0.{1 + 7 * int(stat)}000") for name, stat, _ in TRUTH]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = make_folders(tmp_path)
    made.refer(TRUTH)
    made.predict(ANSWERS)
    return made


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


# Predictions that cannot be scored


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_program_says_why_and_exits_with_1(folders: Folders, encoding: str) -> None:
    folders.predict([*ANSWERS, ("ñandú.jpg", "0.5")])
    run = folders.run_as_program(PYTHONIOENCODING=f"{encoding}:strict")
    assert (run.status, run.stdout) == (1, "")
    assert "unknown name" in run.stderr
    assert ("ñandú.jpg" if encoding == "utf-8" else r"\xf1and\xfa.jpg") in run.stderr
    assert leftovers(folders.output) == []


def test_missing_predictions_point_to_the_prediction_step(folders: Folders) -> None:
    folders.predictions.rename(folders.predictions.with_name("prediction.csv"))
    folders.refused("predictions.txt", "missing", "'prediction.csv'", "ingestion", "failed")


def test_no_result_folder_at_all_points_to_the_prediction_step(folders: Folders) -> None:
    folders.predictions.unlink()
    folders.predictions.parent.rmdir()
    folders.refused("predictions.txt", "nothing is there", "ingestion")


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_empty_predictions_are_refused(folders: Folders, text: str) -> None:
    folders.predictions.write_text(text, encoding="utf-8")
    folders.refused("predictions.txt", "empty", "ingestion")


def test_images_without_prediction_are_counted_and_named(folders: Folders) -> None:
    folders.predict(ANSWERS[7:])
    message = folders.refused("7 of the 12 images", "no prediction", "'major 00.jpg'", "2 more")
    assert "1 problem in" in message
    assert "'mimic" not in message


def test_duplicate_predictions_are_named(folders: Folders) -> None:
    folders.predict([*ANSWERS, ANSWERS[3]])
    folders.refused("1 of the 12", "more than one prediction", "duplicate", "'major 11.jpg'")


def test_unknown_names_are_named_with_the_form_that_is_expected(folders: Folders) -> None:
    folders.predict([*ANSWERS, ("images/x.jpg", "0.5"), ("y.jpg", "0.5"), ("y.jpg", "0.6")])
    folders.refused("2 unknown names", "'images/x.jpg', 'y.jpg'", "such as 'major 00.jpg'")


@pytest.mark.parametrize(
    "bad", ["nan", "NaN", "inf", "-Infinity", "", "hybrid", "0,5", "1_000", "0x1", "1e999", "None"]
)
def test_a_score_that_is_no_finite_number_is_named(folders: Folders, bad: str) -> None:
    folders.predict([(ANSWERS[0][0], bad), *ANSWERS[1:]])
    folders.refused("1 of 12 scores", "not a finite number", f"major 00.jpg,{bad}", "0.1234")


@pytest.mark.parametrize("row", [("a.jpg",), ("a.jpg", "0.5", "0.6")])
def test_another_number_of_columns_is_shown_with_its_line(
    folders: Folders, row: tuple[str, ...]
) -> None:
    folders.predict([*ANSWERS[:4], row, *ANSWERS[4:]])
    folders.refused("expected 2 columns", "1 line", f"line 5: {','.join(row)}", "quote")


def test_an_unquoted_comma_in_a_name_is_explained(folders: Folders) -> None:
    folders.refer([("a, b.jpg", "0", "major"), *TRUTH[1:]])
    lines = [f"{name},{value}\n" for name, value in [("a, b.jpg", "0.1"), *ANSWERS[1:]]]
    folders.predictions.write_text("".join(lines), encoding="utf-8")
    folders.refused("expected 2 columns", "line 1: a, b.jpg,0.1", "quote a name that holds a comma")


def test_a_header_line_is_told_apart_from_an_unknown_name(folders: Folders) -> None:
    folders.predict([("filename", "score"), *ANSWERS])
    message = folders.refused("header line", "'filename,score'", "leave the header out")
    assert "1 problem in" in message


def test_an_image_called_like_a_header_is_a_prediction(folders: Folders) -> None:
    folders.refer([("image", *TRUTH[0][1:]), *TRUTH[1:]])
    folders.predict([("image", ANSWERS[0][1]), *ANSWERS[1:]])
    assert folders.run().status == 0


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_predictions_that_are_not_utf8_are_refused_with_the_line(
    folders: Folders, encoding: str
) -> None:
    lines = ["a.jpg,0.1\n", "ñ.jpg,0.2\n"]
    folders.predictions.write_bytes("".join(lines).encode(encoding))
    line = 2 if encoding == "latin-1" else 1
    folders.refused("predictions.txt", "expected UTF-8", f"line {line}", "save the file as UTF-8")


def test_a_quote_without_its_partner_is_refused(folders: Folders) -> None:
    folders.predictions.write_text('"a.jpg,0.1\nb.jpg,0.2\n', encoding="utf-8")
    folders.refused("predictions.txt", "not a readable CSV file", "quote")


# Reference tables that cannot be used


def test_a_missing_reference_table_is_told_with_what_is_there(folders: Folders) -> None:
    folders.reference.rename(folders.reference.with_suffix(".tsv"))
    folders.refused("reference table", "missing", "'ref.tsv'", "exactly one .csv")


def test_a_reference_table_in_a_sub_folder_is_pointed_out(folders: Folders) -> None:
    folder = folders.reference.parent / "reference_data"
    folder.mkdir()
    folders.reference.rename(folder / "ref.csv")
    folders.refused("missing", "'reference_data/ref.csv'", "at the top")


def test_several_reference_tables_are_not_chosen_from(folders: Folders) -> None:
    folders.reference.with_name("ref_test.csv").write_bytes(folders.reference.read_bytes())
    folders.refused("found 2", "'ref.csv', 'ref_test.csv'", "the rule: exactly one .csv")


def test_an_empty_reference_table_is_refused(folders: Folders) -> None:
    folders.reference.write_text("", encoding="utf-8")
    folders.refused("ref.csv", "empty")


def test_a_reference_table_of_a_header_alone_is_refused(folders: Folders) -> None:
    folders.refer([])
    folders.refused("ref.csv", "no rows")


@pytest.mark.parametrize("column", HYBRID)
def test_a_missing_column_is_named_with_the_track_that_the_table_resembles(
    folders: Folders, column: str
) -> None:
    kept = [place for place, title in enumerate(HYBRID) if title != column]
    folders.refer([tuple(row[k] for k in kept) for row in TRUTH], tuple(HYBRID[k] for k in kept))
    folders.refused(f"no column '{column}'", "the table has", "resembles the track 'hybrid'")


def test_a_table_of_another_track_is_recognised(folders: Folders) -> None:
    folders.refer([("a.jpg", "Felidae", "Chordata")], ("filename", "family", "phylum"))
    message = folders.refused("track 'family'", "does not score", "hybrid needs filename")
    assert "reid needs filename, identity, dataset, new_identity" in message


def test_a_table_of_no_track_is_refused_with_its_columns(folders: Folders) -> None:
    folders.reference.write_text("filename;hybrid_stat;ssp_indicator\n", encoding="utf-8")
    folders.refused("no known track", "'filename;hybrid_stat;ssp_indicator'")


def test_a_column_given_twice_is_refused(folders: Folders) -> None:
    folders.refer([(*row, row[1]) for row in TRUTH], (*HYBRID, "hybrid_stat"))
    folders.refused("each column once", "'hybrid_stat'")


@pytest.mark.parametrize("bad", ["2", "hybrid", "1.0", "", "-1"])
def test_a_hybrid_stat_that_is_not_0_or_1_is_named(folders: Folders, bad: str) -> None:
    folders.refer([(TRUTH[0][0], bad, "major"), *TRUTH[1:]])
    folders.refused("1 row with another hybrid_stat", f"major 00.jpg: {bad}", "has to be 0 or 1")


def test_an_unknown_group_is_named(folders: Folders) -> None:
    folders.refer([*TRUTH[:-1], (TRUTH[-1][0], "1", "Mimic")])
    folders.refused("another ssp_indicator", "mimic 11.jpg: Mimic", "major or minor or mimic")


def test_a_duplicate_file_name_in_the_reference_is_named(folders: Folders) -> None:
    folders.refer([*TRUTH, TRUTH[2], TRUTH[2]])
    folders.refused("ref.csv", "1 duplicate file name", "'major 10.jpg'")


def test_a_row_without_a_file_name_is_refused(folders: Folders) -> None:
    folders.refer([*TRUTH, ("", "0", "major"), ("", "1", "minor")])
    folders.refused("2 rows without a file name")


def test_a_torn_row_of_the_reference_is_shown(folders: Folders) -> None:
    folders.refer([*TRUTH, ("last.jpg", "0")])
    folders.refused("expected 3 columns", "line 14: last.jpg,0")


@pytest.mark.parametrize("group", ["major", "minor", "mimic"])
@pytest.mark.parametrize("stat", ["0", "1", None])
def test_an_undefined_group_is_named(folders: Folders, group: str, stat: str | None) -> None:
    kept = [row for row in TRUTH if row[2] != group or row[1] == stat]
    names = {row[0] for row in kept}
    folders.refer(kept)
    folders.predict([row for row in ANSWERS if row[0] in names])
    counts = {"0": "0 hybrids and 2 non", "1": "2 hybrids and 0 non", None: "0 hybrids and 0 non"}
    folders.refused("undefined metric", f"group '{group}' has {counts[stat]}")


def test_a_reference_table_that_is_not_utf8_is_refused(folders: Folders) -> None:
    folders.reference.write_bytes(
        folders.reference.read_bytes() + "ñ.jpg,0,major\n".encode("latin-1")
    )
    folders.refused("ref.csv", "expected UTF-8", "line 14")


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
    assert "no score was written: cannot write to" in run.stderr
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


def test_no_package_but_numpy_is_imported() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import scoring; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(PROGRAM.parent)],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"pandas", "scipy", "sklearn", "matplotlib", "jinja2", "yaml"}


# The report


def test_the_report_needs_nothing_from_outside(folders: Folders) -> None:
    report = folders.run().report
    for outside in ("http:", "https:", "src=", "<script", "<link", "@import", "url(", "href"):
        assert outside not in report
    assert report.startswith("<!DOCTYPE html>")
    assert report.count('<svg class="chart"') == 7


@pytest.fixture
def _names_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORING_NAME_ERRORS", "1")


def test_the_report_does_not_tell_the_platforms_hidden_labels(folders: Folders) -> None:
    folders.predict([(name, "0.5") for name, *_ in TRUTH])
    report = folders.run().report
    assert not [name for name, *_ in TRUTH if name in report]


@pytest.mark.usefixtures("_names_shown")
def test_names_from_outside_are_escaped_in_the_report(folders: Folders) -> None:
    evil = "<script>alert('1')</script>&\".jpg"
    folders.refer([(evil, "1", "major"), *TRUTH])
    folders.predict([(evil, "0.0"), *ANSWERS])
    report = folders.run().report
    assert "<script" not in report
    assert html.escape(evil) in report


@pytest.mark.usefixtures("_names_shown")
def test_the_report_names_the_ten_worst_errors_of_each_kind(folders: Folders) -> None:
    missed = [(f"missed {n:02d}.jpg", "1", "major") for n in range(12)]
    alarms = [(f"alarm {n:02d}.jpg", "0", "mimic") for n in range(12)]
    calm = [(f"calm {n:03d}.jpg", "0", "mimic") for n in range(400)]
    folders.refer([*TRUTH, *missed, *alarms, *calm])
    folders.predict(
        [
            *ANSWERS,
            *((name, f"{0.05 + n / 1000:.4f}") for n, (name, *_) in enumerate(missed)),
            *((name, f"{0.6 + n / 1000:.4f}") for n, (name, *_) in enumerate(alarms)),
            *((name, "0.2") for name, *_ in calm),
        ]
    )
    report = folders.run().report
    assert re.findall(r"missed \d+", report) == [f"missed {n:02d}" for n in range(10)]
    assert re.findall(r"alarm \d+", report) == [f"alarm {n:02d}" for n in range(11, 1, -1)]
    assert "(10 of 12)" in report
    assert "calm" not in report


def test_the_reports_size_is_bounded(folders: Folders) -> None:
    rows = [
        (f"{n}.jpg", str(n % 2), ("major", "minor", "mimic")[n // 2 % 3]) for n in range(60_000)
    ]
    folders.refer(rows)
    folders.predict(
        [(name, f"{n * 7919 % 60_000 / 60_000:.4f}") for n, (name, *_) in enumerate(rows)]
    )
    assert len(folders.run().report.encode()) < 500_000


def test_every_tag_of_the_report_is_closed(folders: Folders) -> None:
    report = folders.run().report
    for tag in ("html", "head", "body", "main", "style", "table", "tr", "td", "th", "svg", "text"):
        opened = len(re.findall(rf"<{tag}[ >]", report))
        assert opened == report.count(f"</{tag}>") > 0
