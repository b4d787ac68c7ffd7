"""The reid track through the scoring program: good tables, bad ones, candidates and the report."""

from __future__ import annotations

import html
import math
import re
from pathlib import Path

import pytest

from tests.support.scoring import Folders, Rows, leftovers, make_folders

HEADER = ("filename", "identity", "dataset", "new_identity")
CANDIDATES = ("filename", "rank", "identity", "score")


def rows_of(text: str) -> Rows:
    """The words of each line."""
    return [tuple(line.split()) for line in text.split("\n") if line.strip()]


TRUTH = rows_of("""
    a.jpg cat_1 cat false
    b.jpg cat_1 cat false
    c.jpg cat_2 cat false
    d.jpg cat_9 cat true
    e.jpg fox_1 fox false
    f.jpg fox_8 fox true
""")
# Right but for b.jpg, a known cat that is called new.
ANSWERS = rows_of("""
    a.jpg cat_1
    b.jpg new_individual
    c.jpg cat_2
    d.jpg new_individual
    e.jpg fox_1
    f.jpg new_individual
""")
LISTS = rows_of("""
    a.jpg 1 cat_1 0.9
    a.jpg 2 cat_2 0.4
    b.jpg 1 cat_2 0.3
    b.jpg 2 cat_1 0.2
    c.jpg 1 cat_2 0.8
    d.jpg 1 cat_1 0.1
    e.jpg 1 fox_1 0.7
    f.jpg 1 fox_1 0.6
""")


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = make_folders(tmp_path)
    made.refer(TRUTH, HEADER)
    made.predict(ANSWERS)
    return made


def list_candidates(folders: Folders, rows: Rows) -> None:
    lines = [CANDIDATES, *rows]
    text = "".join(",".join(row) + "\n" for row in lines)
    folders.predictions.with_name("candidates.csv").write_text(text, encoding="utf-8")


def with_row(rows: Rows, name: str, *fields: str) -> Rows:
    """The rows with those of one image replaced by one."""
    return [(name, *fields) if row[0] == name else row for row in rows]


# Good input


def test_scores_report_and_log(folders: Folders) -> None:
    run = folders.run_as_program()
    assert (run.status, run.stderr) == (0, "")
    assert leftovers(folders.output) == ["detailed_results.html", "scores.json"]
    cat, fox = math.sqrt(0.75), 1.0
    assert run.scores == {
        "geometric_mean": pytest.approx((cat + fox) / 2, abs=1e-15),
        "BAKS": 0.875,
        "BAUS": 1.0,
        "cat_geometric_mean": pytest.approx(cat, abs=1e-15),
        "cat_BAKS": 0.75,
        "cat_BAUS": 1.0,
        "fox_geometric_mean": 1.0,
        "fox_BAKS": 1.0,
        "fox_BAUS": 1.0,
    }
    assert list(run.scores)[:4] == ["geometric_mean", "BAKS", "BAUS", "cat_geometric_mean"]
    assert "reid track, 6 images" in run.stdout
    assert re.search(r"cat +3 +2 +1 +1 +1\n", run.stdout)
    assert "geometric_mean     0.933013\n" in run.stdout
    assert "note:" not in run.stdout


@pytest.mark.parametrize(
    ("yes", "no"), [("True", "False"), ("TRUE", "FALSE"), (" true ", "0"), ("1", "false")]
)
def test_true_and_false_are_read_as_tables_write_them(folders: Folders, yes: str, no: str) -> None:
    expected = folders.run().scores
    rows = [(*row[:3], yes if row[3] == "true" else no) for row in TRUTH]
    folders.refer([tuple(f"{field}" for field in row) for row in rows], HEADER)
    assert folders.run().scores == expected


def test_the_order_of_rows_and_columns_and_other_columns_do_not_matter(folders: Folders) -> None:
    expected = folders.run().scores
    folders.predict(ANSWERS[::-1])
    folders.refer(
        [("x", row[3], row[2], row[0], row[1]) for row in TRUTH],
        ("date", "new_identity", "dataset", "filename", "identity"),
    )
    assert folders.run().scores == expected


def test_a_dataset_without_new_individuals_scores_0_and_nothing_is_nan(folders: Folders) -> None:
    folders.refer([row for row in TRUTH if row[0] != "f.jpg"], HEADER)
    folders.predict([row for row in ANSWERS if row[0] != "f.jpg"])
    run = folders.run()
    assert run.scores["fox_geometric_mean"] == run.scores["fox_BAUS"] == 0
    assert run.scores["fox_BAKS"] == 1
    assert "NaN" not in (folders.output / "scores.json").read_text()
    assert "0 (none)" in run.report


