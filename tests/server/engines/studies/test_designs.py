"""What members draw: quantiles far out in a tail, and what is beyond every number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bioxen.errors import ValidationError
from bioxen.protocol.base import parse
from bioxen.protocol.kinetic import EnsembleRequest, ScanRequest, SobolRequest
from bioxen.server.engines.studies.designs import design

MEMBERS = 4000


def drawn(distribution: dict[str, Any]) -> NDArray[np.float64]:
    fields = {"process_code": "kinetic_ensemble", "members": MEMBERS, "distributions": {"k": distribution}}
    return design(parse(EnsembleRequest, fields), {"k": 2.0})[:, 0]


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (8.0, None),
        (5.0, 6.0),
        (20.0, 20.1),
        (60.0, None),
        (None, -8.0),
        (-30.0, -29.9),
        (-1.0, 2.0),
        (4.9, 9.0),
    ],
)
def test_truncated_normals_are_right_in_the_tails(low: float | None, high: float | None) -> None:
    """Far out a truncated normal is an exponential one; scipy's own works with logarithms there."""
    found = drawn(
        {"kind": "normal", "mean": 3.0, "standard_deviation": 2.0, "lower": limit(low), "upper": limit(high)}
    )
    ends = (-np.inf if low is None else low, np.inf if high is None else high)
    assert stats.kstest((found - 3.0) / 2.0, stats.truncnorm(*ends).cdf).pvalue > 0.001
    assert len(np.unique(found)) > 0.99 * MEMBERS


def limit(deviations: float | None) -> float | None:
    return None if deviations is None else 3.0 + 2.0 * deviations


def test_truncated_lognormals_keep_to_their_limits() -> None:
    far = drawn({"kind": "lognormal", "median": 1.0, "sigma": 0.1, "lower": 3.0, "upper": 3.1})
    assert far.min() >= 3.0 and far.max() <= 3.1 and np.unique(far).size > 0.99 * MEMBERS
    open_below = drawn({"kind": "lognormal", "median": 1.0, "sigma": 0.5, "lower": -1.0, "upper": 1.0})
    assert open_below.min() > 0 and open_below.max() <= 1.0
    with pytest.raises(ValidationError) as caught:
        drawn({"kind": "lognormal", "median": 1.0, "sigma": 0.5, "upper": 0.0})
    assert "upper" in str(caught.value.place)


@pytest.mark.parametrize(
    "distribution",
    [
        {"kind": "lognormal", "median": 1.0, "sigma": 1e4},
        {"kind": "uniform", "lower": -1.7e308, "upper": 1.7e308},
        {"kind": "uniform", "lower": 1.0, "upper": 1.7e308, "relative": True},
        {"kind": "normal", "mean": 0.0, "standard_deviation": 1e-200, "lower": 1.0},
    ],
)
def test_what_is_beyond_every_number_is_refused(distribution: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="largest number") as caught:
        drawn(distribution)
    assert caught.value.place == "distributions.k" and caught.value.details["remedy"]


def test_axes_and_factors_too() -> None:
    wide = {"lower": -1.7e308, "upper": 1.7e308}
    scan = parse(ScanRequest, {"process_code": "kinetic_scan", "axes": {"k": {**wide, "points": 3}}})
    sobol = parse(SobolRequest, {"process_code": "kinetic_sobol", "factors": {"k": wide, "q": wide}})
    for request, place in ((scan, "axes.k"), (sobol, "factors.k")):
        with pytest.raises(ValidationError) as caught:
            design(request, {})
        assert caught.value.place == place
