"""The submission under check: its files as they would be uploaded, its sources parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.contract import MODEL_FILE
from kit.packing.manifest import Manifest, read_manifest
from kit.packing.shipping import has_junk
from kit.python_syntax import parse_python
from kit.results import is_result
from kit.submissions import Submission
from kit.zips import tree_entries, unpack

# What the platform's images run at least; the kit's own floor too.
PYTHON = (3, 10)


@dataclass(frozen=True)
class Source:
    """A Python file of the submission; `tree` is None where it does not parse."""

    name: str
    text: str
    tree: ast.Module | None
    error: SyntaxError | None = None


@dataclass(frozen=True)
class Subject:
    """A submission that is opened once, with everything that checks read.

    `root` is the folder that holds `files` (name in the upload -> file here); `manifest` has
    compared every listed file with its digest; `whitelist` is the organiser's list of packages.
    """

    submission: Submission
    root: Path
    files: Mapping[str, Path]
    manifest: Manifest
    sources: tuple[Source, ...]
    whitelist: Path | None = None

    @property
    def is_result(self) -> bool:
        """Whether it holds predictions and no code."""
        return is_result(self.files)

    def source(self, name: str) -> Source | None:
        """Return the source of that name, None where there is none."""
        return next((source for source in self.sources if source.name == name), None)


@contextmanager
def opened(submission: Submission) -> Iterator[Subject]:
    """Read a submission; a zip is unpacked for the time of the block.

    A folder is read as `kit pack` would ship it. If a zip holds a parent folder, that folder is
    read, so that one run shows what else is wrong.

    Raises:
        KitError: the zip cannot be unpacked at all.
    """
    if submission.is_zip:
        with TemporaryDirectory(prefix="kit-check-") as folder:
            unpacked = Path(folder, "zip")
            unpack(submission.path, unpacked)
            root = _inner(unpacked)
            entries = [e for e in tree_entries(root) if not has_junk(e.name)]
            files = {entry.name: entry.path for entry in entries}
            yield Subject(submission, root, files, read_manifest(root), _sources(files))
    else:
        shipment = submission.shipment
        files = {entry.name: entry.path for entry in shipment.entries}
        yield Subject(submission, submission.path, files, shipment.manifest, _sources(files))


def _inner(unpacked: Path) -> Path:
    nested = [
        path.parent
        for path in sorted(unpacked.glob(f"*/{MODEL_FILE}"))
        if path.parent.name != "__MACOSX"
    ]
    return nested[0] if nested and not (unpacked / MODEL_FILE).exists() else unpacked


def _sources(files: Mapping[str, Path]) -> tuple[Source, ...]:
    return tuple(_parse(name, path) for name, path in files.items() if name.endswith(".py"))


def _parse(name: str, path: Path) -> Source:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8", "replace")
        tree = parse_python(content, name, PYTHON)
    except SyntaxError as error:
        return Source(name, text, None, error)
    except OSError:
        return Source(name, "", None)  # check_files says file-unreadable
    except (ValueError, RecursionError, MemoryError) as error:
        return Source(name, "", None, SyntaxError(str(error)))
    return Source(name, text, tree)
