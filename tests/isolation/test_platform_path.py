"""Programs that the kit starts as plain processes see nothing of the checkout."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.isolation.process import environment
from tests.support.kit import MODEL, ROOT, Kit, make_bundle, make_submission, write_tree

SHARED = "from wildlife_reid.open_set import Gallery\n"
GOOD = MODEL


def python(code: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a line of Python as the kit runs programs."""
    env = environment({}, str(home), install=False) | more
    return subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=home, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "module",
    ["kit", "training", "wildlife_reid", "wildlife_scoring", "wildlife_ingestion", "submissions"],
)
def test_a_folder_of_the_checkout_cannot_be_imported(tmp_path: Path, module: str) -> None:
    ended = python(f"import {module}", tmp_path)
    assert f"No module named '{module}'" in ended.stderr
    assert subprocess.run([sys.executable, "-c", f"import {module}"], check=False).returncode == 0


def test_packages_and_the_environment_stay(tmp_path: Path) -> None:
    code = "import json, os, sys, numpy, PIL; print(json.dumps([sys.path, dict(os.environ)]))"
    path, variables = json.loads(python(code, tmp_path).stdout)
    assert "PYTHONPATH" not in variables
    assert not [entry for entry in path if Path(entry or tmp_path).name == "platform_path"]
    assert any(entry.endswith("site-packages") for entry in path)


def test_the_folder_of_a_program_stays(tmp_path: Path) -> None:
    script = write_tree(tmp_path / "program", {"main.py": "import helper", "helper.py": ""})
    env = environment({}, str(tmp_path), install=False)
    ended = subprocess.run([sys.executable, str(script / "main.py")], env=env, check=False)
    assert ended.returncode == 0


def test_the_next_sitecustomize_runs_too(tmp_path: Path) -> None:
    write_tree(tmp_path / "own", {"sitecustomize.py": "print('mine')"})
    env = environment({}, str(tmp_path), install=False)
    paths = f"{env['PYTHONPATH']}:{tmp_path / 'own'}"
    assert python("print('then')", tmp_path, PYTHONPATH=paths).stdout == "mine\nthen\n"


def test_a_plain_install_of_the_kit_hides_no_packages(tmp_path: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = tmp_path / "lib" / version / "site-packages"
    installed = packages / "kit" / "isolation" / "platform_path"
    shutil.copytree(ROOT / "kit/isolation/platform_path", installed)
    paths = {"PYTHONPATH": f"{installed}:{packages}", "PYTHONUSERBASE": str(tmp_path)}
    code = "import json, sys; print(json.dumps(sys.path))"
    found = json.loads(python(code, tmp_path, **paths).stdout)
    assert str(packages) in found
    assert str(installed) not in found


def shared_submission(folder: Path) -> Path:
    """A submission that imports a shared package, next to the checkout's shared packages."""
    submission = make_submission(folder / "team" / "mine", SHARED + GOOD)
    (folder / "team" / "_shared").symlink_to(ROOT / "submissions" / "_shared")
    return submission


@pytest.mark.process
def test_a_shared_package_without_a_copy_fails_here_as_there(kit: Kit, tmp_path: Path) -> None:
    submission, bundle = shared_submission(tmp_path), make_bundle(tmp_path / "bundle")
    run = kit("run", submission, "--bundle", bundle)
    assert run.status == 1
    assert "No module named 'wildlife_reid'" in run.text
    assert "wildlife_reid is imported and not in the submission; `kit vendor`" in run.text
    check = kit("check", submission, "--bundle", bundle)
    assert check.status == 1
    assert (
        "wildlife_reid is a shared package, and not in the submission: `kit vendor`" in check.text
    )
    assert "No module named 'wildlife_reid'" in check.text
    assert kit("vendor", submission).status == 0
    assert kit("run", submission, "--bundle", bundle).status == 0
    assert kit("check", submission, "--bundle", bundle).status == 0
    assert kit("pack", submission, "--out", "mine.zip").status == 0
    assert kit("run", "mine.zip", "--bundle", bundle).status == 0