# Tables that cannot be scored


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("cat_1", "cat", "yes"), ("1 row with another new_identity: 'a.jpg'", "true or false")),
        (("cat_1", "cat", ""), ("1 row with another new_identity", "'a.jpg'")),
        (("", "cat", "false"), ("1 row without identity: 'a.jpg'",)),
        ((" ", "cat", "false"), ("1 row without identity: 'a.jpg'",)),
        (("cat_1", "", "false"), ("1 row without dataset: 'a.jpg'",)),
        (("new_individual", "cat", "true"), ("whose identity is 'new_individual': 'a.jpg'",)),
        (("cat_9", "cat", "false"), ("1 individual both known and new: 'cat_9'",)),
    ],
)
def test_a_bad_row_of_the_reference_is_named(
    folders: Folders, row: tuple[str, ...], words: tuple[str, ...]
) -> None:
    folders.refer(with_row(TRUTH, "a.jpg", *row), HEADER)
    folders.refused("ref.csv", *words)


def test_all_problems_of_both_tables_are_told_at_once(folders: Folders) -> None:
    folders.refer([("a.jpg", "", "", "maybe"), *TRUTH[1:], TRUTH[1]], HEADER)
    folders.predict([("a.jpg", ""), ("zzz.jpg", "cat_1"), ("c.jpg", "cat_2"), ("c.jpg", "cat_2")])
    message = folders.refused(
        "without identity",
        "without dataset",
        "another new_identity",
        "duplicate file name",
        "1 of 4 labels empty: 'a.jpg'",
        "have no prediction (missing)",
        "(duplicate)",
        "'zzz.jpg'",
    )
    assert message.startswith("scoring: no score was written: 8 problems in the input")


@pytest.mark.parametrize("label", ["", "  "])
def test_an_empty_label_is_named(folders: Folders, label: str) -> None:
    folders.predict(with_row(ANSWERS, "c.jpg", label))
    folders.refused("1 of 6 labels empty: 'c.jpg'", "or new_individual for an animal that is none")


def test_a_header_in_the_predictions_is_refused(folders: Folders) -> None:
    folders.predict([("filename", "label"), *ANSWERS])
    folders.refused("header line: 'filename,label'", "leave the header out")


def test_a_label_with_an_unquoted_comma_is_refused(folders: Folders) -> None:
    folders.predictions.write_text("a.jpg,cat,1\n", encoding="utf-8")
    folders.refused("expected 2 columns", "line 1: a.jpg,cat,1", "filename,prediction")


@pytest.mark.parametrize("column", HEADER)
def test_a_missing_column_is_named(folders: Folders, column: str) -> None:
    place = HEADER.index(column)
    folders.refer(
        [row[:place] + row[place + 1 :] for row in TRUTH], HEADER[:place] + HEADER[place + 1 :]
    )
    folders.refused(f"no column '{column}'", "resembles the track 'reid'")


# Labels that are odd: scored, counted wrong, and noted


@pytest.mark.parametrize(
    ("label", "note"),
    [
        ("fox_1", "1 label named an individual of another dataset"),
        ("New_Individual", "1 label looked like new_individual and counted as names"),
        ("unknown", "'unknown'. Only 'new_individual' counts"),
        (" cat_2", "1 label had spaces around the name"),
    ],
)
def test_an_odd_label_counts_as_wrong_and_is_noted(folders: Folders, label: str, note: str) -> None:
    folders.predict(with_row(ANSWERS, "c.jpg", label))
    run = folders.run()
    assert run.status == 0
    assert run.scores["cat_BAKS"] == 0.25
    assert note in run.stdout
    assert note in html.unescape(run.report)


def test_labels_of_a_database_individual_without_a_image_here_are_no_note(
    folders: Folders,
) -> None:
    folders.predict(with_row(ANSWERS, "c.jpg", "cat_77"))
    assert "note:" not in folders.run().stdout


def test_labels_that_are_all_strange_are_noted(folders: Folders) -> None:
    folders.predict([(name, "cat-1") for name, _ in ANSWERS])
    run = folders.run()
    assert run.scores["geometric_mean"] == 0
    assert "No label is an individual of the reference table" in run.stdout


def test_a_name_in_two_datasets_is_no_foreign_label(folders: Folders) -> None:
    folders.refer([*TRUTH, ("g.jpg", "cat_1", "fox", "false")], HEADER)
    folders.predict([*ANSWERS, ("g.jpg", "cat_1")])
    run = folders.run()
    assert run.scores["fox_BAKS"] == 1
    assert "note:" not in run.stdout


# The report


def test_the_report_counts_the_decisions_and_names_nobody(folders: Folders) -> None:
    report = folders.run().report
    for text in ("2 (66.7", "1 (33.3", "1 (100.0", "Known: named right", "New: called new"):
        assert text in report
    for row in TRUTH:
        assert row[0] not in report
        assert row[1] not in report
    assert "explain_batch" in report  # how to get what is missing
    assert "rank-1, rank-5, mAP@10, AUROC" in report
    assert "<script" not in report
    assert not re.search(r"(href|src)=", report)


def test_the_individuals_that_cost_most_are_named_on_request(folders: Folders) -> None:
    folders.predict(with_row(ANSWERS, "d.jpg", "cat_2"))
    run = folders.run_as_program(SCORING_NAME_ERRORS="1")
    text = re.sub("<[^>]+>", " ", run.report)
    assert re.search(r"cat_1 +1 +2 +cat +new_individual", text)
    assert re.search(r"cat_9 +0 +1 +cat +cat_2", text)


