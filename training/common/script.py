"""The command-line frame of a script: options from a recipe, one line for an error, exit status.

    def main(arguments: list[str] | None = None) -> int:
        options = parse(arguments)
        return run(options, lambda: train(options))

Exit status: 0 success, 1 the work could not be done, 2 usage error, 130 interrupted.
"""

from __future__ import annotations

import argparse
import errno
import traceback
from collections.abc import Callable, Sequence
from dataclasses import field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from kit.files import WriteFailed
from training.common.console import complain
from training.common.errors import FolderError, ScriptError
from training.common.submission_files import MANIFEST, ROOT, SUBMISSIONS

# A file that is missing, or a disk that is full, is for the user to fix and no fault of the script.
_FOR_THE_USER = (
    errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.EEXIST,
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EPERM, errno.EIO,
)  # fmt: skip
_TYPES: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "str": str}

Recipe = TypeVar("Recipe")


def parser(module: str, description: str) -> argparse.ArgumentParser:
    """Return a parser for `python -m MODULE`, with the option --debug.

    Args:
        module: the script's dotted name; its last part begins each message of the script.
        description: what the script does, in one sentence.
    """
    made = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    made.set_defaults(script=module.rpartition(".")[2])
    made.add_argument("--debug", action="store_true", help="show the traceback of an error too")
    return made


def submission_parser(track: str, name: str, description: str) -> argparse.ArgumentParser:
    """Return a parser for the script of a submission, with --data, --out and --overwrite.

    Args:
        track: the submission's track.
        name: the submission's name, and its script's.
        description: what the script does, in one sentence.
    """
    made = parser(f"training.{track}.{name}", description)
    shipped = SUBMISSIONS / name
    made.set_defaults(shipped=shipped)
    made.add_argument(
        "--data",
        type=Path,
        default=ROOT / "sample_data" / track / "train",
        help="the training data; by default the sample's",
    )
    made.add_argument(
        "--out",
        type=Path,
        default=shipped,
        help=f"the submission folder to make, code included; by default submissions/{name}",
    )
    made.add_argument(
        "--overwrite", action="store_true", help=f"replace the artifacts of submissions/{name}"
    )
    return made


def refuse_overwriting(options: argparse.Namespace) -> None:
    """Keep the artifacts of a shipped submission, unless the command says otherwise.

    Raises FolderError.
    """
    shipped: Path | None = getattr(options, "shipped", None)
    if shipped is None or options.overwrite or options.out.resolve() != shipped.resolve():
        return
    if (shipped / MANIFEST).exists():
        raise FolderError(
            f"{shipped} holds trained artifacts, which stay as they are; name a folder with --out "
            "(it becomes a submission that runs), or replace them with --overwrite"
        )


def run(
    options: argparse.Namespace,
    work: Callable[[], int | None],
    also: tuple[type[Exception], ...] = (),
) -> int:
    """Do the work and return the exit status.

    Nothing is done where artifacts would be overwritten unasked. An error of the project, and a
    file that cannot be read or written, becomes one message. Any
    other exception is a bug and keeps its traceback; --debug shows every traceback.

    Args:
        options: what a parser of `parser` read.
        work: the script; it returns an exit status, or None for success.
        also: error classes of served code, which knows no ScriptError.
    """
    own: tuple[type[Exception], ...] = (ScriptError, WriteFailed, *also)
    try:
        refuse_overwriting(options)
        return work() or 0
    except own as error:
        return _failed(options, str(error))
    except OSError as error:
        if error.errno not in _FOR_THE_USER:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _failed(options, f"{where}{error.strerror}")
    except KeyboardInterrupt:
        complain(options.script, "interrupted; the same command resumes what was finished")
        return 130


def _failed(options: argparse.Namespace, message: str) -> int:
    if options.debug:
        traceback.print_exc()
    complain(options.script, message)
    return 1


def option(default: Any, meaning: str) -> Any:
    """Return the field of a recipe with its default, and what it means for --help."""
    return field(default=default, metadata={"help": meaning})


def add_recipe_options(
    options: argparse.ArgumentParser, recipe: type[Any], names: Sequence[str] = ()
) -> None:
    """Add an option for each field of a recipe (a dataclass of int, float and str fields).

    `learning_rate` becomes --learning-rate. Without the option, the preset's value stays.

    Args:
        names: the fields that get an option; all fields of these three types by default.
    """
    for part in fields(recipe):
        kind = _TYPES.get(str(part.type))
        if kind is None or (names and part.name not in names):
            continue
        options.add_argument(
            f"--{part.name.replace('_', '-')}",
            type=kind,
            metavar=str(part.type).upper(),
            help=part.metadata.get("help", "instead of the preset's"),
        )


def given(options: argparse.Namespace, recipes: Sequence[type[Any]]) -> str:
    """Return the options of `add_recipe_options` that the command line gave, to be typed again."""
    names = [part.name for recipe in recipes for part in fields(recipe)]
    values = {name: getattr(options, name, None) for name in names}
    return "".join(
        f" --{name.replace('_', '-')} {value}"
        for name, value in values.items()
        if value is not None
    )


def refuse_not_positive(
    made: argparse.ArgumentParser, options: argparse.Namespace, names: Sequence[str]
) -> None:
    """End the program with a usage error where a given option is not above 0."""
    for name in names:
        value = getattr(options, name)
        if value is not None and not value > 0:
            made.error(f"--{name.replace('_', '-')} {value:g}: expected more than 0")


def changed(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    """Return the recipe with the values that the command line gave instead of its own."""
    given = {
        part.name: value
        for part in fields(recipe)  # type: ignore[arg-type]
        if (value := getattr(options, part.name, None)) is not None
    }
    return replace(recipe, **given)  # type: ignore[type-var]
