"""Scripts that make the artifacts of submissions; run one as `python -m training.TRACK.NAME`."""