def test_names_from_outside_are_escaped(folders: Folders) -> None:
    folders.refer([("a.jpg", "<b>", "<i>", "false"), ("b.jpg", "z", "<i>", "true")], HEADER)
    folders.predict([("a.jpg", "<u>"), ("b.jpg", "<u>")])
    run = folders.run_as_program(SCORING_NAME_ERRORS="1")
    assert run.scores["<i>_BAKS"] == 0
    for tag in ("<b>b", "<i>_", "<u>"):
        assert tag not in run.report
    assert "&lt;b&gt;" in run.report


def test_many_datasets_do_not_make_a_long_page(folders: Folders) -> None:
    folders.refer([(f"{n}.jpg", f"i{n}", f"d{n:04}", "false") for n in range(500)], HEADER)
    folders.predict([(f"{n}.jpg", f"i{n}") for n in range(500)])
    run = folders.run()
    assert len(run.scores) == 3 + 3 * 500
    assert "The first 20 are shown" in run.report
    assert len(run.report) < 40_000


# Candidates


def test_candidates_fill_the_report_and_leave_the_scores(folders: Folders) -> None:
    without = folders.run()
    list_candidates(folders, LISTS)
    run = folders.run()
    assert run.scores == without.scores
    assert "note:" not in run.stdout
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", run.report))
    # Of the cats two of three images have the right one first, and b.jpg has it second.
    assert "cat 0.6667 1.0000 0.8333 1.0000" in text
    assert "fox 1.0000 1.0000 1.0000 1.0000" in text
    assert "mean of the datasets 0.8333 1.0000 0.9167 1.0000" in text
    assert "explain_batch" not in run.report
    for row in TRUTH:
        assert row[1] not in run.report


def test_the_curve_marks_the_threshold_of_the_answers_and_tells_the_best(folders: Folders) -> None:
    list_candidates(folders, LISTS)
    report = html.unescape(folders.run().report)
    assert "threshold 0.8<" in report  # the cats: the smallest score that was given a name
    assert "Own answers 0.8660; at the marked threshold 0.8660; the oracle threshold" in report
    folders.predict(with_row(ANSWERS, "b.jpg", "cat_1"))
    assert "1 of 4 answers differ from that rule" in html.unescape(folders.run().report)


def test_a_image_without_a_candidate_is_noted(folders: Folders) -> None:
    list_candidates(folders, [row for row in LISTS if row[0] != "c.jpg"])
    run = folders.run()
    assert "1 image had no candidate in candidates.csv" in run.stdout
    assert "0.3333" in run.report  # rank-1 of the cats


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "no image has a candidate"),
        ([("zzz.jpg", "1", "cat_1", "0.5")], "line 2: unknown file name 'zzz.jpg'"),
        ([("a.jpg", "1", "cat_1")], "line 2: expected 4 fields, found 3"),
        ([("a.jpg", "2", "cat_1", "0.5")], "line 2: expected rank 1, found '2'"),
        ([("a.jpg", "1", "", "0.5")], "line 2: '' is no candidate"),
        ([("a.jpg", "1", "new_individual", "0.5")], "'new_individual' is no candidate"),
        ([("a.jpg", "1", "cat_1", "nan")], "the score 'nan' is not a finite number"),
        ([("a.jpg", "1", "cat_1", "1_0")], "the score '1_0' is not a finite number"),
        ([*LISTS, ("a.jpg", "1", "cat_1", "0.5")], "a second list for 'a.jpg'"),
        (
            [("a.jpg", "1", "cat_1", "0.5"), ("a.jpg", "2", "cat_2", "0.6")],
            "the score 0.6 is higher than that of the rank before",
        ),
        (
            [("a.jpg", "1", "cat_1", "0.5"), ("a.jpg", "2", "cat_1", "0.4")],
            "'cat_1' a second time in one list",
        ),
        (
            [("a.jpg", str(n), f"cat_{n}", "0.5") for n in range(1, 12)],
            "more than 10 candidates",
        ),
        ([("a.jpg", "1", "cat_1", "x")] * 9, "9 unusable lines: line 2"),
    ],
)
def test_unusable_candidates_are_noted_and_change_nothing(
    folders: Folders, rows: Rows, why: str
) -> None:
    expected = folders.run().scores
    list_candidates(folders, rows)
    run = folders.run()
    assert run.status == 0
    assert run.scores == expected
    assert "note: candidates.csv was left out, the scores do not need it" in run.stdout
    assert why in run.stdout
    assert "explain_batch" in run.report


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "found nothing"),
        (b"filename,score\n", "found 'filename', 'score'"),
        (b"filename,rank,identity,score\na.jpg,1,\xff,1\n", "it is not UTF-8 text"),
        (b'filename,rank,identity,score\na.jpg,1,"cat', "it is not a readable CSV file"),
    ],
)
def test_a_damaged_candidates_file_is_noted(folders: Folders, content: bytes, why: str) -> None:
    folders.predictions.with_name("candidates.csv").write_bytes(content)
    run = folders.run()
    assert run.status == 0
    assert why in run.stdout
