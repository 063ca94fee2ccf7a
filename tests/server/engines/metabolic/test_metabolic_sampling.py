"""Flux sampling: known distributions, COBRApy's sampler, diagnostics on series of known correlation."""

from __future__ import annotations

from typing import Any

import cobra
import numpy as np
import pytest
from cobra.sampling import OptGPSampler
from tests.server.engines.metabolic.bench import encoded, packaged, program, run, toy

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import FluxSamples
from bioxen.server.engines.metabolic.convergence import diagnose

FORK = toy(("IN", {"a_c": 1}, 0, 10), ("LEFT", {"a_c": -1}, 0, 10), ("OUT", {"a_c": -1}, 0, 10))


def samples(model: Any, **fields: Any) -> FluxSamples:
    found = run(model, "metabolic_sampling", **fields).samples
    assert found is not None
    return found


def test_a_triangle_is_sampled_uniformly() -> None:
    """LEFT and OUT are uniform on x, y ≥ 0, x + y ≤ 10: mean 10/3, variance 100/18; IN has mean 20/3."""
    found = samples(FORK, samples=8000, seed=1)
    assert found.dimension == 2
    error = 4 * (100 / 18) ** 0.5 / (found.min_ess or 1.0) ** 0.5
    assert found.fluxes["LEFT"].mean == pytest.approx(10 / 3, abs=error)
    assert found.fluxes["IN"].mean == pytest.approx(20 / 3, abs=error)
    assert found.fluxes["OUT"].sd == pytest.approx((100 / 18) ** 0.5, rel=0.05)
    assert found.fluxes["OUT"].quantiles[2] == pytest.approx(10 * (1 - 0.5**0.5), abs=2 * error)
    assert (found.max_r_hat or 9.0) < 1.02


def test_a_simplex_of_many_dimensions_is_sampled_uniformly() -> None:
    """Each of 40 fluxes that share 10 has P(v > q) = (1 − q/10)^40, and mean 10/41."""
    outs = [(f"OUT_{number}", {"a_c": -1.0}, 0.0, 10.0) for number in range(40)]
    found = samples(toy(("IN", {"a_c": 1}, 0, 10), *outs, objective="IN"), samples=8000)
    assert found.dimension == 40 and found.converged and (found.min_ess or 0.0) > 3000
    for name, _, _, _ in outs:
        one = found.fluxes[name]
        assert one.mean == pytest.approx(10 / 41, abs=5 * one.sd / (one.ess or 1.0) ** 0.5)
        expected = [10 * (1 - (1 - p) ** (1 / 40)) for p in found.probabilities]
        assert one.quantiles == pytest.approx(expected, rel=0.12, abs=0.003)


def test_a_thin_set_is_rounded() -> None:
    """One flux spans 1000, the other 0.001; both come out uniform."""
    thin = toy(
        ("A", {"a_c": 1}, 0, 1000),
        ("OUT", {"a_c": -1}, 0, 1000),
        ("B", {"b_c": 1}, 5, 5.001),
        ("C", {"b_c": -1}, 0, 9),
    )
    found = samples(thin, samples=4000)
    assert found.dimension == 2
    assert found.fluxes["A"].sd == pytest.approx(1000 / 12**0.5, rel=0.05)
    assert found.fluxes["C"].sd == pytest.approx(0.001 / 12**0.5, rel=0.05)


def test_the_core_model_as_cobrapys_sampler_sees_it() -> None:
    model = cobra.io.read_sbml_model(str(packaged("textbook")))
    drawn = OptGPSampler(model, processes=1, thinning=100, seed=3).sample(800)
    found = samples("textbook", samples=3200, thinning=10)
    assert found.dimension == 24 and (found.max_r_hat or 9.0) < 1.02 and (found.min_ess or 0.0) > 2000
    for name in ("PFK", "Biomass_Ecoli_core", "EX_glc__D_e", "PGI", "EX_o2_e", "CYTBD"):
        ours = found.fluxes[name]
        assert ours.mean == pytest.approx(drawn[name].mean(), abs=0.35 * ours.sd), name
        assert ours.sd == pytest.approx(drawn[name].std(), rel=0.3), name


