"""Print the kit's dependencies, one a line, without the kit itself: python requirements.py EXTRA...

The images hold what submissions and the two programs import; the kit runs outside of them.
Needs Python 3.11 or newer, which can read pyproject.toml.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

# In the image pyproject.toml lies next to this file, in the checkout one folder up.
_PLACES = (Path(__file__).parent, Path(__file__).parents[1])


def main(extras: list[str]) -> None:
    """Print the light core and the named extras."""
    path = next(p / "pyproject.toml" for p in _PLACES if (p / "pyproject.toml").is_file())
    print("\n".join(dependencies(read_toml(path)["project"], extras)))


def dependencies(project: dict[str, Any], extras: list[str]) -> list[str]:
    """List the requirements of the light core and of the named extras.

    Raises KeyError: pyproject.toml has no such extra.
    """
    names = list(project["dependencies"])
    for extra in extras:
        names += project["optional-dependencies"][extra]
    return names


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Exits with a message under Python 3.10, whose library cannot."""
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib.loads(path.read_text(encoding="utf-8"))
    sys.exit("requirements.py: expected Python 3.11 or newer, which reads TOML")


if __name__ == "__main__":
    main(sys.argv[1:])
