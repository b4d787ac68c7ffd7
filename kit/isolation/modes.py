"""The three ways to run a program as the worker's container does, from quick to faithful."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal, Protocol

from kit.isolation.limits import DEFAULT_LIMITS, Limits
from kit.isolation.platform_table import ENVIRONMENT, WORKING_DIRECTORY
from kit.isolation.process import Command, LocalProcess, Running, environment
from kit.isolation.programs import Job

MODES: Final = ("subprocess", "sandbox", "container")

# What a mode may lack of the platform: a real /app, the image's packages and programs, installing
# with pip, the network, and writing to the task's data.
Lack = Literal["app", "packages", "pip", "network", "writing"]


@dataclass(frozen=True)
class Place:
    """Where a job leaves its logs, and a private folder for its home and temporary files."""

    logs: Path
    home: Path

    def log_files(self, job: Job) -> tuple[Path, Path]:
        """Return the files for standard output and standard error."""
        return (
            self.logs / f"{job.log_name}_stdout.txt",
            self.logs / f"{job.log_name}_stderr.txt",
        )


class Mode(Protocol):
    """What the worker's steps need of a mode.

    Attributes:
        name: one of MODES.
        real_paths: whether programs see the /app paths themselves; where not, they are
            replaced in the command, and data is found through links.
        limits: what a program may use.
    """

    name: ClassVar[str]
    real_paths: ClassVar[bool]

    @property
    def limits(self) -> Limits: ...

    def lacks(self, docker_image: str) -> frozenset[Lack]:
        """Return what the mode lacks of a platform that runs the bundle's image."""

    def lend(self, folders: list[Path]) -> AbstractContextManager[None]:
        """Let programs write to these folders for the time of the block."""

    def start(self, job: Job, place: Place) -> Running:
        """Start a job.

        Raises:
            KitError: the mode cannot start anything here.
        """


@dataclass(frozen=True)
class Subprocess:
    """A plain process of the user, with /app paths replaced in its command.

    It is told nothing about other files, but nothing hides them: for code that is trusted.
    `kit.isolation.promises` says what holds all the same.
    """

    install: bool = False
    limits: Limits = DEFAULT_LIMITS
    name: ClassVar[str] = "subprocess"
    real_paths: ClassVar[bool] = False

    def lacks(self, docker_image: str) -> frozenset[Lack]:
        """It has this machine's packages and files; pip only where the user allows it."""
        lacking: set[Lack] = {"app", "packages", "writing"}
        return frozenset(lacking if self.install else lacking | {"pip"})

    def lend(self, folders: list[Path]) -> AbstractContextManager[None]:
        """Nothing to do: the program runs as the user."""
        return nullcontext()

    def start(self, job: Job, place: Place) -> Running:
        """Start the job's command in its program's folder."""
        stdout, stderr = place.log_files(job)
        env = environment(dict(ENVIRONMENT), str(place.home), self.install)
        cwd = job.folder(WORKING_DIRECTORY)
        return LocalProcess(
            Command(job.local_argv(), cwd, env, stdout, stderr, self.limits.log_bytes)
        )


SUBPROCESS: Final = Subprocess()
