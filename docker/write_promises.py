"""Write kit.isolation.promises into docker/README.md: python docker/write_promises.py"""

from __future__ import annotations

import re
from pathlib import Path

from kit.isolation.promises import markdown_table


def main() -> None:
    """Replace what stands between the markers."""
    path = Path(__file__).with_name("README.md")
    block = f"<!-- promises:begin -->\n{markdown_table()}<!-- promises:end -->"
    pattern = re.compile("<!-- promises:begin -->.*<!-- promises:end -->", re.DOTALL)
    text, count = pattern.subn(lambda match: block, path.read_text(encoding="utf-8"))
    assert count == 1, "README.md: expected the markers of the promises once"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
