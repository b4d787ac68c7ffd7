"""The smallest valid submission of the anomaly track: the same score for every image."""

from PIL import Image


class Model:
    """Made once, loaded once, and asked for every image by the ingestion program."""

    def load(self) -> None:
        """Called once before the first image; a real model reads its weights here."""

    def predict(self, image: Image.Image) -> float:
        """Return the image's score, a plain float: higher means more anomalous."""
        return 0.5
