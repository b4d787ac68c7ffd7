"""The smallest valid submission: the same score for every image."""

from PIL import Image


class Model:
    """What the ingestion program makes once, loads once, and asks for every image."""

    def load(self) -> None:
        """Called once before the first image; a real model reads its weights here."""

    def predict(self, image: Image.Image) -> float:
        """Return the image's score, a plain float: higher means more anomalous."""
        return 0.5
