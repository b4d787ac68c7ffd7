"""What a submission does when it runs: every seeded misbehaviour is caught with its code."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from PIL import Image

from kit import bundles
from kit.bundles import Bundle
from kit.checks.full import Context, Target, check_running, check_submission
from kit.checks.running import probing
from kit.checks.running.forecast import check_forecast
from kit.checks.running.images import sample
from kit.checks.running.probing import laboratory, planning_program
from kit.checks.running.scored_run import check_scores
from kit.checks.submission.subject import opened
from kit.errors import UsageProblem
from kit.findings.finding import Finding, Report, Skipped
from kit.submissions import Submission
from tests.support.isolation import need_sandbox
from tests.support.kit import (
    ROOT,
    SCORING,
    competition_yaml,
    make_bundle,
    make_submission,
    zipped,
)

GOOD = """
class Model:
    def load(self):
        self.scale = 100

    def preprocess(self, image):
        return float(image.size[0])

    def predict_batch(self, items):
        return [item / self.scale for item in items]

    def predict(self, image):
        return self.predict_batch([self.preprocess(image)])[0]
"""
_PREDICT = "        return self.predict_batch([self.preprocess(image)])[0]"
_LOAD = "        self.scale = 100"


def predicting(lines: str, head: str = "") -> str:
    """The good model with another body of predict, and without its batches."""
    indented = "\n".join(f"        {line}" for line in lines.splitlines())
    text = GOOD.replace(_PREDICT, indented).replace("def predict_batch", "def _other")
    return f"{head}\n{text}"


def loading(lines: str, head: str = "") -> str:
    """The good model with more lines in load."""
    indented = "\n".join(f"        {line}" for line in lines.splitlines())
    return f"{head}\n{GOOD.replace(_LOAD, f'{_LOAD}{chr(10)}{indented}')}"


DEFECTS = {
    "load raises": ("load-fails", loading("raise ValueError('no weights')")),
    "import raises": ("load-fails", "import nowhere_to_be_found\n" + GOOD),
    "predict raises": ("predict-fails", predicting("return {}['a']")),
    "predict_batch raises": ("predict-fails", GOOD.replace("item / self", "item / self.no")),
    "predict ends the process": ("probe-crash", predicting("os._exit(3)", "import os")),
    "a signal ends the process": (
        "probe-crash", predicting("os.kill(os.getpid(), 11)", "import os"),
    ),
    "predict never ends": ("probe-timeout", predicting("while True: pass")),
    "a NumPy scalar": ("return-type", predicting("return np.float32(1)", "import numpy as np")),
    "an int": ("return-type", predicting("return image.size[0]")),
    "None": ("return-type", predicting("pass")),
    "a str": ("return-type", predicting("return str(image.size)")),
    "an array": ("return-type", predicting("return np.zeros(3)", "import numpy as np")),
    "NaN": ("return-not-finite", predicting("return float('nan')")),
    "infinity": ("return-not-finite", predicting("return 1e999")),
    "colour is taken for granted": (
        "odd-picture-fails", predicting("return image.getpixel((0, 0))[2] + float(image.size[0])"),
    ),
    "one pixel is too few": (
        "odd-picture-size", predicting("return float(image.size[0] / (image.size[1] - 1))"),
    ),
    "a wide image never ends": (
        "odd-picture-hangs",
        predicting("while image.size[0] == 20_000: pass\nreturn float(image.size[0])"),
    ),
    "the network in load": (
        "network-needed", loading("urlopen('https://example.org/w')",
                                  "from urllib.request import urlopen"),
    ),
    "the network, and continuing without": (
        "network-tried",
        loading("try:\n    socket.create_connection(('192.0.2.1', 80))\nexcept OSError: pass",
                "import socket"),
    ),
    "random answers": ("answer-repetition", predicting("return random.random()", "import random")),
    "the largest so far": (
        "answer-order",
        predicting("self.most = max(image.size[0], getattr(self, 'most', 0))\n"
                   "return image.size[0] / self.most"),
    ),
    "scaled by its batch": ("answer-batch", GOOD.replace("item / self.scale", "item / len(items)")),
    "leans on the working directory": (
        "answer-cwd", predicting("return len(os.getcwd()) + float(image.size[0])", "import os"),
    ),
    "leans on the hash of a text": (
        "answer-hash-seed", predicting("return float(hash(str(image.size)) % 1000)"),
    ),
    "leans on the threads": (
        "answer-threads",
        predicting("return image.size[0] + float(os.environ.get('OMP_NUM_THREADS', 9))",
                   "import os"),
    ),
    "the same for all": ("answer-constant", predicting("return 0.5")),
    "writes next to the code": (
        "file-written",
        loading("open(__file__ + '.cache', 'w').close()"),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def third_party(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """The builders' bundle, opened once."""
    with bundles.opened(make_bundle(tmp_path_factory.mktemp("bundle") / "b")) as bundle:
        yield bundle


