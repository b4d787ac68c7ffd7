"""A bundle's own ingestion program decides how the model is called, on a few of its images."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from PIL import Image

from kit.bundles import opened
from kit.checks.full import check_submission
from kit.checks.running import probing
from kit.checks.running.small_input import small_input
from kit.contracts.reading import contracts
from kit.errors import KitError
from kit.findings.finding import Report
from kit.submissions import Submission
from tests.support.kit import INGESTION, Kit, make_bundle, make_submission
from tests.support.other_contracts import COLUMNS, EVENT_INGESTION, make_event_bundle
from tests.support.running import codes, run_checks

(BEETLES,) = (one for one in contracts() if one.name == "hdr-beetles")
GOOD = """
class Model:
    def load(self):
        pass

    def predict(self, event):
        width = sum(one["relative_img"].size[0] for one in event) / len(event)
        return {
            name: {"mu": width / 100, "sigma": 0.5} for name in ("SPEI_30d", "SPEI_1y", "SPEI_2y")
        }
"""
# What takes all images of a call at once, in a bundle whose contract the kit does not know.
LIST_INGESTION = INGESTION.replace(
    'stream.write(f"{path.name},{model.predict(Image.open(path)):.4f}\\n")',
    'stream.write(f"{path.name},{model.predict([Image.open(path)])[0]:.4f}\\n")',
)
LIST_MODEL = """
class Model:
    def load(self):
        pass

    def predict(self, images):
        return [float(image.size[0]) / 100 for image in images]
