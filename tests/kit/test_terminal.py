"""What comes from outside reaches the terminal escaped, whichever way it takes."""

from __future__ import annotations

import ast
import json
import os
import pty
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.control_characters import escaped, escaped_in_json
from tests.support.kit import MODEL, ROOT, Kit, make_bundle, make_submission

pytestmark = pytest.mark.process

# Clear the screen, set the title (C0 and C1 forms), turn the order of letters, delete.
NASTY = "\x1b[2J\x1b]0;owned\x07\x9b2J\u202ecba\u2066\x7f\x08"
SHOWN = r"\x1b[2J\x1b]0;owned\x07\x9b2J\u202ecba\u2066\x7f\x08"
CONTROLS = {*range(0x20), 0x7F, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
ALLOWED = {ord("\n"), ord("\t")}


def controls_in(text: str) -> set[str]:
    return {char for char in text if ord(char) in CONTROLS - ALLOWED}


@given(st.text())
def test_escaped_text_has_no_control_character_and_keeps_the_rest(text: str) -> None:
    shown = escaped(text)
    assert not controls_in(shown)
    shown.encode("utf-8")
    plain = "".join(c for c in text if ord(c) not in CONTROLS and not "\ud800" <= c <= "\udfff")
    assert escaped(plain) == plain


@given(st.text())
def test_a_json_document_means_the_same(text: str) -> None:
    document = escaped_in_json(json.dumps({text: text}, ensure_ascii=False))
    assert not controls_in(document)
    assert json.loads(document) == {text: text}


def test_letters_and_emoji_stay_and_colours_go() -> None:
    assert escaped("größe 文件 🦋 عربي é\t\n") == "größe 文件 🦋 عربي é\t\n"
    assert escaped("\x1b[1;31mError\x1b[0m\r\nnext") == "Error\nnext"


HOSTILE = f"""
import sys
NASTY = {NASTY!r}
class Model:
    def load(self):
        print(NASTY)
        print(NASTY, file=sys.stderr, flush=True)
    def predict(self, image):
        raise RuntimeError(NASTY)
"""


def ask(kit: Kit, *arguments: str | Path) -> str:
    """Run a command that has to show the sequences, and only escaped."""
    answer = kit(*arguments)
    assert not controls_in(answer.out + answer.err)
    return answer.out + answer.err


def test_no_command_lets_a_sequence_of_a_submission_through(kit: Kit, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    name = f"a{NASTY.replace('/', '')}.bin"
    files: dict[str, str | bytes] = {
        name: b"x",
        "metadata": json.dumps({"description": NASTY, "track": NASTY}),
        "weights.json": '{"format": 1, "files": []}',
    }
    folder = make_submission(tmp_path / "s", HOSTILE, **files)
    assert SHOWN in ask(kit, "run", folder, "--bundle", bundle)
    assert r"\x9b2J" in ask(kit, "check", folder, "--bundle", bundle, "--github")
    assert r"\x9b2J" in ask(kit, "check", folder)
    assert r"\x9b2J" in ask(kit, "pack", folder)
    assert r"\x9b2J" in ask(kit, "run", folder)
    for path in Path("runs").glob("*/run.json"):
        text = path.read_text(encoding="utf-8")
        assert not controls_in(text)
        assert json.loads(text)["notes"]
    log = next(Path("runs").glob("*/logs/prediction_ingestion_stderr.txt"))
    assert NASTY.encode() in log.read_bytes()


def test_no_command_lets_a_sequence_of_the_command_line_through(kit: Kit) -> None:
    for arguments in (
        ["check", NASTY], ["run", NASTY], [NASTY], ["run", f"--{NASTY}"], ["run", "x", NASTY],
        ["new", NASTY, "--track", "hybrid"], ["new", "x", "--track", NASTY],
        ["run", "constant", "--task", NASTY], ["run", "constant", "--memory", NASTY],
        ["score", NASTY, NASTY], ["bundle", NASTY], ["vendor", NASTY], ["--debug", "run", NASTY],
    ):  # fmt: skip
        assert r"\x1b" in ask(kit, *arguments), arguments


def test_json_on_standard_output_has_no_sequence(kit: Kit, tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "s", HOSTILE)
    bundle = make_bundle(tmp_path / "bundle")
    found = json.loads(ask(kit, "check", folder, "--bundle", bundle, "--json"))["findings"]
    assert any("\x9b2J" in finding["found"] for finding in found)


def test_a_zip_and_a_bundle_with_sequences_are_shown_escaped(kit: Kit, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("model.py", MODEL)
        archive.writestr(f"../{NASTY}", "x")
    assert "x1b" in ask(kit, "check", tmp_path / "s.zip")
    folder = make_bundle(tmp_path / "bundle")
    text = (folder / "competition.yaml").read_text()
    title = text.replace("Third party", json.dumps(f"My {NASTY}")).replace(
        "Only task", json.dumps(NASTY)
    )
    (folder / "competition.yaml").write_text(title, encoding="utf-8")
    submission = make_submission(tmp_path / "plain")
    assert SHOWN in ask(kit, "run", submission, "--bundle", folder)
    scoring = f"import sys\nsys.exit({NASTY!r})\n"
    assert SHOWN in ask(
        kit, "run", submission, "--bundle", make_bundle(tmp_path / "b", scoring=scoring)
    )


def test_colours_of_a_message_stay_out_of_text_and_json(kit: Kit, tmp_path: Path) -> None:
    model = 'class Model:\n    def load(self):\n        raise ValueError("\\x1b[1mdo\\x1b[0m so")\n'
    folder = make_submission(tmp_path / "s", model + "    def predict(self, image): return 0.5\n")
    bundle = make_bundle(tmp_path / "bundle")
    assert "do so" in kit("check", folder, "--bundle", bundle).text
    answer = kit("check", folder, "--bundle", bundle, "--json")
    assert "raised ValueError: do so" in answer.out
    assert "1b[1m" not in answer.out


def test_warnings_of_a_source_are_not_printed(kit: Kit, tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "s", 'A = "\\\x1b"\n' + MODEL)
    answer = kit("check", folder, "--quick")
    assert "Warning" not in answer.err
    assert not controls_in(answer.out + answer.err)


def test_the_progress_line_of_a_terminal_is_escaped(tmp_path: Path) -> None:
    slow = HOSTILE.replace("raise RuntimeError(NASTY)", "import time; time.sleep(1); return 0.5")
    folder = make_submission(
        tmp_path / "s", slow.replace("print(NASTY)", "print('[red]', NASTY, flush=True)")
    )
    bundle = make_bundle(tmp_path / "bundle")
    command = [sys.executable, "-m", "kit", "run", str(folder), "--bundle", str(bundle)]
    seen = output_on_a_terminal(command, tmp_path)
    assert "[red]" in seen
    for sequence in ("\x1b[2J", "\x1b]0;", "\x9b2J", "\u202e"):
        assert sequence not in seen


def output_on_a_terminal(command: list[str], folder: Path) -> str:
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=folder, stdout=follower, stderr=follower, stdin=follower, env=environment
    )
    os.close(follower)
    chunks = []
    try:
        while chunk := os.read(leader, 1 << 16):
            chunks.append(chunk)
    except OSError:
        pass  # the other side is closed
    process.wait()
    os.close(leader)
    return b"".join(chunks).decode("utf-8", "replace")


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in sorted((ROOT / "kit").rglob("*.py"))
        if path.name != "printing.py"
        and not {"bundle_template", "submission_templates"} & {*path.parts}
    ],
    ids=str,
)
def test_nothing_but_printing_writes_to_the_terminal(path: Path) -> None:
    programs = ("probe.py", "supervisor.py", "sitecustomize.py")
    if path.name in programs or path.parent.name == "served_submission":
        return  # run as programs of their own, with output to a log
    called = {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }
    wrong = called & {
        "print", "click.echo", "click.secho", "Console", "rich.print", "sys.stdout.write",
        "sys.stderr.write", "traceback.print_exc",
    }  # fmt: skip
    assert not wrong
