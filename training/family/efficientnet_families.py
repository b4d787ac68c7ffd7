"""Train the submission `efficientnet_families`: training/family/train_families.py under its name.

    python -m training.family.efficientnet_families --out FOLDER

takes the same options.
"""

from __future__ import annotations

from training.family.train_families import main

if __name__ == "__main__":
    raise SystemExit(main())
