"""Small models for tests, as texts: what they give is worked out in the head."""

from __future__ import annotations

import json

DECAY = "model decay; S -> ; k*S; S = 10; k = 0.1; end"


def toy(uptake: float) -> str:
    """Return COBRA JSON of a cell that makes one of itself from two of what it takes up."""
    reactions = [
        _reaction("EX_a_e", {"a_e": -1.0}, -uptake),
        _reaction("BIOMASS", {"a_e": -2.0}, 0.0, objective=1.0),
    ]
    model = {
        "id": "toy",
        "version": "1",
        "compartments": {"e": "outside"},
        "metabolites": [{"id": "a_e", "name": "a", "compartment": "e"}],
        "reactions": reactions,
        "genes": [],
    }
    return json.dumps(model)


def _reaction(
    name: str, metabolites: dict[str, float], lower: float, objective: float = 0.0
) -> dict[str, object]:
    return {
        "id": name,
        "name": name,
        "metabolites": metabolites,
        "lower_bound": lower,
        "upper_bound": 1000.0,
        "gene_reaction_rule": "",
        "objective_coefficient": objective,
    }
