"""The code blocks of the documents, and how a test runs a block of shell commands.

```sh runs in a checkout, in the order of the page. ```bash runs in an empty folder, with the kit's
wheel. ```console is not run: it needs an engine, photographs, a whole environment or minutes; its
commands and options are looked up.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click

from tests.support.repository import ROOT, make_targets, tracked
from wildlife_scoring.tracks import TRACKS

SHELLS = ("sh", "bash", "console")
# What `kit init` writes into other repositories.
_TEMPLATES = ROOT / "kit" / "team_template"
# Other commands, which a test stands for: `make demo` sets up an environment before it runs this.
_STANDS_FOR = {"make demo": "kit run wing_pattern_sgd"}
_OTHER_PROGRAMS = ("docker",)


def documents() -> list[Path]:
    """Return every document in git that may show commands."""
    return [path for path in sorted(tracked("*.md")) if path.parent != _TEMPLATES]


def blocks(path: Path, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def with_blocks(language: str) -> list[Path]:
    """Return the documents that have a block of this language."""
    return [path for path in documents() if blocks(path, language)]


def commands(block: str) -> list[list[str]]:
    """Return the words of each command of a block, comments left out."""
    lines = block.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def run_page(path: Path, checkout: Path) -> None:
    """Run the ```sh blocks of a document in a copy of the checkout, one after the other."""
    text = "\n".join(blocks(path, "sh"))
    for command, other in _STANDS_FOR.items():
        text = re.sub(rf"^{command}\b", other, text, flags=re.MULTILINE)
    ended = subprocess.run(
        ["bash", "-euc", text],
        cwd=checkout,
        env=shell_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, f"{path}: {ended.stdout[-3000:]}{ended.stderr[-3000:]}"


def shell_environment() -> dict[str, str]:
    """This environment with its own commands first, as after `source .venv/bin/activate`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return os.environ | {"PATH": path}


def copy_checkout(target: Path) -> Path:
    """Copy the tracked files, links kept, as a clone would have them, and lead .venv to ours."""
    for path in tracked():
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
    for bundle in TRACKS:
        for link in ("ingestion_program", "scoring_program"):
            place = target / "sample_data" / bundle / link
            if not place.exists():
                place.symlink_to(Path("../..", link))
    (target / ".venv").symlink_to(Path(sys.executable).parent.parent)
    return target


def problems(words: list[str]) -> Iterator[str]:
    """Yield what is wrong with a command that is not run."""
    if words[0] == "kit":
        yield from _kit_problems(words[1:])
    elif words[:2] == ["python", "-m"] and words[2].startswith("training"):
        options = {word.partition("=")[0] for word in words[3:] if word.startswith("--")}
        yield from (f"no script has {name}" for name in sorted(options - training_options()))
    elif words[0] == "make":
        yield from (f"no target {name}" for name in words[1:] if name not in make_targets())
    elif words[0] not in _OTHER_PROGRAMS:
        yield f"nothing here runs {words[0]}"


def _kit_problems(words: list[str]) -> Iterator[str]:
    command: click.Command = importlib.import_module(
        f"kit.cli.{words[0].replace('-', '_')}"
    ).command
    given = words[1:]
    if isinstance(command, click.Group):
        command, given = command.commands[given[0]], given[1:]
    context = click.Context(command)
    try:
        values, _, _ = command.make_parser(context).parse_args(list(given))
        for parameter in command.params:
            if isinstance(parameter.type, click.Choice) and parameter.name in values:
                parameter.type.convert(values[parameter.name], parameter, context)
    except click.UsageError as error:
        yield error.format_message()


@cache
def training_options() -> frozenset[str]:
    """Return every option that a script of training/ adds to its parser."""
    sources = (path.read_text(encoding="utf-8") for path in tracked("training/*.py"))
    option = re.compile(r"""["'](--[a-z][a-z-]*)["']""")
    return frozenset(name for source in sources for name in option.findall(source))
