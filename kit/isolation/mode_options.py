"""From what the user asked for to a mode that works here, or one message why not."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from kit.errors import UsageProblem
from kit.isolation.limits import DEFAULT_LIMITS
from kit.isolation.modes import MODES, Mode, Subprocess
from kit.isolation.platform_table import NETWORK

# Which option has a meaning in which mode; `kit run` refuses the others, for a limit that is
# silently not kept is worse than none.
_FOR: dict[str, tuple[str, ...]] = {
    "install": ("subprocess",),
    "memory": ("sandbox", "container"),
    "gpus": ("sandbox", "container"),
    "image": ("container",),
    "network": ("container",),
    "mount_site_packages": ("container",),
}
_WHY = {
    ("install", "sandbox"): "there is no network in it",
    ("install", "container"): "programs install in it as on the platform, without being allowed",
    ("gpus", "subprocess"): "a process sees the machine's GPUs anyway",
    ("network", "sandbox"): "there is never a network in it",
}


@dataclass(frozen=True)
class ModeOptions:
    """What `kit run` was told; None leaves it to the mode. `memory` is in bytes."""

    mode: str = MODES[0]
    install: bool = False
    memory: int | None = None
    gpus: bool = False
    image: str | None = None
    network: bool | None = None
    mount_site_packages: bool = False


def make_mode(options: ModeOptions, docker_image: str) -> Mode:
    """Return the mode, ready to start programs.

    Args:
        options: what the user asked for.
        docker_image: the bundle's, used where the user names none.

    Raises:
        UsageProblem: an option has no meaning in this mode.
        KitError: the mode does not work on this machine.
    """
    _refuse_options(options)
    limits = replace(DEFAULT_LIMITS, memory_bytes=options.memory)
    if options.mode == "sandbox":
        from kit.isolation import bubblewrap, sandbox

        bubblewrap.check()
        return sandbox.Sandbox(limits, options.gpus)
    if options.mode == "container":
        from kit.isolation import engine

        image = options.image or docker_image
        found = engine.connect()
        engine.provide_image(found, image)
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
        problems.append(f"{name} is for --mode {' or '.join(modes)}" + (f": {why}" if why else ""))
    if problems:
        raise UsageProblem(f"--mode {options.mode}: options that it does not have", problems)
