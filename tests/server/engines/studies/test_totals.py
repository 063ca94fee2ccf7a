"""Totals of a summary: however members are cut into parts, counts add up to the same."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bioxen.errors import ValidationError
from bioxen.protocol.base import parse
from bioxen.protocol.kinetic import MOST_BUCKETS, EnsembleRequest
from bioxen.server.engines.studies import buckets
from bioxen.server.engines.studies.arrays import written
from bioxen.server.engines.studies.buckets import Sketch, merged, sketch_of
from bioxen.server.engines.studies.histograms import added, check_edges, counted, edges_for

Numbers = NDArray[np.float64]
SIZES = st.floats(-1e308, 1e308) | st.floats(-3, 3) | st.sampled_from([0.0, -0.0, 5e-324, 1.7e308, -1.7e308])
VALUES = arrays(float, st.tuples(st.integers(1, 30), st.integers(1, 3)), elements=SIZES)
CUTS = st.lists(st.integers(0, 30), max_size=4)
ORDERS = st.randoms(use_true_random=False)


def parts_of(values: Numbers, cuts: list[int]) -> Iterator[Numbers]:
    yield from np.split(values, sorted(cut for cut in cuts if cut <= len(values)))


def same(one: Sketch, other: Sketch) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in ("lowest", "highest", "keys", "counts")]
    return all(np.array_equal(a, b, equal_nan=True) for a, b in [*pairs, (one.accuracy, other.accuracy)])


def over_the_wire(sketch: Sketch) -> Sketch:
    message = buckets.message(sketch, partial(written, encoding="numbers"))
    return buckets.sketch_in(message.model_dump(), sketch.members)


@settings(max_examples=200, deadline=None)
@given(
    values=VALUES, cuts=CUTS, order=ORDERS, holes=st.booleans(), most=st.sampled_from([2, 5, MOST_BUCKETS])
)
def test_cutting_into_parts_never_changes_a_sketch(
    values: Numbers, cuts: list[int], order: Any, holes: bool, most: int
) -> None:
    if holes:
        values[0, 0] = np.nan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "MOST_BUCKETS", most)
        whole = sketch_of(values, 0.01)
        parts = [over_the_wire(sketch_of(part, 0.01)) for part in parts_of(values, cuts)]
        order.shuffle(parts)
        together = merged(parts)
    assert same(whole, together)
    assert whole.members == together.members == len(values)
    assert np.bincount(whole.keys >> 32).max(initial=0) <= most


@settings(max_examples=200, deadline=None)
@given(
    values=VALUES, accuracy=st.sampled_from([1e-4, 0.005, 0.01, 0.1]), most=st.sampled_from([3, MOST_BUCKETS])
)
@example(values=np.array([[1.0], [1.7e308], [0.0], [2.0**1023]]), accuracy=1e-4, most=3)
def test_quantiles_are_as_accurate_as_they_say(values: Numbers, accuracy: float, most: int) -> None:
    probabilities = [0.0, 0.05, 0.31, 0.5, 0.95, 1.0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "MOST_BUCKETS", most)
        sketch = sketch_of(values, accuracy)
    stated = sketch.accuracy
    assert most == 3 or (stated <= accuracy).all()
    found = sketch.quantiles(probabilities)
    ranked, tiny = np.sort(values, axis=0), np.finfo(float).tiny
    for row, probability in enumerate(probabilities):
        rank = probability * (len(values) - 1)
        low, high = ranked[int(np.floor(rank))], ranked[int(np.ceil(rank))]
        share = rank - np.floor(rank)
        exact = low * (1 - share) + high * share
        size = np.abs(low) * (1 - share) + np.abs(high) * share
        assert (np.abs(found[row] - exact) <= (stated + 1e-12) * size + tiny).all()


def test_what_all_members_share_is_exact_and_a_hole_is_one() -> None:
    sketch = sketch_of(np.array([[10.0, 1.0, -0.0], [10.0, np.inf, 0.0]]), 0.005)
    assert sketch.quantiles([0.5])[0].tolist()[::2] == [10.0, 0.0]
    assert np.isnan(sketch.quantiles([0.5])[0, 1]) and np.isnan(sketch.accuracy[1])
    assert np.isnan(sketch_of(np.zeros((0, 2)), 0.005).quantiles([0.5])).all()


def test_a_million_members_take_as_much_room_as_thousands() -> None:
    numbers = np.random.default_rng(0).lognormal(2.0, 1.5, (1_000_000, 1))
    sketch = merged(sketch_of(some, 0.005) for some in np.split(numbers, 50))
    assert sketch.keys.size <= MOST_BUCKETS
    probabilities = [0.001, 0.05, 0.5, 0.95, 0.999]
    assert sketch.accuracy[0] <= 0.016
    exact = np.quantile(numbers, probabilities, axis=0)
    assert sketch.quantiles(probabilities) == pytest.approx(exact, rel=float(sketch.accuracy[0]))
    assert len(over_the_wire(sketch).keys) == len(sketch.keys)
    assert len(buckets.message(sketch, partial(written, encoding="base64")).packed) < 10_000


EDGES = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=6, unique=True).map(sorted)
DRAWN = arrays(float, st.integers(0, 40), elements=st.integers(-6, 6).map(float) | st.just(np.nan))


@settings(max_examples=200, deadline=None)
@given(values=DRAWN, edges=EDGES, cuts=CUTS)
def test_cutting_into_parts_never_changes_a_histogram(
    values: Numbers, edges: list[float], cuts: list[int]
) -> None:
    whole = counted("[S]", "final", values, edges)
    parts = [[counted("[S]", "final", part, edges)] for part in parts_of(values, cuts)]
    assert added(parts) == [whole]
    finite = values[np.isfinite(values)]
    assert whole.counts == np.histogram(finite, edges)[0].tolist()
    assert whole.below == int((finite < edges[0]).sum())
    assert whole.above == int((finite > edges[-1]).sum())
    assert sum(whole.counts) + whole.below + whole.above + whole.missing == len(values)


def request(**fields: Any) -> EnsembleRequest:
    body = {"process_code": "kinetic_ensemble", "method": "ssa", "report": "summary", **fields}
    return parse(EnsembleRequest, body)


def test_what_names_more_of_a_histogram_wins() -> None:
    asked = request(
        features=["final", "mean"],
        edges=[
            {"edges": [0.0, 1.0]},
            {"feature": "final", "edges": [0.0, 2.0]},
            {"output": "A", "edges": [0.0, 3.0]},
            {"output": "A", "feature": "mean", "edges": [0.0, 4.0]},
        ],
    )
    found = {(o, f): edges_for(asked, o, f) for o in ("A", "B") for f in ("final", "mean")}
    assert {pair: edges and edges[1] for pair, edges in found.items()} == {
        ("A", "final"): 3.0,
        ("A", "mean"): 4.0,
        ("B", "final"): 2.0,
        ("B", "mean"): 1.0,
    }
    assert asked.sends_features == []
    assert request(edges=[{"output": "A", "edges": [0.0, 1.0]}]).sends_features == ["final"]
    assert request(edges=[{"output": "A", "edges": [0.0, 1.0]}], outputs=["A"]).sends_features == []


@pytest.mark.parametrize(
    ("edges", "words"),
    [
        ([{"edges": [0.0]}], "at least 2"),
        ([{"edges": [1.0, 1.0]}], "edges rise"),
        ([{"edges": [0.0, float("inf")]}], "finite"),
        ([{"feature": "mean", "edges": [0.0, 1.0]}], "not in features"),
        ([{"output": "B", "edges": [0.0, 1.0]}], "not in outputs"),
        ([{"output": "A", "edges": [0.0, 1.0]}] * 2, "the same histograms"),
    ],
)
def test_edges_that_make_no_sense(edges: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        request(edges=edges, outputs=["A"])


def test_edges_for_what_the_model_does_not_report() -> None:
    with pytest.raises(ValidationError) as caught:
        check_edges(request(edges=[{"output": "S", "edges": [0.0, 1.0]}]), ["[S]"])
    assert caught.value.place == "edges.0.output"
    assert caught.value.details["near_matches"] == ["[S]"]
