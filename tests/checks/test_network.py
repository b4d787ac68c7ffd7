"""One use of the network is one finding, and what stays on the machine is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.checks.engine import check_statically
from kit.submissions import Submission
from tests.support.checks import good_submission
from tests.support.kit import Kit

# Name -> the lines at the head of the module, and those in load().
USES: dict[str, tuple[str, str]] = {
    "requests": ("import requests", "requests.get('https://example.org/w', timeout=5).json()"),
    "a session": (
        "import requests",
        "session = requests.Session()\nself.w = session.get('https://example.org/w').content",
    ),
    "a session in a with": (
        "import requests",
        "with requests.Session() as session:\n    session.get('https://example.org/w')",
    ),
    "a session at once": ("import requests", "requests.Session().get('https://example.org/w')"),
    "a session that does what is not seen": (
        "import requests\nfrom helper import fetch", "fetch(requests.Session())",
    ),
    "urlretrieve": (
        "import urllib.request", "urllib.request.urlretrieve('https://example.org/w', '/tmp/w')",
    ),
    "urlopen of a request": (
        "import urllib.request",
        "urllib.request.urlopen(urllib.request.Request('https://example.org/w')).read()",
    ),
    "a request first": (
        "from urllib.request import Request, urlopen\nURL = 'https://example.org/w'",
        "wanted = Request(URL)\nurlopen(wanted)",
    ),
    "an opener": (
        "import urllib.request",
        "opener = urllib.request.build_opener()\nopener.open('https://example.org/w')",
    ),
    "curl": ("import os", "os.system('curl -O https://example.org/w')"),
    "wget": ("import subprocess", "subprocess.run(['wget', 'https://example.org/w'])"),
    "the hub": (
        "from huggingface_hub import hf_hub_download", "hf_hub_download('org/net', 'w.pt')",
    ),
    "torch.hub": ("import torch", "torch.hub.load_state_dict_from_url('https://example.org/w')"),
}  # fmt: skip
NO_USES: dict[str, tuple[str, str]] = {
    "a script of its own": (
        "import os\nif __name__ == '__main__':\n    os.system('curl -O https://example.org/w')",
        "pass",
    ),
    "the machine's name": ("import socket", "socket.gethostname()"),
    "a path of an address": ("import urllib.request", "urllib.request.pathname2url('a b')"),
    "an address that is only named": ("URL = 'https://example.org/paper'", "pass"),
    "an error of a client": ("import urllib.error", "urllib.error.URLError('no')"),
}


def submission_with(folder: Path, head: str, lines: str) -> Submission:
    good_submission(folder)
    (folder / "helper.py").write_text("def fetch(session):\n    return session\n")
    with (folder / "requirements.txt").open("a") as required:
        required.write("torch\n")
    body = "".join(f"        {line}\n" for line in lines.splitlines())
    model = (folder / "model.py").read_text()
    model = model.replace("from pathlib import Path\n", f"from pathlib import Path\n\n{head}\n")
    marked = "    def load(self) -> None:\n"
    (folder / "model.py").write_text(model.replace(marked, marked + body))
    return Submission("mine", folder)


@pytest.mark.parametrize("name", USES)
def test_one_use_is_one_finding(name: str, tmp_path: Path) -> None:
    report = check_statically(submission_with(tmp_path, *USES[name]))
    found = [finding for finding in report.findings if finding.code != "requirement-differs-here"]
    assert [finding.code.partition("-")[0] for finding in found] == ["network"]
    address = "https://example.org" in "".join(USES[name])
    assert not address or "example.org" in found[0].found


@pytest.mark.parametrize("name", NO_USES)
def test_what_stays_here_is_no_finding(name: str, tmp_path: Path) -> None:
    report = check_statically(submission_with(tmp_path, *NO_USES[name]))
    assert not [finding for finding in report.findings if finding.code.startswith("network")]


def test_two_uses_are_two_findings(tmp_path: Path) -> None:
    lines = "urlopen('https://example.org/a')\nurlopen('https://example.com/b')"
    report = check_statically(
        submission_with(tmp_path, "from urllib.request import urlopen", lines)
    )
    assert [finding.found.split()[-1] for finding in report.findings] == [
        "example.org",
        "example.com",
    ]


def test_what_running_shows_replaces_what_was_read(kit: Kit, bundle: Path, tmp_path: Path) -> None:
    head, lines = USES["urlopen of a request"]
    folder = submission_with(tmp_path / "s", head, lines).path
    (folder / "requirements.txt").write_text("numpy\n")
    answer = kit("check", folder, "--bundle", bundle, "--json")
    codes = [finding["code"] for finding in answer.json["findings"]]
    assert "network-needed" in codes
    assert not {"network-call", "load-fails"} & set(codes)
