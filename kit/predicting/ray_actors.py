"""What runs on the nodes of a Ray cluster: actors, each with a submission in its own process."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kit.digests import digests_of
from kit.errors import KitError
from kit.files import writing
from kit.predicting.arrow import arrow
from kit.predicting.references import ImageReference, places_of
from kit.predicting.restarting import Restarting
from kit.predicting.serving import Server, Setup
from kit.repository import provided
from kit.trees import remove_tree
from kit.zips import unpack


@dataclass(frozen=True)
class Recipe:
    """How to load the submission anywhere.

    Args:
        submission: reference of the zip in Ray's object store.
        program_digest: of the ingestion program that the driver has.
        kind, features, metadata_folder: as in `Setup`.
        cores: threads of a network that runs without an accelerator, at most.
    """

    submission: Any
    program_digest: str
    kind: str | None
    features: bool
    metadata_folder: str | None
    cores: int

    def servers(self) -> Restarting:
        """Unpack the submission on this node.

        Raises:
            KitError: another version of the kit than the driver's, or the disk is full.
        """
        with _named_node():
            return self._servers()

    def _servers(self) -> Restarting:
        import ray

        program = provided() / "ingestion_program"
        if digests_of({"program": program})["program"] != self.program_digest:
            raise KitError(f"{program}: another version of the kit than the driver's; install it")
        work = Path(tempfile.mkdtemp(prefix="kit-predict-"))
        archive = work / "submission.zip"
        try:
            with writing(archive, "the submission"):
                archive.write_bytes(ray.get(self.submission))
            unpack(archive, work / "submission", made_by="kit predict")
        except BaseException:
            remove_tree(work)
            raise
        # Ray allows one thread where no CPUs are reserved.
        os.environ["OMP_NUM_THREADS"] = str(min(self.cores, os.cpu_count() or 1))
        folder = Path(self.metadata_folder) if self.metadata_folder else None
        setup = Setup(work / "submission", program, self.kind, self.features, folder, work)
        return Restarting(setup, work / "submission.log")


@contextmanager
def _named_node() -> Iterator[None]:
    """Let a KitError say on which node it was. It becomes a plain one, which Ray can send."""
    try:
        yield
    except KitError as error:
        message = f"on {socket.gethostname()}: {error.message}"
        raise KitError(message, error.problems, error.hint) from None


def facts_of(recipe: Recipe) -> dict[str, Any]:
    """Load the submission once, and return what the server says; `failed` is a message."""
    try:
        servers = recipe.servers()
        try:
            return servers.run(lambda server: server.facts)
        finally:
            servers.remove()
    except KitError as error:
        return {"failed": str(error)}


class _Stage:
    """An actor with a submission's process."""

    def __init__(self, recipe: Recipe) -> None:
        self._servers = recipe.servers()

    def __del__(self) -> None:
        """Clean up where Ray lets the actor end; it kills it where it does not."""
        if hasattr(self, "_servers"):
            self._servers.remove()


class Preparing(_Stage):
    """The stage that opens and preprocesses images."""

    def __call__(self, batch: Any) -> Any:
        """Return a table with the prepared images in the place of each row's images."""
        texts = batch.column("images").to_pylist()
        return _table(batch, prepared=[self._prepare(json.loads(text)) for text in texts])

    def _prepare(self, images: Sequence[dict[str, Any]]) -> bytes:
        references = [ImageReference(**image) for image in images]
        with _named_node(), places_of(references) as places:
            request = {"do": "prepare", "images": places}
            _, payload = self._servers.run(partial(Server.ask, request=request))
        return payload


class Predicting(_Stage):
    """The stage that predicts prepared images."""

    def __call__(self, batch: Any) -> Any:
        """Return a table with the answers in the place of the prepared images."""
        answers = [self._answer(prepared) for prepared in batch.column("prepared").to_pylist()]
        contents = [json.dumps(content) for content, _ in answers]
        return _table(batch, content=contents, payload=[payload for _, payload in answers])

    def _answer(self, prepared: bytes) -> tuple[dict[str, Any], bytes]:
        request = {"do": "answer"}
        with _named_node():
            return self._servers.run(partial(Server.ask, request=request, payload=prepared))


def _table(batch: Any, **columns: list[Any]) -> Any:
    """Return a table with the rows' places in their shards, and these columns."""
    places = {name: batch.column(name) for name in ("shard", "first")}
    return arrow().table({**places, **columns})