"""
DEFECTS = {
    "predict takes one image": (
        "program-fails", GOOD.replace("width = ", "width = event.size[0] if event else "),
    ),
    "mu is an int": ("program-fails", GOOD.replace("width / 100", "1")),
    "a variable is missing": ("program-fails", GOOD.replace('"SPEI_30d", ', "")),
    "one beetle has no standard deviation": (
        "return-not-finite", GOOD.replace("0.5", "0.5 if len(event) > 1 else float('nan')"),
    ),
    "sigma below 0": ("answers-negative", GOOD.replace("0.5", "-0.5")),
    "the process is ended": ("program-fails", "import os\n" + GOOD.replace(
        "width = ", "os._exit(3)\n        width = ")),
    "a file is missing": (
        "program-fails", GOOD.replace("width = ", "open('/nowhere/at/all')\n        width = "),
    ),
    "load raises": ("load-fails", GOOD.replace("pass", "raise ValueError('no weights')")),
}  # fmt: skip


def check(model: str, bundle_folder: Path, folder: Path, limit_s: int = 20) -> Report:
    with opened(bundle_folder) as bundle:
        return run_checks(model, folder, bundle, limit_s)


@pytest.mark.process
def test_a_good_submission_of_events_has_no_findings(kit: Kit, tmp_path: Path) -> None:
    bundle = make_event_bundle(tmp_path / "bundle")
    assert kit("new", "mine", "--bundle", bundle).status == 0
    answer = kit("check", "mine", "--bundle", bundle, "--json")
    assert answer.status == 0, answer.text
    report = answer.json
    assert [one["code"] for one in report["findings"]] == []
    assert {"own program", "scores"} <= set(report["checks"])
    (skipped,) = report["skipped"]
    assert "a list of dicts with three images" in skipped["why"]


@pytest.mark.process
@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_that_the_program_shows_is_caught(name: str, tmp_path: Path) -> None:
    code, model = DEFECTS[name]
    report = check(model, make_event_bundle(tmp_path / "bundle"), tmp_path / "s")
    assert codes(report) == {code}, [str(finding) for finding in report.findings]


@pytest.mark.process
def test_the_line_of_the_submission_and_the_programs_message_are_told(tmp_path: Path) -> None:
    bundle = make_event_bundle(tmp_path / "bundle")
    raising = GOOD.replace("width = ", "width = {}['a'] + ")
    (finding,) = check(raising, bundle, tmp_path / "s").findings
    assert finding.where == "model.py:7"
    assert "KeyError: 'a'" in finding.found
    assert "on 33 of 45 images" not in finding.found
    (finding,) = check(GOOD.replace("width / 100", "1"), bundle, tmp_path / "t").findings
    assert "ended with exit status 1: event 7: expected a float" in finding.found


@pytest.mark.process
def test_a_program_that_leaves_events_out_is_told(tmp_path: Path) -> None:
    leaving = EVENT_INGESTION.replace("in sorted(events.items())", "in sorted(events.items())[1:]")
    report = check(GOOD, make_event_bundle(tmp_path / "bundle", leaving), tmp_path / "s")
    assert [str(one) for one in report.findings] == [
        "predictions.csv: eventID without a prediction: 7"
    ]
    assert codes(report) == {"answers-missing"}


@pytest.mark.process
def test_hidden_data_are_drawn(tmp_path: Path) -> None:
    bundle = make_event_bundle(tmp_path / "bundle")
    shutil.rmtree(bundle / "input_data")
    assert not check(GOOD, bundle, tmp_path / "s").findings
    wrong = check(GOOD.replace("0.5", "0.5 / (len(event) - 1)"), bundle, tmp_path / "t")
    assert codes(wrong) == {"program-fails"}
    assert "on 12 drawn images" in wrong.findings[0].found


@pytest.mark.process
def test_an_unknown_contract_is_left_to_its_program(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle", ingestion=LIST_INGESTION)
    report = check(LIST_MODEL, bundle, tmp_path / "s")
    assert not report.findings, [str(one) for one in report.findings]
    assert "only the bundle's own ingestion program" in report.skipped[0].why
    one_image = LIST_MODEL.replace("for image in images", "for image in [images]")
    assert codes(check(one_image, bundle, tmp_path / "t")) == {"program-fails"}


@pytest.mark.process
def test_an_error_that_the_probe_meets_too_is_told_once(tmp_path: Path) -> None:
    model = LIST_MODEL.replace("return", "raise ValueError('no')\n        return")
    report = check(model, make_bundle(tmp_path / "bundle"), tmp_path / "s")
    assert [finding.code for finding in report.findings] == ["predict-fails"]


@pytest.mark.process
def test_a_program_without_output_is_told(tmp_path: Path) -> None:
    silent = LIST_INGESTION.replace('open(output / "predictions.txt"', 'open("predictions.txt"')
    report = check(LIST_MODEL, make_bundle(tmp_path / "bundle", ingestion=silent), tmp_path / "s")
    assert codes(report) == {"answers-missing"}


@pytest.mark.process
@pytest.mark.parametrize("missing", ["no_such_package_here", "pip"])
def test_a_failure_that_is_this_machines_is_no_finding(missing: str, tmp_path: Path) -> None:
    line = f"import {missing}"
    if missing == "pip":
        line = "sys.exit('ERROR: No matching distribution found for numpy==0.1')"
    lacking = EVENT_INGESTION.replace("from PIL import Image", f"from PIL import Image\n{line}")
    report = check(GOOD, make_event_bundle(tmp_path / "bundle", lacking), tmp_path / "s")
    assert not report.findings
    assert report.skipped[0].check == "own program"
    assert "not installed here" in report.skipped[0].why or "pip may" in report.skipped[0].why


@pytest.mark.process
def test_a_model_of_events_that_tries_the_network_is_not_asked_for_single_images(
    tmp_path: Path,
) -> None:
    head = "import socket, contextlib\n"
    line = "with contextlib.suppress(OSError): socket.create_connection(('192.0.2.1', 80))"
    model = head + GOOD.replace("pass", line, 1)
    report = check(model, make_event_bundle(tmp_path / "bundle"), tmp_path / "s")
    assert codes(report) == {"network-tried"}


def add_images(bundle: Path, count: int = 40) -> None:
    for number in range(4, count):
        Image.new("RGB", (20, 10)).save(bundle / f"input_data/{number}.png")


@pytest.mark.process
def test_a_failure_on_a_part_of_the_images_is_tried_on_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = LIST_INGESTION.replace("model.load()", "assert len([*inputs.iterdir()]) == 40")
    bundle = make_bundle(tmp_path / "bundle", ingestion=counting)
    add_images(bundle)
    assert not check(LIST_MODEL, bundle, tmp_path / "s").findings
    slow = counting.replace("== 40", "== 40\nimport time; time.sleep(60)")
    (bundle / "ingestion_program/ingestion.py").write_text(slow)
    monkeypatch.setattr(probing, "CALL_LIMIT_S", 1.0)
    report = check(LIST_MODEL, bundle, tmp_path / "t")
    assert not report.findings
    assert "does not run on a part of its input data" in report.skipped[0].why


@pytest.mark.process
def test_a_program_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    waiting = LIST_INGESTION.replace("model.load()", "import time; time.sleep(60)")
    bundle = make_bundle(tmp_path / "bundle", ingestion=waiting)
    assert codes(check(LIST_MODEL, bundle, tmp_path / "s", limit_s=1)) == {"probe-timeout"}


def large_event_data(folder: Path) -> Path:
    bundle = make_event_bundle(folder)
    with (bundle / "input_data/input.csv").open("a", newline="") as stream:
        for event in range(20, 30):
            names = [f"images/{event}_{kind}.png" for kind in range(3)]
            for name in names:
                Image.new("RGB", (20, 10)).save(bundle / "input_data" / name)
            csv.writer(stream).writerow([*names, "Carabus", 4, event])
    return bundle / "input_data"


@pytest.mark.process
def test_the_time_of_a_full_run_is_foretold(tmp_path: Path) -> None:
    large_event_data(tmp_path / "bundle")
    slow = "import time\n" + GOOD.replace(
        "width = ", "time.sleep(0.4 * len(event))\n        width = "
    )
    report = check(slow, tmp_path / "bundle", tmp_path / "s")
    assert report.forecast
    assert report.forecast["images"] == 63
    assert report.forecast["measured"] == "21 of 63 images by the bundle's own program"
    assert not report.findings
    assert check(GOOD, tmp_path / "bundle", tmp_path / "t").forecast is None


def test_a_small_copy_keeps_whole_events_of_every_length(tmp_path: Path) -> None:
    data = large_event_data(tmp_path / "bundle")
    small = small_input(data, BEETLES, tmp_path / "small")
    with (small.data / "input.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["eventID"] for row in rows] == ["7", *["9"] * 5, "26"]
    named = {row[column] for row in rows for column in COLUMNS}
    there = {f"images/{path.name}" for path in (small.data / "images").iterdir()}
    assert named == there
    assert (small.images, small.total, str(small)) == (21, 63, "21 of 63 images")
    assert small_input(data, BEETLES, tmp_path / "one", calls=1).images == 3


def test_a_small_copy_without_a_contract_follows_the_tables(tmp_path: Path) -> None:
    data = large_event_data(tmp_path / "bundle")
    (data / "species.csv").write_text("name,number\nCarabus,1\n")
    small = small_input(data, None, tmp_path / "small")
    assert len((small.data / "input.csv").read_text().splitlines()) == 9
    assert (small.data / "species.csv").read_text() == "name,number\nCarabus,1\n"
    assert small.images == 24
    with pytest.raises(KitError, match="hidden"):
        small_input(None, None, tmp_path / "none")


@pytest.mark.process
def test_a_submission_of_another_form_is_not_scored_before_it_runs(tmp_path: Path) -> None:
    bundle = make_event_bundle(tmp_path / "bundle")
    path = make_submission(tmp_path / "s", GOOD.replace("width / 100", "1"))
    report = check_submission(Submission("s", path), bundle, None, None, False)
    assert any("fix program-fails first" in skipped.why for skipped in report.skipped)