def run_checks(model: str, folder: Path, bundle: Bundle, limit_s: int = 20) -> Report:
    path = make_submission(folder, model)
    report = Report("submission", path.name, path)
    task = replace(bundle.tasks[0], time_limit_s=limit_s)
    program = planning_program(task)
    assert program is not None
    drawn = folder.parent / f"{folder.name}-images"
    drawn.mkdir()
    chosen = sample(task.input_data, drawn)
    submission = Submission(path.name, path)
    with (
        opened(submission) as subject,
        laboratory(submission, limit_s, program, chosen.metadata) as room,
    ):
        context = Context(subject, Target(bundle, task))
        check_running(report, context, room, chosen, drawn)
    return report


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def test_a_good_model_has_no_findings(tmp_path: Path, third_party: Bundle) -> None:
    report = run_checks(GOOD, tmp_path / "s", third_party)
    assert not report.findings
    assert report.forecast
    assert report.forecast["images"] == 4
    assert report.forecast["peak_bytes"] > 1e6


@pytest.mark.parametrize("name", DEFECTS)
def test_a_running_defect_is_caught(
    name: str, tmp_path: Path, third_party: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "CALL_LIMIT_S", 0.4)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # one defect shows with several threads
    code, model = DEFECTS[name]
    report = run_checks(model, tmp_path / "s", third_party)
    assert code in codes(report), [str(finding) for finding in report.findings]


def test_the_line_of_the_submission_is_named(tmp_path: Path, third_party: Bundle) -> None:
    report = run_checks(loading("raise ValueError('no weights')"), tmp_path / "s", third_party)
    assert [(f.where, f.found) for f in report.findings] == [
        ("model.py:6", "load() raised ValueError: no weights")
    ]


def test_hosts_and_hub_ids_are_named(tmp_path: Path, third_party: Bundle) -> None:
    model = loading(
        "repo_id = 'facebook/dinov2-base'\nsocket.getaddrinfo('hub.example.org', 443)",
        "import socket",
    )
    report = run_checks(model, tmp_path / "s", third_party)
    (finding,) = [f for f in report.findings if f.code == "network-needed"]
    assert finding.found == "reached for hub.example.org to fetch facebook/dinov2-base"
    assert finding.where == "model.py:7"


@pytest.mark.parametrize(
    "model",
    [
        loading("urlopen('https://example.org/w')", "from urllib.request import urlopen"),
        loading("urlopen(Request('https://example.org/w')).read()",
                "from urllib.request import Request, urlopen"),
        predicting("urlopen('https://example.org/w')\nreturn 0.5",
                   "from urllib.request import urlopen"),
    ],
    ids=["load", "with a request", "predict"],
)  # fmt: skip
def test_a_network_call_is_one_finding(model: str, tmp_path: Path, third_party: Bundle) -> None:
    report = run_checks(model, tmp_path / "s", third_party)
    assert [finding.code for finding in report.findings] == ["network-needed"]


def test_a_load_beyond_the_time_limit_is_stopped(tmp_path: Path, third_party: Bundle) -> None:
    model = loading("time.sleep(30)", "import signal, time\nsignal.signal = lambda *a: None")
    report = run_checks(model, tmp_path / "s", third_party, limit_s=1)
    assert "probe-timeout" in codes(report)


def test_a_truncated_image_may_raise(tmp_path: Path, third_party: Bundle) -> None:
    model = predicting("image.load()\nreturn float(image.size[0])")
    assert not run_checks(model, tmp_path / "s", third_party).findings


WANTS_METADATA = predicting("return float(image.size[0] + len(metadata['site']))").replace(
    "predict(self, image)", "predict(self, image, metadata)"
)


def with_our_ingestion(folder: Path, metadata: str = "") -> Path:
    """The builders' bundle with our ingestion program, and with a metadata.csv if it is given."""
    bundle = make_bundle(folder)
    shutil.rmtree(bundle / "ingestion_program")
    (bundle / "ingestion_program").symlink_to(ROOT / "ingestion_program")
    if metadata:
        (bundle / "input_data/metadata.csv").write_text(metadata)
    return bundle


