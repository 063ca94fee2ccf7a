"""A metabolic model as plain arrays: all that the analyses know of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bioxen.server.engines.metabolic.gpr import GeneRules

Vector = NDArray[np.float64]
Direction = Literal["max", "min"]


@dataclass(frozen=True, eq=False)
class Network:
    """Stoichiometry, bounds, objective and gene rules of one model; nobody changes it once it is read."""

    reactions: tuple[str, ...]
    metabolites: tuple[str, ...]
    genes: tuple[str, ...]
    stoichiometry: sparse.csc_array
    """S: metabolites × reactions."""
    lower: Vector
    """Bounds, mmol/gDW/h; ±inf where there is none."""
    upper: Vector
    objective: Vector
    """Coefficient of each reaction in the model's own objective."""
    direction: Direction
    rules: GeneRules
    exchanges: tuple[int, ...]
    """Reactions that bring a metabolite in from the medium or let it out."""
    carbons: Vector
    """Atoms of carbon in each metabolite; 0 where its formula is not known."""
    weights: Vector
    """Molar mass of each metabolite, g/mol; NaN where its formula is not known."""

    def __post_init__(self) -> None:
        for array in (self.lower, self.upper, self.objective, self.stoichiometry.data):
            array.flags.writeable = False

    @cached_property
    def reaction_index(self) -> dict[str, int]:
        """Reaction id → its column."""
        return {name: column for column, name in enumerate(self.reactions)}

    @cached_property
    def no_flux(self) -> dict[str, float]:
        """Reaction id → 0; to be copied, not changed."""
        return dict.fromkeys(self.reactions, 0.0)

    @cached_property
    def gene_index(self) -> dict[str, int]:
        """Gene id → its number."""
        return {name: number for number, name in enumerate(self.genes)}

    @cached_property
    def exchange_ids(self) -> tuple[str, ...]:
        """The ids of the exchanges."""
        return tuple(self.reactions[column] for column in self.exchanges)

    @cached_property
    def boundary(self) -> NDArray[np.bool_]:
        """Which reactions cross the border of the model: those of one metabolite."""
        return np.asarray(np.diff(self.stoichiometry.indptr) == 1)

    def takes_up_backwards(self, exchange: int) -> bool:
        """Return whether uptake through `exchange` is its negative flux, as in `glc_e -->`."""
        column = self.stoichiometry[:, [exchange]]
        return bool((column.data < 0).any())
