"""Makes the pictures and tables of sample_data/hybrid.

python sample_data/generate_hybrid.py [--out sample_data/hybrid] [--check | --baselines]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scoring_program")]

from sample_data.hybrid_generator import bundle  # noqa: E402


def _check(out: Path) -> int:
    found = bundle.differences(out)
    for line in found[:20]:
        print(line)
    if found:
        print(f"{out}: {len(found)} files are not what this code generates; versions in use:")
        print(", ".join(f"{name} {version}" for name, version in bundle.versions().items()))
        print("Other versions draw other bytes: see generated.json for those that were used.")
        return 1
    print(f"{out}: every generated file is as this code makes it")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=bundle.HOME, help="the bundle folder")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare with a fresh generation")
    mode.add_argument("--baselines", action="store_true", help="score the baselines into README.md")
    options = parser.parse_args()
    if options.check:
        return _check(options.out)
    if options.baselines:
        # Here, because the baselines need scikit-learn and the generator does not.
        from sample_data.hybrid_generator import baselines

        return baselines.main(options.out)
    start = time.perf_counter()
    bundle.write_bundle(options.out)
    print(f"{options.out}: written in {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
