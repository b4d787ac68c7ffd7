"""Write every generated block that follows from files of this repository, nothing being run.

    python docs/write_blocks.py            # make docs
    python docs/write_blocks.py --check    # make docs-check: write nothing, exit 1 if one is stale

A block stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`. Blocks with measurements
(benchmarks/README.md, the submissions' READMEs, training/LOG.md) have commands of their own, which
stand next to them: these measure again, and that takes minutes or photographs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.stored_scores import readme_tables
from kit.findings.guide import codes_table
from kit.isolation.promises import markdown_table
from kit.markdown import read_block, write_block
from sample_data.hybrid_generator.baselines import counts_table as hybrid_counts
from sample_data.reid_generator.baselines import counts_table as reid_counts

ROOT = Path(__file__).resolve().parents[1]
# File and name of each block, and what writes its content.
BLOCKS: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("README.md", "scores", readme_tables),
    ("kit/checks/README.md", "codes", codes_table),
    ("docker/README.md", "promises", markdown_table),
    ("sample_data/hybrid/README.md", "counts", hybrid_counts),
    ("sample_data/reid/README.md", "counts", reid_counts),
)


def main(arguments: list[str]) -> int:
    """Write the blocks, or say which are stale; return the exit status."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    stale = 0
    for name, block, content in BLOCKS:
        path = ROOT / name
        if arguments:
            if read_block(path, block).strip() != content().strip():
                print(f"{name}: the block `{block}` is not current. To do: `make docs`")
                stale = 1
        elif write_block(path, block, content()):
            print(f"{name}: {block} written")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
