"""The worker's containers as data: mounts, flags and limits, each stated once.

Source: codalab/codabench compute_worker/compute_worker.py at c7dbc756, lines 889-1050
(`_run_program_directory`). The worker sets no limit on memory, processor or processes and gives
/dev/shm what Docker gives it. What the kit adds of its own is in `kit.isolation.limits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

WORKING_DIRECTORY: Final = "/app/program"
ENVIRONMENT: Final = MappingProxyType(
    {"PYTHONUNBUFFERED": "1", "http_proxy": "", "https_proxy": ""}
)
# Docker's whole default set, so that nothing is left.
CAP_DROP: Final = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
    "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
)  # fmt: skip
SECURITY_OPTIONS: Final = MappingProxyType(
    {"docker": ("no-new-privileges",), "podman": ("label=disable",)}
)
USERNS_MODE: Final = "host"
SHM_BYTES: Final = 64 * 1024**2
NETWORK: Final = True
# None: the image's own ENTRYPOINT stays, and the command becomes its arguments.
ENTRYPOINT: Final = None
GPU_DRIVER: Final = "cdi"
GPU_DEVICES: Final = ("nvidia.com/gpu=all",)


@dataclass(frozen=True)
class Mount:
    """One folder of a container.

    Attributes:
        path: where it is in the container.
        holds: what it is, one word for the same folder in every container.
        writable: whether the worker mounts it so.
        optional: whether there are tasks for which the worker does not mount it.
    """

    path: str
    holds: str
    writable: bool = True
    optional: bool = False

    @property
    def writable_here(self) -> bool:
        """Whether the isolated modes mount it so: the user's own data they do not."""
        return self.writable and self.holds not in READ_ONLY


_DATA = Mount("/app/data", "worker_data", writable=False)
_INPUT_DATA = Mount("/app/input_data", "input_data", optional=True)
_OUTPUT = Mount("/app/output", "output")
# `input` is one mount of the worker; the kit mounts its `ref` folder into it, uncopied.
_SCORING_INPUT = (
    Mount("/app/input", "input"),
    Mount("/app/input/ref", "reference_data", optional=True),
)
_SHARED = Mount("/app/shared", "shared")


@dataclass(frozen=True)
class ContainerKind:
    """One of the worker's four containers: its step, how logs call it, and its mounts."""

    name: str
    step: str
    program: str
    mounts: tuple[Mount, ...]


SUBMISSION: Final = ContainerKind(
    "prediction submission", "prediction", "program",
    (Mount("/app/program", "submission"), _INPUT_DATA, _OUTPUT, _DATA),
)  # fmt: skip
INGESTION: Final = ContainerKind(
    "prediction ingestion", "prediction", "ingestion",
    (
        Mount("/app/program", "ingestion_program"), Mount("/app/ingested_program", "submission"),
        _INPUT_DATA, _OUTPUT, _DATA,
    ),
)  # fmt: skip
SCORING: Final = ContainerKind(
    "scoring program", "scoring", "program",
    (
        Mount("/app/program", "scoring_program"), *_SCORING_INPUT, _OUTPUT, _SHARED,
        _INPUT_DATA, _DATA,
    ),
)  # fmt: skip
# Only where the task says `ingestion_only_during_scoring`.
LATE_INGESTION: Final = ContainerKind(
    "late ingestion", "scoring", "ingestion",
    (
        Mount("/app/program", "ingestion_program"), Mount("/app/ingested_program", "results"),
        *_SCORING_INPUT, _OUTPUT, _SHARED, _INPUT_DATA, _DATA,
    ),
)  # fmt: skip
CONTAINER_KINDS: Final = (SUBMISSION, INGESTION, SCORING, LATE_INGESTION)

# Where the kit is stricter than the worker: a program must not be able to spoil the user's own
# data, which the worker only ever has a copy of. Programs and submissions are copies here too.
READ_ONLY: Final = frozenset({"input_data", "reference_data", "worker_data"})
