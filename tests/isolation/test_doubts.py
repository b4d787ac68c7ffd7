"""Where a mode's own limit can be the cause of a failure, the platform's verdict is unknown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kit import bundles, submissions
from kit.isolation.app_paths import app_paths
from tests.support.isolation import need_sandbox
from tests.support.kit import (
    INGESTION,
    SCORING,
    Answer,
    Kit,
    make_bundle,
    make_submission,
    write_tree,
    zipped,
)

# As most public bundles have it: paths in the code, none in the command.
NAMING = SCORING.replace("map(Path, sys.argv[1:3])", "Path('/app/input'), Path('/app/output')")


def found_in(folder: Path, name: str, text: str) -> list[str]:
    """The /app paths of a scoring program that holds one more file."""
    bundle = make_bundle(folder / "bundle")
    write_tree(bundle, {f"scoring_program/{name}": text})
    submission = submissions.find(str(make_submission(folder / "s")))
    with bundles.opened(bundle) as opened:
        return [str(item) for item in app_paths(opened.tasks[0], submission)]


@pytest.mark.parametrize(
    ("name", "text", "line", "path"),
    [
        ("a.py", "x = '/app/input/res'\n", 1, "/app/input/res"),
        ("a.py", "import os\nos.listdir('/app')\n", 2, "/app"),
        ("a.py", "x = f'/app/input/{1}'\n", 1, "/app/input/"),
        ("a.py", "os.system('cp x /app/output')\n", 1, "/app/output"),
        ("a.py", "print '/app/input'\n", 1, "/app/input"),
        ("run.sh", "#!/bin/sh\ncat /app/input/ref/x\n", 2, "/app/input/ref/x"),
        ("run.R", "x <- read.csv('/app/input/x.csv')\n", 1, "/app/input/x.csv"),
        ("settings.json", '{"out": "/app/output"}', 1, "/app/output"),
        ("metadata.yaml", "command: sh /app/tools/run.sh\n", None, "/app/tools/run.sh"),
    ],
)
def test_paths_of_a_programs_own_are_found(
    tmp_path: Path, name: str, text: str, line: int | None, path: str
) -> None:
    where = f"{name}:{line}" if line else name
    assert found_in(tmp_path, name, text) == [f"scoring_program/{where} names {path}"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", '"""Reads /app/input and writes /app/output."""\nx = 1\n'),
        ("a.py", "def f():\n    '''/app/input'''\n"),
        ("a.py", "# /app/input\nx = '/apple', 'https://a.org/app/x', '/usr/app', '/app-x'\n"),
        ("a.py", "x = f'{1}/app/input'\n"),
        ("run.sh", "# in /app/input\necho $HOME/app/x\n"),
        ("README.md", "/app/input"),
        ("metadata.yaml", "command: python3 x.py /app/input/ref /app/output --in=/app/shared/x\n"),
    ],
)
def test_what_only_looks_like_a_path_is_none(tmp_path: Path, name: str, text: str) -> None:
    assert found_in(tmp_path, name, text) == []


def test_programs_in_zips_and_the_submission_are_looked_at(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle", scoring=NAMING)
    shutil.copytree(bundle / "scoring_program", tmp_path / "scoring_program")
    shutil.rmtree(bundle / "scoring_program")
    zipped(tmp_path / "scoring_program").rename(bundle / "scoring_program")
    model = make_submission(tmp_path / "s", model="x = open('/app/ingested_program/w')\n")
    for path in (model, zipped(model)):
        with bundles.opened(bundle) as opened:
            found = app_paths(opened.tasks[0], submissions.find(str(path)))
        assert [str(item) for item in found] == [
            "scoring_program/scoring.py:4 names /app/input",
            "model.py:1 names /app/ingested_program/w",
        ]


@pytest.mark.process
def test_auto_takes_the_first_faithful_mode_where_a_program_names_app(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    need_sandbox()
    bundle = make_bundle(tmp_path / "bundle", scoring=NAMING)
    record = kit("run", submission, "--bundle", bundle, "--json").json
    assert record["ok"]
    assert record["mode"] == "sandbox"
    assert record["notes"] == [
        "--mode sandbox, because scoring_program/scoring.py:4 names /app/input"
    ]
    plain = kit("run", submission, "--bundle", make_bundle(tmp_path / "plain"), "--json").json
    assert plain["mode"] == "subprocess"
    assert plain["notes"] == []


def test_where_no_faithful_mode_works_the_verdict_is_unknown(
    kit: Kit, tmp_path: Path, submission: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    bundle = make_bundle(tmp_path / "bundle", scoring=NAMING)
    answer = kit("run", submission, "--bundle", bundle, "--out", "here")
    assert answer.status == 1
    assert (
        "no mode with a real /app works here: --mode sandbox: expected the programs" in answer.text
    )
    assert "On the platform: unknown" in answer.text
    assert "use --mode sandbox or --mode container" in answer.text
    assert json.loads(Path("here/run.json").read_text())["platform"]["status"] == "unknown"


def fails(kit: Kit, tmp_path: Path, line: str, *options: str) -> Answer:
    """A run whose scoring program fails at one line."""
    bundle = make_bundle(tmp_path / "bundle", scoring=f"{line}\n{SCORING}")
    answer = kit("run", make_submission(tmp_path / "s"), "--bundle", bundle, "--json", *options)
    assert answer.status == 1
    return answer


@pytest.mark.process
@pytest.mark.parametrize(
    ("line", "reason", "todo"),
    [
        ("import cv3", "the package cv3 is not installed here", "pip install cv3; or --install"),
        ("import skimage.io", "the package scikit-image is not installed", "--mode container"),
        ("import numpy; numpy.float", "the numpy of this machine may be of another version", "im"),
        ("from numpy import nothing", "the numpy of this machine may be of another version", "im"),
        ("import subprocess; subprocess.run(['Rscript3'])", "Rscript3 is not on this machine", "i"),
        ("import os, sys; sys.exit(os.system('ffmpeg9') > 0)", "ffmpeg9 is not on this mac", "im"),
        ("open('/ap' + 'p/input/x')", "looked for /app/input/x", "--mode sandbox"),
        ("import subprocess as s, sys; s.run([sys.executable, '-m', 'pip', 'install', 'nope-x'], "
         "check=True)", "pip may not install nope-x here", "--install"),
    ],
)  # fmt: skip
def test_a_limit_of_the_mode_makes_no_platform_verdict(
    kit: Kit, tmp_path: Path, line: str, reason: str, todo: str
) -> None:
    verdict = fails(kit, tmp_path, line, "--mode", "subprocess").json["platform"]
    assert verdict["status"] == "unknown"
    assert reason in verdict["message"]
    assert todo in verdict["todo"]


@pytest.mark.process
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("open('/app/input/ref/x', 'w')", "could not write to /app/input/ref/x"),
        ("open('/var/x', 'w')", "/var/x is not on this machine"),
        ("import os, sys; sys.exit(os.system('touch /app/input/ref/x') > 0)", "write to /app/inp"),
        (
            "import sys; sys.exit('save failed, errno 30, Read-only file system')",
            "to a file, where",
        ),
        ("import socket; socket.create_connection(('10.1.2.3', 80))", "wanted the network"),
        ("import socket; socket.getaddrinfo('pypi.org', 80)", "wanted the network"),
    ],
)
def test_a_limit_of_the_sandbox_makes_none_either(
    kit: Kit, tmp_path: Path, line: str, reason: str
) -> None:
    need_sandbox()
    verdict = fails(kit, tmp_path, line, "--mode", "sandbox").json["platform"]
    assert verdict["status"] == "unknown"
    assert reason in verdict["message"]


@pytest.mark.process
@pytest.mark.parametrize(
    "line",
    ["raise ValueError('/app/input')", "import model", "open('missing.csv')", "1 / 0",
     "open('run.sh', 'w'); import subprocess; subprocess.run(['./run.sh'])",
     "from pathlib import nothing", "import kit"],
)  # fmt: skip
def test_a_fault_of_the_program_itself_keeps_its_verdict(
    kit: Kit, tmp_path: Path, line: str
) -> None:
    verdict = fails(kit, tmp_path, line.replace("/app", "/" + "opt")).json["platform"]
    assert verdict["status"] == "Failed"


def test_a_requirement_that_is_not_installed_is_named_with_pip_and_install(
    kit: Kit, tmp_path: Path
) -> None:
    needing = INGESTION.replace("import sys", "import sys, no_such_package_of_ours")
    bundle = make_bundle(tmp_path / "bundle", ingestion=needing)
    path = make_submission(tmp_path / "s", **{"requirements.txt": "no-such-package-of-ours>=2\n"})
    answer = kit("run", path, "--bundle", bundle)
    assert "On the platform: unknown" in answer.text
    assert "the package no-such-package-of-ours>=2 is not installed here" in answer.text
    assert "pip install no-such-package-of-ours" in answer.text
    assert "--install" in answer.text
