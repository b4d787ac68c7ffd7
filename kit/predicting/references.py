"""A reference to the bytes of one image, and how they get to a program that knows no Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kit.files import writing
from kit.trees import temporary_folder


@dataclass(frozen=True, slots=True)  # a collection has millions of them
class ImageReference:
    """Where an image is.

    Args:
        name: unique in its collection.
        file: absolute path of the file that holds it.
        size: bytes; -1 where nobody knows.
        stamp: what the digest of the collection takes of it besides the name.
        offset: where it begins in a tar; None for a whole file.
        row: its row in a Parquet file, None elsewhere.
    """

    name: str
    file: str
    size: int
    stamp: str
    offset: int | None = None
    row: int | None = None

    def place(self) -> list[object]:
        """Return what kit/predicting/server.py takes: name, file, offset and size.

        `places_of` adds why there are no bytes, where it could not copy them.
        """
        return [self.name, self.file, self.offset, self.size]


@contextmanager
def places_of(images: Sequence[ImageReference]) -> Iterator[list[list[object]]]:
    """Give the places of images; bytes in Parquet files are copied to a temporary file first.

    Raises:
        WriteFailed: the disk of temporary files is full.
    """
    if all(image.row is None for image in images):
        yield [image.place() for image in images]
        return
    from kit.predicting.parquet_images import read_rows

    with temporary_folder("kit-images-") as folder:
        file = folder / "images"
        contents = read_rows(images)
        with writing(file, "the copy of images from Parquet files"):
            places = list(_copied(images, contents, file))
        yield places


def _copied(
    images: Sequence[ImageReference], contents: Mapping[str, bytes | str], file: Path
) -> Iterator[list[object]]:
    with file.open("wb") as stream:
        for image in images:
            content = contents.get(image.name, "its file has fewer rows now")
            if isinstance(content, str):
                yield [image.name, image.file, None, -1, content]
                continue
            yield [image.name, str(file), stream.tell(), len(content)]
            stream.write(content)
