"""From what the user asked for to a mode that works here, or one message why not.

`auto` takes the quickest mode that is faithful enough: a plain process, unless a program names
/app paths of its own, which only a real /app serves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

from kit.errors import KitError, UsageProblem
from kit.isolation.app_paths import AppPath
from kit.isolation.limits import DEFAULT_LIMITS
from kit.isolation.modes import MODES, Mode, Subprocess
from kit.isolation.platform_table import NETWORK

AUTO: Final = "auto"
CHOICES: Final = (AUTO, *MODES)

# Which option has a meaning in which mode; `kit run` refuses the others, for a limit that is
# silently not kept is worse than none.
_FOR: dict[str, tuple[str, ...]] = {
    "install": (AUTO, "subprocess"),
    "memory": ("sandbox", "container"),
    "gpus": ("sandbox", "container"),
    "image": ("container",),
    "network": ("container",),
    "mount_site_packages": ("container",),
}
_WHY = {
    ("install", "sandbox"): "there is no network in it",
    ("install", "container"): "programs install in it as on the platform, without being allowed",
    ("gpus", AUTO): "a process sees the machine's GPUs anyway",
    ("gpus", "subprocess"): "a process sees the machine's GPUs anyway",
    ("network", "sandbox"): "there is never a network in it",
}


@dataclass(frozen=True)
class ModeOptions:
    """What `kit run` was told; None leaves it to the mode. `memory` is in bytes."""

    mode: str = AUTO
    install: bool = False
    memory: int | None = None
    gpus: bool = False
    image: str | None = None
    network: bool | None = None
    mount_site_packages: bool = False


@dataclass(frozen=True)
class Choice:
    """A mode that is ready to start programs, and a note where it is not the usual one."""

    mode: Mode
    note: str = ""


def choose_mode(options: ModeOptions, docker_image: str, named: Sequence[AppPath]) -> Choice:
    """Return the mode that the user named, or the one that `auto` finds.

    Args:
        options: what the user asked for.
        docker_image: the bundle's, used where the user names none.
        named: /app paths that the programs name themselves.

    Raises:
        UsageProblem: an option has no meaning in this mode.
        KitError: the mode that the user named does not work on this machine.
    """
    _refuse_options(options)
    if options.mode != AUTO:
        return Choice(make_mode(options, docker_image))
    plain = Choice(make_mode(replace(options, mode=MODES[0]), docker_image))
    if not named:
        return plain
    if options.install:
        return replace(plain, note=f"{named[0]}; --install keeps --mode subprocess, without /app")
    refusals = []
    for name in MODES[1:]:
        try:
            mode = make_mode(replace(options, mode=name), docker_image, pull=False)
        except KitError as error:
            refusals.append("; ".join([error.message, *error.problems]))
        else:
            return Choice(mode, f"--mode {name}, because {named[0]}")
    why = "; ".join(refusals)
    return replace(plain, note=f"{named[0]}, and no mode with a real /app works here: {why}")


def make_mode(options: ModeOptions, docker_image: str, pull: bool = True) -> Mode:
    """Return the mode, ready to start programs.

    Args:
        options: what the user asked for; the mode is not `auto`.
        docker_image: the bundle's, used where the user names none.
        pull: whether an image that is not here may be downloaded, several GB.

    Raises:
        KitError: the mode does not work on this machine.
    """
    limits = replace(DEFAULT_LIMITS, memory_bytes=options.memory)
    if options.mode == "sandbox":
        from kit.isolation import bubblewrap, sandbox

        bubblewrap.check()
        return sandbox.Sandbox(limits, options.gpus)
    if options.mode == "container":
        from kit.isolation import engine

        image = options.image or docker_image
        found = engine.connect()
        engine.provide_image(found, image, pull)
        # Only now: it imports the Docker SDK, and `connect` says so where that is missing.
        from kit.isolation import container

        network = NETWORK if options.network is None else options.network
        return container.Container(
            found, image, limits, network, options.gpus, options.mount_site_packages
        )
    return Subprocess(options.install, limits)


def _refuse_options(options: ModeOptions) -> None:
    problems = []
    for field in fields(options):
        modes = _FOR.get(field.name, MODES)
        if options.mode in modes or getattr(options, field.name) == field.default:
            continue
        name = "--" + field.name.replace("_", "-")
        why = _WHY.get((field.name, options.mode))
        named = " or ".join(mode for mode in modes if mode != AUTO)
        problems.append(f"{name} is for --mode {named}" + (f": {why}" if why else ""))
    if problems:
        raise UsageProblem(f"--mode {options.mode}: options that it does not have", problems)
