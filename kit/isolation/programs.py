"""Programs as the worker reads them: the metadata's command, its variables, its mounts."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.contract import METADATA_FILES, command_variables
from kit.errors import KitError
from kit.isolation.platform_table import ContainerKind, Mount
from kit.yaml_text import read_yaml


class CommandProblem(KitError):
    """The metadata names a command that the platform's worker cannot run."""


@dataclass(frozen=True)
class Bind:
    """A mount of the worker's table with the folder of this machine that is mounted there."""

    mount: Mount
    source: Path


@dataclass(frozen=True)
class Job:
    """One container of a step: which of the worker's four it is, argv and mounts."""

    container: ContainerKind
    argv: tuple[str, ...]
    binds: tuple[Bind, ...]

    @property
    def log_name(self) -> str:
        """How the job's two log files begin."""
        step, program = self.container.step, self.container.program
        return step if program == "program" else f"{step}_{program}"

    def folder(self, path: str) -> Path:
        """Return the folder of this machine that is mounted at `path`."""
        return next(bind.source for bind in self.binds if bind.mount.path == path)

    def local_argv(self) -> list[str]:
        """Return the argv with every mounted /app path replaced by the folder of this machine.

        A path that is not mounted stays as it is and fails, as it would on the platform.
        """
        return [_substitute(word, self.binds) for word in self.argv]


def make_job(container: ContainerKind, argv: tuple[str, ...], folders: dict[str, Path]) -> Job:
    """Return a job with the container's mounts; `folders` says where what they hold is.

    Raises:
        KeyError: a mount that every such container has is not in `folders`.
    """
    mounts = [m for m in container.mounts if not m.optional or m.holds in folders]
    return Job(container, argv, tuple(Bind(mount, folders[mount.holds]) for mount in mounts))


def writable_copies(jobs: list[Job], others: list[Path]) -> list[Path]:
    """Return the folders besides `others` that the worker mounts writable: all copies of the kit.

    Folders in one that is listed go with it.
    """
    binds = [bind for job in jobs for bind in job.binds if bind.mount.writable_here]
    sources = {bind.source for bind in binds} - set(others)
    return sorted(path for path in sources if not sources & set(path.parents))


def _substitute(word: str, binds: tuple[Bind, ...]) -> str:
    folders = {bind.mount.path: bind.source for bind in binds}
    longest_first = sorted(folders, key=len, reverse=True)
    # A path ends where a name cannot go on: /app/input is not a part of /app/input_data.
    pattern = "|".join(re.escape(path) + r"(?![\w.-])" for path in longest_first)
    return re.sub(pattern, lambda match: str(folders[match.group()]), word)


def has_metadata(folder: Path) -> bool:
    """Say whether the worker would find a metadata file; without one a submission is results."""
    return any((folder / name).is_file() for name in METADATA_FILES)


def command_of(folder: Path) -> str | None:
    """Return the command in a program's metadata, None where there is no command.

    Raises:
        CommandProblem: the command is not a string (the worker fails on a list).
        KitError: the metadata is not YAML.
    """
    path = next((folder / name for name in METADATA_FILES if (folder / name).is_file()), None)
    if path is None:
        return None
    try:
        content: Any = read_yaml(path)
    except ValueError as error:
        raise KitError(f"{path.name}: does not read as YAML: {error}") from error
    command = content.get("command") if isinstance(content, dict) else None
    if not command:
        return None
    if not isinstance(command, str):
        raise CommandProblem(
            f"{path.name}: command: expected one line of text, found {type(command).__name__}; "
            "the platform's worker stops at that"
        )
    return command


def split_command(command: str, kind: str, scoring: bool, late_ingestion: bool) -> tuple[str, ...]:
    """Replace the legacy variables and split as the worker does: without a shell.

    Raises:
        CommandProblem: the quotes do not match.
    """
    for name, path in command_variables(kind, scoring, late_ingestion):
        command = command.replace(name, path)
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise CommandProblem(f"command: {command!r} cannot be split into words: {error}") from error
