"""Print the kit's dependencies, one a line, without the kit itself: python requirements.py EXTRA...

The images hold what submissions and the two programs import; the kit runs outside of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import tomllib

# In the image pyproject.toml lies next to this file, in the checkout one folder up.
_PLACES = (Path(__file__).parent, Path(__file__).parents[1])


def main(extras: list[str]) -> None:
    """Print the light core and the named extras."""
    path = next(p / "pyproject.toml" for p in _PLACES if (p / "pyproject.toml").is_file())
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    names = list(project["dependencies"])
    for extra in extras:
        names += project["optional-dependencies"][extra]
    print("\n".join(names))


if __name__ == "__main__":
    main(sys.argv[1:])
