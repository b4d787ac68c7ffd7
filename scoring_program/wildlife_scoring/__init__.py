"""The scoring program: predictions and reference to scores.json and a report."""