def test_a_model_that_wants_metadata_gets_the_row_of_the_image(tmp_path: Path) -> None:
    rows = "".join(f"{number}.png,{'x' * (10 - number)}\n" for number in range(4))
    path = with_our_ingestion(tmp_path / "b", f"filename,site\n{rows}")
    with bundles.opened(path) as bundle:
        assert not run_checks(WANTS_METADATA, tmp_path / "s", bundle).findings
        wrong = WANTS_METADATA.replace("['site']", "['date']")
        assert codes(run_checks(wrong, tmp_path / "t", bundle)) >= {"predict-fails"}


def test_a_bundle_in_zips_gives_the_metadata_too(tmp_path: Path) -> None:
    rows = "".join(f"{number}.png,{'x' * (10 - number)}\n" for number in range(4))
    path = with_our_ingestion(tmp_path / "b", f"filename,site\n{rows}")
    content = competition_yaml()
    content["tasks"][0]["input_data"] = zipped(path / "input_data").name
    (path / "competition.yaml").write_text(yaml.safe_dump(content))
    with bundles.opened(path) as bundle:
        assert not run_checks(WANTS_METADATA, tmp_path / "s", bundle).findings


def test_metadata_that_the_bundle_does_not_have_is_refused_as_in_the_run(
    tmp_path: Path, third_party: Bundle
) -> None:
    with bundles.opened(with_our_ingestion(tmp_path / "b")) as bundle:
        (finding,) = run_checks(WANTS_METADATA, tmp_path / "s", bundle).findings
    assert finding.code == "predict-fails"
    assert "give the parameter a default" in finding.found
    # An organiser's own program may have another source of metadata.
    report = run_checks(WANTS_METADATA, tmp_path / "t", third_party)
    assert not report.findings
    assert "only the bundle's own ingestion program" in report.skipped[0].why


def test_a_batch_size_that_ingestion_refuses_is_found(tmp_path: Path, third_party: Bundle) -> None:
    model = GOOD.replace("class Model:", "class Model:\n    batch_size = 0\n")
    with bundles.opened(with_our_ingestion(tmp_path / "b")) as bundle:
        (finding,) = run_checks(model, tmp_path / "s", bundle).findings
    assert finding.code == "predict-fails"
    assert "batch_size" in finding.found


def test_without_an_ingestion_program_the_probes_are_skipped(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> Path:
        raise UsageProblem("no checkout")

    monkeypatch.setattr(probing, "checkout", nowhere)
    path = make_submission(tmp_path / "s", GOOD)
    report = check_submission(Submission("s", path), bundle, None, None, quick=False)
    assert [item.why for item in report.skipped] == [
        "the ingestion program, whose plan says how a model is called, is not here"
    ] * 2


def test_a_submission_that_writes_into_its_folder_is_laid_out_again(
    tmp_path: Path, third_party: Bundle
) -> None:
    model = make_submission(tmp_path / "s", loading("open(__file__ + '.cache', 'a').close()"))
    program = planning_program(third_party.tasks[0])
    assert program is not None
    with laboratory(Submission("s", model), 20, program) as room:
        before = room.files()
        room.probe(sorted(third_party.path.glob("input_data/*.png")))
        assert room.files().keys() == before.keys() | {"model.py.cache"}
        room.restore()
        assert room.files().keys() == before.keys()


FORECAST = {
    "images": 1000, "batched": False, "seconds": 300.0, "seconds_at_p95": 400.0,
    "limit_seconds": 600, "peak_bytes": 10**9,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"seconds": 601.0}, ["time-limit"]),
        ({"seconds": 421.0}, ["time-tight"]),
        ({"seconds_at_p95": 601.0}, ["time-tight"]),
        ({"seconds_at_p95": 601.0, "batched": True}, []),
        ({"peak_bytes": 10**10}, ["memory-high"]),
    ],
)
def test_time_and_memory_are_held_against_the_limits(
    changes: dict[str, object], expected: list[str]
) -> None:
    assert [finding.code for finding in check_forecast(FORECAST | changes)] == expected


# A metric of the order alone: the share of pairs that are the right way round.
RANKING = """
import json, sys
from pathlib import Path
inputs, output = map(Path, sys.argv[1:3])
rows = [line.split(",") for line in (inputs / "res/predictions.txt").read_text().split()]
answers = dict(line.split(",") for line in (inputs / "ref/ref.csv").read_text().split()[1:])
high = [float(v) for n, v in rows if answers[n] == "1"]
low = [float(v) for n, v in rows if answers[n] == "0"]
share = sum((h > l) + (h == l) / 2 for h in high for l in low) / len(high) / len(low)
(output / "scores.json").write_text(json.dumps({"challenge_score": share, "accuracy": share}))
"""


