"""Make sample_data/family: `python -m sample_data.generate_family --help` shows the options."""

from __future__ import annotations

import sys
from pathlib import Path

from sample_data.family_generator.generated_files import BUNDLE


def _baselines(out: Path) -> int:
    # Here, because the baselines need scikit-learn and the generator does not.
    from sample_data.family_generator.baselines import main

    return main(out)


if __name__ == "__main__":
    sys.exit(BUNDLE.command_line("Make the images and tables of sample_data/family.", _baselines))
