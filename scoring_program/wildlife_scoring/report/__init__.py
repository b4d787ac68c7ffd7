"""The self-contained page of detailed results."""
