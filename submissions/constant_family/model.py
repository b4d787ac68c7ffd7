"""The smallest valid submission of the family track: one family for every image."""

from __future__ import annotations

from PIL import Image

FAMILY = "Papilionidae"


class Model:
    """Made once, loaded once, and asked for every image by the ingestion program."""

    def load(self) -> None:
        """Called once before the first image; a real model reads its weights here."""

    def predict(self, image: Image.Image, metadata: dict[str, str] | None = None) -> str:
        """Return the name of a family, spelled as in the training table.

        metadata: the image's row of metadata.csv, texts by column, such as `metadata["phylum"]`;
        None on a platform that has no such table. A real model only chooses among the families of
        that phylum.
        """
        return FAMILY