def test_every_sample_is_a_steady_state_between_the_bounds() -> None:
    result = run("textbook", "metabolic_sampling", samples=200, return_samples=True, fraction_of_optimum=0.9)
    network = program("textbook").network
    assert result.samples is not None and result.samples.values is not None and result.certificate is not None
    fluxes = np.array([result.samples.values[name] for name in network.reactions])
    assert fluxes.shape == (95, 208)
    assert np.abs(network.stoichiometry @ fluxes).max() <= result.certificate.residual + 1e-12 < 1e-8
    assert (fluxes >= network.lower[:, None] - 1e-9).all() and (fluxes <= network.upper[:, None] + 1e-9).all()
    assert fluxes[network.reaction_index["Biomass_Ecoli_core"]].min() >= 0.9 * 0.87392150 - 1e-8


def test_too_few_samples_are_said_to_be_too_few() -> None:
    result = run("textbook", "metabolic_sampling", samples=64)
    assert result.samples is not None
    assert (result.status, result.samples.converged) == ("feasible", False)
    assert (result.samples.max_r_hat or 0.0) > 1.05 and result.message.startswith("Not converged")
    asked = run("textbook", "metabolic_sampling", samples=800, min_ess=5000)
    assert asked.status == "feasible" and "take more samples" in asked.message
    assert run("textbook", "metabolic_sampling", samples=800).status == "optimal"


def test_work_is_bounded_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioxen.server.engines.metabolic.walk.MAX_WORK", 2e6)
    result = run("textbook", "metabolic_sampling", samples=8000)
    assert result.samples is not None and 64 <= result.samples.samples < 8000
    assert result.status == "feasible" and "the work that one request may take is done" in result.message


def test_the_optima_of_a_genome_scale_model() -> None:
    found = samples("iJO1366", fraction_of_optimum=1.0)
    assert found.converged and found.dimension == 50 and (found.min_ess or 0.0) > 400
    assert found.fluxes["BIOMASS_Ec_iJO1366_core_53p95M"].sd == 0.0


def test_the_seed_makes_the_samples() -> None:
    once, again = (encoded(run("textbook", "metabolic_sampling", samples=64, seed=7)) for _ in range(2))
    assert once == again != encoded(run("textbook", "metabolic_sampling", samples=64, seed=8))


def test_a_flux_with_one_value_has_no_diagnostics() -> None:
    found = samples(FORK, constraints={"IN": [4, 4]})
    assert found.dimension == 1
    assert (found.fluxes["IN"].mean, found.fluxes["IN"].sd, found.fluxes["IN"].ess) == (4.0, 0.0, None)
    single = samples(FORK, constraints={"IN": [4, 4], "OUT": [1, 1]})
    assert (single.dimension, single.min_ess, single.max_r_hat) == (0, None, None)
    assert single.fluxes["LEFT"].quantiles == pytest.approx([3.0] * 5)


def test_what_has_no_bounds_cannot_be_sampled() -> None:
    endless = toy(("IN", {"a_c": 1}, 0, 1e30), ("OUT", {"a_c": -1}, 0, 1e30))
    result = run(endless, "metabolic_sampling")
    assert (result.status, result.samples) == ("unbounded", None)


def test_more_numbers_than_fit_are_refused() -> None:
    with pytest.raises(ValidationError, match="numbers that one answer returns"):
        run("textbook", "metabolic_sampling", samples=100_000, return_samples=True)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_effective_size_of_a_series_of_known_correlation(correlation: float) -> None:
    random = np.random.default_rng(2)
    series = np.empty((4000, 8, 2))
    series[0] = random.standard_normal((8, 2))
    for step in range(1, len(series)):
        noise = random.standard_normal((8, 2)) * (1 - correlation**2) ** 0.5
        series[step] = correlation * series[step - 1] + noise
    expected = 32_000 * (1 - correlation) / (1 + correlation)
    series[:, 0, 1] += 3.0
    sizes, ratios = diagnose(series)
    assert sizes[0] == pytest.approx(expected, rel=0.15)
    assert ratios[0] == pytest.approx(1.0, abs=0.02)
    assert ratios[1] > 1.2
