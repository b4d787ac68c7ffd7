"""The prediction step: load one submission and predict every image of INPUT_DIR.

    python3 ingestion.py INPUT_DIR OUTPUT_DIR PROGRAM_DIR SUBMISSION_DIR

Writes OUTPUT_DIR/predictions.txt and exits 0, or writes nothing and exits 1 with one message.
"""

import sys

if __name__ == "__main__":
    # Imported only here: a worker process that the submission spawns runs this file again as
    # `__mp_main__`, and our folder is no longer on its sys.path.
    from wildlife_ingestion.run import main

    sys.exit(main(sys.argv[1:]))
