"""Intervals of leaderboard metrics by the bootstrap, and of differences between two submissions.

A resample is a row of weights: how often each image was drawn. The metrics are computed from the
weights for many resamples at once, with one sort of the scores in all. It lives in the scoring
program because it needs the metrics, NumPy only, and because the kit imports no metric: the kit
starts it as a program, training imports it.
"""
