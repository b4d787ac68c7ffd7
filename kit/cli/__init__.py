"""The command line. Each command is a module that parses, calls one function and prints."""

from __future__ import annotations

import errno
import importlib
import io
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import kit
from kit.errors import KitError
from kit.files import FULL, free_bytes

# Name -> one line of help. The module is imported when its command is used, so that
# `kit --help` does not wait for imports that it does not need.
_COMMANDS = {
    "list": "List the submissions here: track, size of the zip, scores of the last run.",
    "check": "Find what would make an upload fail, in a submission or a bundle.",
    "init": "Start a repository for a team's submissions, with CI.",
    "new": "Start a submission that runs at once.",
    "run": "Run a submission through prediction and scoring as the platform does.",
    "leaderboard": "Rank the runs here as the platform ranks submissions.",
    "power": "Say how many images show that two submissions differ.",
    "score": "Score a predictions file against a reference table.",
    "predict": "Predict many images with a submission, into Parquet shards.",
    "merge": "Check the shards of `kit predict` and write them as one table.",
    "compare": "Compare predictions and scores with the stored ones: is it worse, or noise?",
    "report": "Write a page about a run, or compare several: intervals, thresholds, errors.",
    "pack": "Make the zip to upload, or list every reason against it.",
    "submit": "Upload a submission, wait for its scores and compare them with the local ones.",
    "submissions": "List your submissions to a competition on the platform.",
    "fetch-logs": "Fetch the logs and results of a submission on the platform.",
    "weights": "List, show or fetch the files of weights.json.",
    "bundle": "Make the zip of a competition bundle that an organiser uploads.",
    "new-bundle": "Start a competition bundle with a metric of its own.",
    "vendor": "Copy shared packages into the submissions that import them, or check the copies.",
}


# Errors of a full, read-only or failing disk: for the user to fix, not a fault of the kit.
_DISK_ERRORS = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EPERM, errno.EIO,
)  # fmt: skip


@dataclass
class _Options:
    """What the group's options say, for whoever reports an error after the command has ended."""

    debug: bool = False


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"kit.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*_COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}; the commands are {', '.join(_COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(kit.__version__, prog_name="kit")
@click.option("--debug", is_flag=True, help="Show the traceback of an error too.")
@click.pass_context
def _kit(ctx: click.Context, debug: bool) -> None:
    """Train, run, score and pack submissions for Codabench-style wildlife challenges.

    Exit status: 0 success, 1 check or run failed, 2 usage error, 130 interrupted.
    """
    ctx.obj.debug = debug


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    sys.excepthook = _show_fault
    arguments = sys.argv[1:] if args is None else args
    sys.exit(_status(arguments))


def _status(arguments: list[str]) -> int:
    options = _Options()
    try:
        result: Any = _kit.main(arguments, prog_name="kit", standalone_mode=False, obj=options)
        return result if isinstance(result, int) else 0
    except KitError as error:
        return _report(str(error), error.exit_status, options)
    except click.exceptions.NoArgsIsHelpError as error:
        _say(error.format_message())
        return 2
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        _say(text.getvalue().rstrip("\n"))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _report("interrupted; what was finished is kept", 130, options)
    except OSError as error:
        if error.errno in _DISK_ERRORS or not _has_temporary_folder():
            return _report(_disk_problem(error), 1, options)
        raise


def _disk_problem(error: OSError) -> str:
    """Say which file, or where files are written that nobody named: streams and temporary ones."""
    reason = f"cannot be read or written: {error.strerror}"
    if error.filename:
        return f"{error.filename}: {reason}"
    if error.errno not in FULL or not _has_temporary_folder():
        return f"a file {reason}"
    folder = Path(tempfile.gettempdir())
    return (
        f"standard output, or a temporary file in {folder}, {reason}; free in that folder: "
        f"{free_bytes(folder)} bytes; TMPDIR names another one"
    )


def _has_temporary_folder() -> bool:
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        return False
    return True


def _report(message: str, status: int, options: _Options) -> int:
    if options.debug:
        _say(traceback.format_exc().rstrip("\n"))
    _say(f"kit: {message}")
    return status


def _say(text: str) -> None:
    from kit.cli.printing import say  # `kit --help` does not wait for rich

    say(text, err=True)


def _show_fault(kind: type[BaseException], error: BaseException, where: Any) -> None:
    """Print the traceback of a fault of the kit, whose message may hold a name from outside."""
    _say("".join(traceback.format_exception(kind, error, where)).rstrip("\n"))
