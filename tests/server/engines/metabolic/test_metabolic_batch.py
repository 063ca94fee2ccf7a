"""Batches: every analysis of many variants, each as if it were asked for alone."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from tests.server.engines.metabolic.bench import ENGINE, encoded, program, run, toy

from bioxen.errors import BioXenException, ValidationError
from bioxen.protocol.metabolic import Analysis, MetabolicResult, Outcome

OWN_FIELDS: dict[str, dict[str, Any]] = {
    "metabolic_double_gene_deletion": {"genes_a": ["b0720", "b0114"]},
    "metabolic_double_reaction_deletion": {"reactions_a": ["PGI", "PFK"]},
    "metabolic_production_envelope": {"reactions": ["EX_o2_e"], "points": 3},
    "metabolic_phase_plane": {"reactions": ["EX_o2_e", "PGI"], "points": 3},
    "metabolic_robustness": {"reaction": "EX_o2_e", "points": 3},
    "metabolic_sampling": {"samples": 16, "chains": 2, "reactions": ["PGI"]},
    "metabolic_fva": {"reactions": ["PGI"]},
    "metabolic_loopless_fva": {"reactions": ["PGI"]},
    "metabolic_dfba": {"time_end": 1.0, "time_points": 5},
}
CODES = [get_args(kind.model_fields["process_code"].annotation)[0] for kind in get_args(Analysis)]
VARIANTS: list[dict[str, Any]] = [
    {"constraints": {"EX_glc__D_e": [-8.0, 1000.0]}},
    {"gene_knockouts": ["b0720"]},
]


def columns(result: MetabolicResult) -> Any:
    assert result.batch is not None
    return result.batch


def random_variants(name: str, count: int) -> list[dict[str, Any]]:
    """Return media, knock-outs of both kinds, objectives and directions."""
    network, rng = program(name).network, np.random.default_rng(11)
    made: list[dict[str, Any]] = []
    for number in range(count):
        exchanges = [network.reactions[one] for one in rng.choice(network.exchanges, 3)]
        kinds: dict[int, dict[str, Any]] = {
            0: {"constraints": {one: [-float(rng.uniform(0, 15)), 1000.0] for one in exchanges}},
            1: {"gene_knockouts": [str(one) for one in rng.choice(network.genes, 2, replace=False)]},
            2: {"reaction_knockouts": [str(one) for one in rng.choice(network.reactions, 2, replace=False)]},
            3: {"objective": str(rng.choice(network.reactions)), "constraints": {exchanges[0]: [-1.0, 5.0]}},
            4: {"objective_direction": "min"},
        }
        made.append(kinds[number % 5])
    return made


@pytest.mark.parametrize("name", ["textbook", "iJO1366"])
def test_objectives_are_those_of_each_alone(name: str) -> None:
    variants = random_variants(name, 100)
    fields: dict[str, Any] = {"gene_knockouts": [program(name).network.genes[3]]}
    found = columns(run(name, "metabolic_batch", variants=variants, **fields))
    for variant, status, objective in zip(variants, found.status, found.objective, strict=True):
        knockouts = [*fields["gene_knockouts"], *variant.get("gene_knockouts", [])]
        alone = run(name, "metabolic_fba", **{**variant, "gene_knockouts": knockouts})
        assert status == alone.status
        expected = alone.optimal_objective
        assert objective == (None if expected is None else pytest.approx(expected, abs=1e-7, rel=1e-7))
    assert {"optimal"} < set(found.status) or name == "iJO1366"


def test_what_does_not_hold_for_the_base_may_hold_for_a_variant() -> None:
    """Nothing starts from an optimum that is not there."""
    closed = {"constraints": {"EX_glc__D_e": [0.0, 0.0]}}
    variants = [{"constraints": {"EX_glc__D_e": [-uptake, 0.0]}} for uptake in (0.0, 2.0, 5.0, 10.0)]
    result = run("textbook", "metabolic_batch", variants=variants, **closed)
    assert (result.status, columns(result).status[0]) == ("infeasible", "infeasible")
    assert columns(result).objective[3] == pytest.approx(0.8739215, abs=1e-6)


def test_unbounded_and_infeasible_variants_have_no_number() -> None:
    model = toy(("IN", {"a_c": 1}, 0, 10), ("OUT", {"a_c": -1}, 0, 1000))
    variants = [
        {"constraints": {"IN": [0.0, None], "OUT": [0.0, None]}},
        {"constraints": {"OUT": [20.0, 30.0]}},
        {"constraints": {"IN": [0.0, 4.0]}},
        {},
    ]
    found = columns(run(model, "metabolic_batch", variants=variants))
    assert found.status == ["unbounded", "infeasible", "optimal", "optimal"]
    assert found.objective == [None, None, 4.0, 10.0]


def test_the_same_batch_gives_the_same_bytes() -> None:
    variants = random_variants("iJO1366", 25)
    assert len({encoded(run("iJO1366", "metabolic_batch", variants=variants)) for _ in range(2)}) == 1


@pytest.mark.parametrize("code", CODES)
def test_every_analysis_has_a_batch(code: str) -> None:
    own = OWN_FIELDS.get(code, {})
    result = run("textbook", "metabolic_batch", variants=VARIANTS, analysis={"process_code": code, **own})
    found = columns(result)
    assert len(found.status) == len(found.results) == 2
    for variant, outcome in zip(VARIANTS, found.results, strict=True):
        alone = run("textbook", code, **own, **variant)
        assert outcome == Outcome(**{name: getattr(alone, name) for name in Outcome.model_fields})
    assert found.objective == [one.optimal_objective for one in found.results]
    again = MetabolicResult.model_validate_json(encoded(result))
    assert again == result


def test_chosen_fluxes_of_any_analysis_with_fluxes() -> None:
    fields = {"variants": VARIANTS, "report": "fluxes", "reactions": ["PGI", "PFK"]}
    found = columns(run("textbook", "metabolic_batch", analysis={"process_code": "metabolic_pfba"}, **fields))
    for place, variant in enumerate(VARIANTS):
        alone = run("textbook", "metabolic_pfba", **variant).flux_state
        assert alone is not None and found.fluxes["PGI"][place] == alone["PGI"]
    assert found.results is None
    with pytest.raises(ValidationError, match="flux distribution"):
        run("textbook", "metabolic_batch", analysis={"process_code": "metabolic_fva"}, **fields)


def test_what_analyses_share_stands_beside_the_analysis() -> None:
    analysis = {"process_code": "metabolic_pfba", "gene_knockouts": ["b0720"]}
    with pytest.raises(ValidationError, match="give gene_knockouts beside analysis"):
        run("textbook", "metabolic_batch", variants=VARIANTS, analysis=analysis)
    request = ENGINE.parse(
        {
            "process_code": "metabolic_batch",
            "variants": VARIANTS,
            "analysis": {"process_code": "metabolic_fva"},
        }
    )
    assert ENGINE.parse(request.model_dump()) == request


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"variants": [{}, {"constraints": {"NOPE": [0.0, 1.0]}}]}, "variants.1.constraints.NOPE"),
        (
            {
                "variants": [{}, {"gene_knockouts": ["b0720", "nope"]}],
                "analysis": {"process_code": "metabolic_fva"},
            },
            "variants.1.gene_knockouts.1",
        ),
        (
            {"variants": [{}], "analysis": {"process_code": "metabolic_fva", "reactions": ["NOPE"]}},
            "analysis.reactions.0",
        ),
        ({"variants": [{}], "report": "fluxes", "reactions": ["NOPE"]}, "reactions.0"),
    ],
)
def test_a_mistake_is_told_with_its_place(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(BioXenException) as told:
        run("textbook", "metabolic_batch", **fields)
    assert told.value.place == place
