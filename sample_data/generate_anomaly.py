"""Make sample_data/anomaly: `python -m sample_data.generate_anomaly --help` shows the options."""

from __future__ import annotations

import sys
from pathlib import Path

from sample_data.anomaly_generator.generated_files import BUNDLE


def _baselines(out: Path) -> int:
    # Here, because the baselines need the scoring program, and the generator does not.
    from sample_data.anomaly_generator.baselines import main

    return main(out)


if __name__ == "__main__":
    sys.exit(BUNDLE.command_line("Make the images and tables of sample_data/anomaly.", _baselines))
