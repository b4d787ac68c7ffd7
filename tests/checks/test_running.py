"""What a submission does when it runs: every seeded misbehaviour is caught with its code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from PIL import Image

from kit import bundles
from kit.bundles import Bundle
from kit.checks.full import check_submission
from kit.checks.running import probing
from kit.checks.running.forecast import check_forecast
from kit.checks.running.probing import laboratory, planning_program
from kit.submissions import Submission
from tests.support.isolation import need_sandbox
from tests.support.kit import (
    INGESTION,
    competition_yaml,
    make_bundle,
    make_submission,
    zipped,
)
from tests.support.running import GOOD, codes, loading, predicting, run_checks, with_our_ingestion

pytestmark = pytest.mark.process

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
    # An organiser's own program decides: it may have another source of metadata.
    report = run_checks(WANTS_METADATA, tmp_path / "t", third_party)
    assert codes(report) == {"program-fails"}
    giving = INGESTION.replace("Image.open(path))", "Image.open(path), {'site': path.name})")
    with bundles.opened(make_bundle(tmp_path / "giving", ingestion=giving)) as bundle:
        report = run_checks(WANTS_METADATA, tmp_path / "u", bundle)
    assert not report.findings
    assert "only the bundle's own ingestion program" in report.skipped[0].why


def test_a_batch_may_move_a_score_by_a_thousandth_of_the_range(tmp_path: Path) -> None:
    expected: set[str]
    for name, moved, expected in (("s", 2e-4, set()), ("t", 0.5, {"answer-batch"})):
        batched = f"item / self.scale + {moved} * (len(items) > 1)"
        model = GOOD.replace("item / self.scale", batched)
        with bundles.opened(with_our_ingestion(tmp_path / f"b{name}")) as bundle:
            assert codes(run_checks(model, tmp_path / name, bundle)) == expected


def test_a_batch_size_that_ingestion_refuses_is_found(tmp_path: Path, third_party: Bundle) -> None:
    model = GOOD.replace("class Model:", "class Model:\n    batch_size = 0\n")
    with bundles.opened(with_our_ingestion(tmp_path / "b")) as bundle:
        (finding,) = run_checks(model, tmp_path / "s", bundle).findings
    assert finding.code == "predict-fails"
    assert "batch_size" in finding.found


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
