"""Images in Parquet files: a column of bytes (or of Hugging Face's bytes and path), or of paths."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from kit.predicting.arrow import arrow, open_parquet
from kit.predicting.references import ImageReference

_NAMES: Final = ("filename", "file_name", "path", "name", "__key__")
_IMAGES: Final = ("image", "bytes", "image_bytes", "content", "jpg", "png")


def list_parquet(path: Path) -> Iterator[ImageReference]:
    """Yield the images of a Parquet file, without reading their bytes.

    Raises:
        ValueError: it is damaged, or has no column of names and images; names its columns.
        OSError: it cannot be read.
    """
    file = _opened(path)
    schema = file.schema_arrow
    image = _image_column(schema)
    name = next((column for column in _NAMES if column in schema.names), None)
    if name is None:
        raise ValueError(f"expected a column {' or '.join(_NAMES)}, found {schema.names}")
    size, row = path.stat().st_size, 0
    for batch in file.iter_batches(columns=[name], use_threads=False):
        for text in batch.column(0).to_pylist():
            if not isinstance(text, str) or not text:
                raise ValueError(f"row {row}, column {name}: expected a name, found {text!r}")
            yield _reference(path, text, row, size, holds_bytes=image is not None)
            row += 1


def _reference(path: Path, name: str, row: int, size: int, holds_bytes: bool) -> ImageReference:
    if holds_bytes:
        stamp = f"{path.name}:{size}:{row}"
        return ImageReference(name, str(path.absolute()), -1, stamp, row=row)
    file = path.parent / name
    found = file.stat().st_size if file.is_file() else -1
    return ImageReference(name, str(file.absolute()), found, str(found))


def read_rows(images: Sequence[ImageReference]) -> dict[str, bytes | str]:
    """Return the bytes of images by name, or why there are none: its file vanished or changed."""
    wanted: dict[str, dict[int, str]] = defaultdict(dict)
    for image in images:
        if image.row is not None:
            wanted[image.file][image.row] = image.name
    found: dict[str, bytes | str] = {}
    for path, names in wanted.items():
        try:
            found |= _read_file(Path(path), names)
        except (OSError, ValueError) as error:
            found |= dict.fromkeys(names.values(), _reason(error))
    return found


def _reason(error: Exception) -> str:
    """Return the system's words for an error that it has; pyarrow's name the whole path."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else str(error)


def _read_file(path: Path, names: dict[int, str]) -> dict[str, bytes]:
    file = _opened(path)
    column = _image_column(file.schema_arrow)
    found: dict[str, bytes] = {}
    first = 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        here = [row for row in names if first <= row < first + rows]
        if here and column:
            values = file.read_row_group(group, [column], use_threads=False).column(0)
            for row in here:
                value = values[row - first].as_py()
                value = value.get("bytes") if isinstance(value, dict) else value
                found[names[row]] = value or b""
        first += rows
    return found


def _opened(path: Path) -> Any:
    pa = arrow()
    try:
        return open_parquet(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"not a whole Parquet file ({error})") from error


def _image_column(schema: Any) -> str | None:
    """Return the column that holds bytes; None where the file holds paths alone."""
    types = arrow().types
    for name in _IMAGES:
        if name in schema.names:
            kind = schema.field(name).type
            if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
                kind = kind.field(kind.get_field_index("bytes")).type
            # A column of nulls alone has a type of its own; it holds no paths.
            if types.is_binary(kind) or types.is_large_binary(kind) or types.is_null(kind):
                return name
    return None
