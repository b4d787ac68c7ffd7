"""Put into the wheel what the kit needs outside a checkout: see `provided` in kit/repository.py.

The bundles come without their public training data: nothing in the wheel reads them, and they are
more than half of the bytes. An editable install gets nothing, because it uses the checkout.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PROGRAMS = ("ingestion_program", "scoring_program")
# Of a bundle; the sheet and the record of the generator are for the checkout.
_LEFT_OUT = ("train", "contact_sheet.jpg", "generated.json")


class ProvidedFiles(BuildHookInterface[BuilderConfig]):
    """The two programs, the shared packages and the sample bundles of all tracks."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Tell hatchling which files to include, each with its place in the archive.

        The programs of a bundle are links in the checkout. hatchling follows a link that is named;
        in a walk it leaves out folders that it has seen before, so that the source distribution
        would lack them.
        """
        parts = [
            f"sample_data/{part.parent.name}/{part.name}"
            for bundle in sorted(Path(self.root).glob("sample_data/*/competition.yaml"))
            for part in sorted(bundle.parent.iterdir())
            if part.name not in _LEFT_OUT
        ]
        if self.target_name == "sdist":
            links = [part for part in parts if part.endswith(_PROGRAMS)]
            build_data["force_include"] |= {name: name for name in (*_PROGRAMS, *links)}
        elif version != "editable":
            names = (*_PROGRAMS, "submissions/_shared", *parts)
            build_data["force_include"] |= {name: f"kit/provided/{name}" for name in names}
