"""The smallest valid submission: the same score for every picture."""

from PIL import Image


class Model:
    """What the ingestion program makes once, loads once, and asks for every picture."""

    def load(self) -> None:
        """Called once before the first picture; a real model reads its weights here."""

    def predict(self, image: Image.Image) -> float:
        """Return the picture's score, a plain float: higher means more anomalous."""
        return 0.5
