"""The container engine (Docker, or Podman's Docker-compatible service) and its images."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kit.errors import KitError

if TYPE_CHECKING:
    from docker.client import DockerClient

_ANSWER_S = 60


@dataclass(frozen=True)
class Engine:
    """A reachable engine: "docker" or "podman", and whether it runs without root's rights."""

    address: str
    kind: str
    rootless: bool

    def open(self) -> DockerClient:
        """Return a client of its own, for who closes it."""
        from docker.client import DockerClient

        return DockerClient(base_url=self.address, timeout=_ANSWER_S)


def connect() -> Engine:
    """Find the engine: DOCKER_HOST if it is set, else the usual sockets, Docker's first.

    Raises:
        KitError: the Docker SDK is not installed, or no socket answers; every one that was
            tried is named with its error.
    """
    try:
        # Not `import docker`: without the SDK that would find this repository's docker/ folder.
        from docker.errors import DockerException
    except ImportError as error:
        raise KitError(
            "--mode container: expected the Docker SDK for Python, found none",
            hint="pip install 'wildlife-challenge-kit[containers]', or pip install docker",
        ) from error
    tried = []
    for address in _addresses():
        socket = Path(address.removeprefix("unix://"))
        if address.startswith("unix://") and not socket.exists():
            tried.append(f"{address}: there is no such socket")
            continue
        try:
            return _engine(address)
        except (DockerException, OSError) as error:
            tried.append(f"{address}: {_innermost(error)}")
    raise KitError(
        "--mode container: no container engine answers",
        tried,
        "start Docker, or `podman system service --time=0 &` for Podman, or say where it is "
        "with DOCKER_HOST; your user may have to be in the group docker",
    )


def _addresses() -> list[str]:
    if host := os.environ.get("DOCKER_HOST"):
        return [host]
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    paths = [
        "/var/run/docker.sock",
        f"{runtime}/docker.sock",
        str(Path.home() / ".docker/run/docker.sock"),
        f"{runtime}/podman/podman.sock",
        "/run/podman/podman.sock",
    ]
    return [f"unix://{path}" for path in paths]


def _engine(address: str) -> Engine:
    with closing(Engine(address, "docker", rootless=False).open()) as client:
        components = client.version().get("Components") or []
        options = client.info().get("SecurityOptions") or []
    podman = any("podman" in str(part.get("Name")).lower() for part in components)
    return Engine(address, "podman" if podman else "docker", "name=rootless" in options)


def _innermost(error: BaseException) -> str:
    """Return the cause that says something: the SDK wraps it in layers of its own."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return getattr(error, "strerror", None) or str(error)


def provide_image(engine: Engine, name: str, pull: bool = True) -> None:
    """See that an image is there, pulling it where it is not and `pull` allows it.

    Raises:
        KitError: it is not there and cannot be pulled.
    """
    from docker.errors import APIError, ImageNotFound

    with closing(engine.open()) as client:
        try:
            client.images.get(name)
        except ImageNotFound as missing:
            if not pull:
                raise KitError(
                    f"{name}: this image is not on this machine; --mode container pulls it"
                ) from missing
            try:
                client.images.pull(name)
            except (APIError, OSError) as error:
                raise KitError(
                    f"{name}: this image is not on this machine and cannot be pulled: "
                    f"{getattr(error, 'explanation', None) or error}",
                    hint="pull it where there is a network, name another one with --image, or "
                    "build the kit's own (docker/README.md)",
                ) from error
