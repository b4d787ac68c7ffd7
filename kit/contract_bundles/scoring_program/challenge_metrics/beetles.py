"""HDR year 2, beetles: the continuous ranked probability score (CRPS) of a normal; lower is better.

ref.csv: eventID, datetime, site_id, variable, observation, domain (True or False). predictions.csv:
eventID, variable, parameter (mu or sigma), prediction.

Source: Imageomics/HDR-SMood-Challenge at 99e1d99, scoring_program/score.R; the formula is that of
T. Gneiting and others, Calibrated probabilistic forecasting, Monthly Weather Review 133 (2005).
What has no CRPS (NaN, a sigma below 0) is left out of the official means without a word, and so is
an event that is missing, or second at its site on that day. `left_out` counts them here.
"""

from __future__ import annotations

import math
from pathlib import Path

from .tables import Row, number, read_table

VARIABLES = ("SPEI_30d", "SPEI_1y", "SPEI_2y")
_DOMAINS = {"True": "in_domain", "False": "out_of_domain"}
_TRUTH = ("eventID", "datetime", "site_id", "variable", "observation", "domain")
_PREDICTION = ("eventID", "variable", "parameter", "prediction")
Forecasts = dict[tuple[str, str], dict[str, float]]


def score(truth: Path, predictions: Path, problems: list[str]) -> dict[str, float]:
    """Return a mean for each domain and variable, their root mean square, and what is left out."""
    asked = [
        row
        for row in read_table(truth / "ref.csv", _TRUTH, problems)
        if row["domain"] in _DOMAINS and row["variable"] in VARIABLES
    ]
    forecasts: Forecasts = {}
    for row in read_table(predictions / "predictions.csv", _PREDICTION, problems):
        place = row["eventID"], row["variable"]
        forecasts.setdefault(place, {}).setdefault(row["parameter"], number(row["prediction"]))
    if problems:
        return {}
    values: dict[str, list[float]] = {}
    for key, found in _by_group(asked, forecasts).items():
        if not math.isnan(found):
            values.setdefault(key[0], []).append(found)
    means = {key: sum(each) / len(each) for key, each in values.items()}
    if not means:
        problems.append("predictions.csv: expected a forecast with a CRPS, found none")
        return {}
    rms = math.sqrt(sum(mean**2 for mean in means.values()) / len(means))
    counted = sum(len(each) for each in values.values())
    return means | {"rms": rms, "left_out": float(len(asked) - counted)}


def _by_group(asked: list[Row], forecasts: Forecasts) -> dict[tuple[str, str, str], float]:
    """Return the CRPS of the first event of each site, day and variable, by key of the score."""
    groups: dict[tuple[str, str, str], float] = {}
    for row in asked:
        given = forecasts.get((row["eventID"], row["variable"]))
        if given is not None:
            key = f"{_DOMAINS[row['domain']]}_{row['variable']}"
            mu, sigma = (given.get(name, math.nan) for name in ("mu", "sigma"))
            found = crps(number(row["observation"]), mu, sigma)
            groups.setdefault((key, row["site_id"], row["datetime"]), found)
    return groups


def crps(observation: float, mu: float, sigma: float) -> float:
    """Return the CRPS of a normal distribution; NaN where sigma is below 0 or a value is NaN."""
    if math.isnan(observation + mu + sigma) or sigma < 0:
        return math.nan
    if sigma == 0:
        return abs(observation - mu)
    z = (observation - mu) / sigma
    below = math.erf(z / math.sqrt(2))  # twice the distribution function, minus 1
    return sigma * (z * below + (math.sqrt(2) * math.exp(-z * z / 2) - 1) / math.sqrt(math.pi))
