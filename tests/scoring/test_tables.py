"""Tables that the scoring program refuses: each problem is named, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scoring import ANSWERS, HYBRID, TRUTH, Folders, leftovers, make_answered_folders


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return make_answered_folders(tmp_path)


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


def test_a_table_of_no_track_is_refused_with_what_each_track_needs(folders: Folders) -> None:
    folders.refer([("a.jpg", "Panthera", "forest")], ("filename", "genus", "habitat"))
    message = folders.refused("no known track", "'genus'", "hybrid needs filename")
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