def scored(folder: Path, predict: str, scoring: str) -> list[Finding]:
    path = make_submission(folder / "s", predicting(predict))
    with bundles.opened(make_bundle(folder / "b", scoring=scoring)) as bundle:
        task = bundle.tasks[0]
        program = planning_program(task)
        assert program is not None
        with laboratory(Submission("s", path), task.time_limit_s, program) as room:
            found = check_scores(room, bundle, task)
            return [item for item in found if isinstance(item, Finding)]


@pytest.mark.parametrize(
    ("code", "predict", "scoring"),
    [
        ("negated-better", "return -float(image.size[0])", RANKING),
        ("predictions-constant", "return 0.5", RANKING),
        ("score-missing", "return 0.5",
         RANKING.replace('"accuracy": share', '"acuracy": share')),
        ("score-unknown", "return float(image.size[0])",
         RANKING.replace('"accuracy": share', '"accuracy": share, "rmse": 0.1')),
        ("score-unknown", "return float(image.size[0])",
         RANKING.replace('"accuracy": share', '"accuracy": share, "curve": [1]')),
        ("run-fails", "return float(image.size[0])", "raise SystemExit('no')"),
        ("rounding-ties",
         "return {20: 0.1, 30: 0.50001, 80: 0.50002}[image.size[0]]", RANKING),
        ("rounding-ties-harmless",
         "return image.size[0] + 1e-6 * float('1.png' in image.filename)", RANKING),
    ],
)  # fmt: skip
def test_a_scored_defect_is_caught(tmp_path: Path, code: str, predict: str, scoring: str) -> None:
    assert code in [finding.code for finding in scored(tmp_path, predict, scoring)]


def test_a_good_score_has_no_findings(tmp_path: Path) -> None:
    assert not scored(tmp_path, "return float(image.size[0])", RANKING)
    assert not scored(tmp_path / "other", "return image.size[0] / 100", SCORING)


def test_what_rounding_costs_is_named(tmp_path: Path) -> None:
    predict = "return {20: 0.1, 30: 0.50001, 80: 0.50002}[image.size[0]]"
    (finding,) = scored(tmp_path, predict, RANKING)
    assert "3 predictions are equal only after rounding" in finding.found
    assert "challenge_score 0.7500 instead of 1.0000" in finding.found


def with_mean(scoring: str, folder: Path) -> list[Finding]:
    """The findings on a scored run of a bundle with a computed column."""
    path = make_submission(folder / "s", predicting("return float(image.size[0])"))
    content = competition_yaml()
    mean = {"title": "Mean", "key": "mean", "index": 2, "computation": "avg"}
    content["leaderboards"][0]["columns"].append(mean | {"computation_indexes": [0, 1]})
    with bundles.opened(make_bundle(folder / "b", content, scoring=scoring)) as bundle:
        program = planning_program(bundle.tasks[0])
        assert program is not None
        with laboratory(Submission("s", path), 20, program) as room:
            found = check_scores(room, bundle, bundle.tasks[0])
            return [item for item in found if isinstance(item, Finding)]


def test_computed_columns_with_missing_parts_or_written_themselves_are_found(
    tmp_path: Path,
) -> None:
    assert not with_mean(RANKING, tmp_path / "good")
    missing = with_mean(RANKING.replace(', "accuracy": share', ""), tmp_path / "missing")
    assert [item.code for item in missing] == ["score-missing", "computed-incomplete"]
    written = RANKING.replace('{"challenge_score"', '{"mean": 1, "challenge_score"')
    assert [item.code for item in with_mean(written, tmp_path / "written")] == ["computed-written"]


def test_a_model_that_knows_nothing_is_not_told_to_negate(tmp_path: Path) -> None:
    # One of the two wide images before the others, one after: just below chance.
    predict = "return {'1': 9.0, '0': 3.0, '2': 4.0, '3': 2.0}[image.filename[-5]]"
    found = scored(tmp_path, predict, RANKING.replace("share = ", "share = 0.9 * "))
    assert "negated-better" not in [item.code for item in found]


