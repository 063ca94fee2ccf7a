"""From a request to the numbers of its linear program: bounds and objective on one network.

The changes apply in this order: medium, constraints, knock-outs. So a constraint on an exchange wins over
the medium, and a knock-out over everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bioxen.errors import UnknownIdentifierError, ValidationError, did_you_mean
from bioxen.protocol.metabolic import MetabolicRequest
from bioxen.server.engines.metabolic.network import Direction, Network, Vector


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What a request makes of a network."""

    lower: Vector
    upper: Vector
    objective: Vector
    direction: Direction
    missing_genes: frozenset[int]

    @property
    def cost(self) -> Vector:
        """The objective as something to minimise."""
        return -self.objective if self.direction == "max" else self.objective

    def objective_value(self, cost: float) -> float:
        """Return the objective that belongs to `cost`."""
        return (-cost if self.direction == "max" else cost) + 0.0

    def without(self, reactions: Sequence[int]) -> tuple[Vector, Vector]:
        """Return the bounds when `reactions` carry no flux."""
        lower, upper = self.lower.copy(), self.upper.copy()
        lower[list(reactions)] = upper[list(reactions)] = 0.0
        return lower, upper


def build_problem(request: MetabolicRequest, network: Network) -> Problem:
    """Return the problem `request` asks about.

    Raises:
        UnknownIdentifierError: the request names what the model does not have.
        ValidationError: it asks for bounds that contradict each other, or names no objective where the
            model has none.
    """
    lower, upper = network.lower.copy(), network.upper.copy()
    _apply_medium(request.medium, network, lower, upper)
    for name, (low, high) in request.constraints.items():
        column = find_reaction(name, network, f"constraints.{name}")
        lower[column] = -np.inf if low is None else low
        upper[column] = np.inf if high is None else high
    missing = frozenset(find_genes(request.gene_knockouts, network, "gene_knockouts"))
    blocked = [*find_reactions(request.reaction_knockouts, network, "reaction_knockouts")]
    blocked += network.rules.blocked_by(missing)
    lower[blocked] = upper[blocked] = 0.0
    return Problem(
        lower=lower,
        upper=upper,
        objective=_objective(request, network),
        direction=request.objective_direction or network.direction,
        missing_genes=missing,
    )


def find_reaction(name: str, network: Network, place: str) -> int:
    """Return the column of the reaction `name`."""
    column = network.reaction_index.get(name)
    if column is None:
        raise _unknown("reaction", name, network.reactions, place)
    return column


def find_reactions(names: Iterable[str], network: Network, field: str) -> list[int]:
    """Return the columns of the reactions `names`, a list in `field` of the request."""
    return [find_reaction(name, network, f"{field}.{number}") for number, name in enumerate(names)]


def find_genes(names: Iterable[str], network: Network, field: str) -> list[int]:
    """Return the numbers of the genes `names`, a list in `field` of the request."""
    for number, name in enumerate(names):
        if name not in network.gene_index:
            raise _unknown("gene", name, network.genes, f"{field}.{number}")
    return [network.gene_index[name] for name in names]


def find_exchange(name: str, network: Network, place: str) -> int:
    """Return the column of the exchange `name`."""
    column = network.reaction_index.get(name)
    if column is None:
        raise _unknown("exchange", name, network.exchange_ids, place)
    if column not in network.exchanges:
        raise UnknownIdentifierError(
            f"the reaction {name!r} is no exchange with the medium",
            details={
                "place": place,
                "remedy": f"Set its bounds with constraints.{name}.",
                "near_matches": [],
            },
        )
    return column


def set_uptake(exchange: int, uptake: float, network: Network, lower: Vector, upper: Vector) -> None:
    """Let `exchange` take up at most `uptake`, mmol/gDW/h."""
    if network.takes_up_backwards(exchange):
        lower[exchange] = -uptake
    else:
        upper[exchange] = uptake


def get_uptake(exchange: int, network: Network, lower: Vector, upper: Vector) -> float:
    """Return how much `exchange` can take up at most, mmol/gDW/h; negative where it must give off."""
    return float(-lower[exchange] if network.takes_up_backwards(exchange) else upper[exchange])


def _apply_medium(medium: dict[str, float] | None, network: Network, lower: Vector, upper: Vector) -> None:
    """Open the exchanges of `medium` for uptake and close the others, as COBRApy's `model.medium` does."""
    if medium is None:
        return
    given = {find_exchange(name, network, f"medium.{name}"): uptake for name, uptake in medium.items()}
    for exchange in network.exchanges:
        closed = min(0.0, get_uptake(exchange, network, lower, upper))
        set_uptake(exchange, given.get(exchange, closed), network, lower, upper)
        if lower[exchange] > upper[exchange]:
            name = network.reactions[exchange]
            raise ValidationError(
                f"medium.{name}: an uptake of {given[exchange]:g} contradicts the model, "
                f"which forces the flux into [{network.lower[exchange]:g}, {network.upper[exchange]:g}]",
                details={"place": f"medium.{name}", "remedy": f"Change constraints.{name} instead."},
            )


def _objective(request: MetabolicRequest, network: Network) -> Vector:
    chosen = request.objective
    if isinstance(chosen, str):
        terms = {find_reaction(chosen, network, "objective"): 1.0}
    elif chosen is not None:
        terms = {find_reaction(name, network, f"objective.{name}"): value for name, value in chosen.items()}
    elif network.objective.any():
        return network.objective
    else:
        terms = {}
    if not any(terms.values()):
        raise ValidationError(
            "there is no objective: the model has none, or the request gives an empty one",
            details={
                "place": "objective",
                "remedy": "Name a reaction to optimise, such as the biomass reaction.",
            },
        )
    objective = np.zeros(len(network.reactions))
    objective[list(terms)] = list(terms.values())
    return objective


def _unknown(kind: str, name: str, known: Sequence[str], place: str) -> UnknownIdentifierError:
    return UnknownIdentifierError(
        f"the model has no {kind} {name!r}", details={"place": place, **did_you_mean(name, known)}
    )
