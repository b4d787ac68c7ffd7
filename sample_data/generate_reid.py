"""Makes the pictures and tables of sample_data/reid.

python sample_data/generate_reid.py [--out sample_data/reid] [--check | --baselines]
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scoring_program")]

from sample_data.reid_generator.bundle import BUNDLE  # noqa: E402


def _baselines(out: Path) -> int:
    # Here, because the baselines need the scoring program and OpenCV, and the generator does not.
    from sample_data.reid_generator.baselines import main

    return main(out)


if __name__ == "__main__":
    sys.exit(BUNDLE.command_line("Makes the pictures and tables of sample_data/reid.", _baselines))