def test_what_the_mode_may_have_caused_is_no_finding(tmp_path: Path) -> None:
    path = make_submission(tmp_path / "s", predicting("return float(image.size[0])"))
    bundle = make_bundle(tmp_path / "b", scoring="import no_such_package_of_ours\n" + RANKING)
    with bundles.opened(bundle) as opened_bundle:
        task = opened_bundle.tasks[0]
        program = planning_program(task)
        assert program is not None
        with laboratory(Submission("s", path), 20, program) as room:
            (skipped,) = check_scores(room, opened_bundle, task)
    assert isinstance(skipped, Skipped)
    assert "no_such_package_of_ours is not installed here" in skipped.why
    assert "pip install no_such_package_of_ours" in skipped.command


def test_a_bundle_whose_programs_name_app_paths_is_scored_too(tmp_path: Path) -> None:
    need_sandbox()
    naming = RANKING.replace("map(Path, sys.argv[1:3])", "Path('/app/input'), Path('/app/output')")
    assert not scored(tmp_path, "return float(image.size[0])", naming)


def test_a_late_nan_is_one_message_with_image_and_value(tmp_path: Path) -> None:
    # With our ingestion program, which refuses it after the images that the probe looks at.
    path = make_submission(
        tmp_path / "s", predicting("return float('nan' if 'zz' in image.filename else 1)")
    )
    folder = with_our_ingestion(tmp_path / "b")
    for number in range(20):
        shutil.copy(folder / "input_data/0.png", folder / f"input_data/a{number:02}.png")
    shutil.copy(folder / "input_data/0.png", folder / "input_data/zz.png")
    with bundles.opened(folder) as bundle:
        program = planning_program(bundle.tasks[0])
        assert program is not None
        with laboratory(Submission("s", path), 20, program) as room:
            (finding,) = check_scores(room, bundle, bundle.tasks[0])
    assert isinstance(finding, Finding)
    assert finding.code == "run-fails"
    assert "zz.png (image 25 of 25): found nan, which is not finite" in finding.found
    assert "\n" not in finding.found
    assert "log" not in finding.found


def test_convert_is_advised_only_where_the_mode_is_the_cause(
    tmp_path: Path, third_party: Bundle
) -> None:
    wrong = predicting("return image.no_such_attribute")
    report = run_checks(wrong, tmp_path / "s", third_party)
    assert codes(report) == {"predict-fails"}
    assert all("convert" not in f.found + f.todo for f in report.findings)
    # Every odd image fails, those in RGB too: not their mode.
    small = predicting("return float(image.size[0] / (1 < image.size[0] <= 80))")
    report = run_checks(small, tmp_path / "t", third_party)
    assert codes(report) == {"odd-picture-size"}


def test_convert_is_advised_where_the_tasks_own_images_need_it(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "b")
    for path in sorted((folder / "input_data").iterdir()):
        Image.open(path).convert("L").save(path)
    model = predicting("return float(image.getpixel((0, 0))[2] + image.size[0])")
    with bundles.opened(folder) as bundle:
        report = run_checks(model, tmp_path / "s", bundle)
    (finding,) = [item for item in report.findings if item.code == "predict-fails"]
    assert "converted to RGB it is predicted" in finding.found


def test_a_check_tells_what_begins(tmp_path: Path, bundle: Path) -> None:
    told: list[str] = []
    path = make_submission(tmp_path / "s", GOOD)
    check_submission(Submission("s", path), bundle, None, None, quick=False, tell=told.append)
    assert told == [
        "reading the files",
        "loading the model and predicting up to 4 images",
        "predicting again in another folder and with one thread",
        "running and scoring it as kit run does",
    ]


def test_a_submission_that_names_app_paths_is_judged_by_its_scored_run(
    tmp_path: Path, bundle: Path
) -> None:
    need_sandbox()
    model = loading("open('/app/ingested_program/metadata').close()")
    path = make_submission(tmp_path / "s", model)
    report = check_submission(Submission("s", path), bundle, None, None, quick=False)
    assert not report.count("error"), report.findings
    (skipped,) = report.skipped
    assert "model.py:" in skipped.why
    assert "names /app/ingested_program/metadata" in skipped.why
    assert "scores" in report.checks


def test_paths_in_messages_lead_to_the_users_files(tmp_path: Path, third_party: Bundle) -> None:
    model = loading("open(os.path.join(os.path.dirname(__file__), 'w.npz'))", "import os")
    report = run_checks(model, tmp_path / "s", third_party)
    (finding,) = [item for item in report.findings if item.code == "load-fails"]
    assert f"'{tmp_path}/s/w.npz'" in finding.found
