"""Options that several commands take, with a help text of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
task_option = click.option("--task", help="Name or index of the task. Default: the first.")


def bundle_option(help_text: str) -> Decorator:
    """Return the option --bundle: the folder or zip of a competition bundle."""
    kind = click.Path(path_type=Path)
    return click.option("--bundle", "bundle_path", type=kind, help=help_text)


def out_option(help_text: str, name: str = "--out", required: bool = False) -> Decorator:
    """Return the option for the file or folder that the command writes."""
    kind = click.Path(path_type=Path)
    return click.option(name, type=kind, help=help_text, required=required)
