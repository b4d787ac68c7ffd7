"""The submission kit: run, score, check and pack submissions as the platform would."""

__version__ = "0.1.0"
