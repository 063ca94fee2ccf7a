"""What an engine must know of a model besides running it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from bioxen.server.engines.kinetic.mathtree import EVERYTHING
from bioxen.server.engines.kinetic.soundness import Soundness


@dataclass(frozen=True, slots=True)
class Species:
    """One species."""

    id: str
    compartment: str
    substance_only: bool
    """Whether its symbol means an amount in formulas (`hasOnlySubstanceUnits`)."""
    floating: bool
    """Whether reactions may change it; false for a boundary species."""

    @property
    def natural(self) -> str:
        """The selection that means what the symbol means in the model's formulas."""
        return self.id if self.substance_only else f"[{self.id}]"


@dataclass(frozen=True)
class Facts:
    """The model's identifiers by their roles."""

    species: dict[str, Species]
    compartments: tuple[str, ...]
    parameters: tuple[str, ...]
    """Global parameters, in the model's order."""
    reactions: tuple[str, ...]
    assignment_targets: frozenset[str]
    """What an assignment rule computes; it cannot be set."""
    rate_targets: frozenset[str]
    """What a rate rule integrates."""
    initial_targets: tuple[str, ...]
    """What an initial assignment sets."""
    feeds: dict[str, frozenset[str]]
    """Identifier → the initial assignments that depend on it, through rules and rates as well."""
    event_targets: frozenset[str]
    """What an event changes."""
    event_inputs: frozenset[str]
    """What an event that may fire at the start depends on; it has fired before anything can be set."""
    keeps_history: bool
    """Whether events leave traces that no reset removes: they wait for their delays."""
    has_events: bool
    revocable: frozenset[str]
    """Events that are called off where their trigger turns false before they are due."""
    time_dependent: bool
    """Whether a rate depends on the time itself, or the model has events."""
    units: dict[str, str]
    """Selection → unit, where the model declares one."""
    soundness: Soundness
    """What speaks against stochastic simulation."""
    jumps: bool
    """Whether a rate of change jumps: it holds a comparison, a piecewise or a rounding."""
    local_parameters: dict[str, str] = field(default_factory=dict)
    """`reaction.parameter` → the id under which the compiled model has it."""
    solved: tuple[str, ...] = ()
    """Variables of algebraic rules that were solved for: they are assignment targets."""
    beyond_roadrunner: tuple[str, ...] = ()
    """Constructs that only the general solver runs."""

    @cached_property
    def default_outputs(self) -> tuple[str, ...]:
        """Every floating species in its natural selection, then the parameters under a rate rule."""
        floating = [species.natural for species in self.species.values() if species.floating]
        return (*floating, *(name for name in self.parameters if name in self.rate_targets))

    def native(self, name: str) -> str:
        """Return the id that the compiled model has for `name`: another one for `reaction.parameter`."""
        return self.local_parameters.get(name, name)

    @property
    def free_parameters(self) -> tuple[str, ...]:
        """The global parameters that neither a rule nor an event changes."""
        ruled = self.assignment_targets | self.rate_targets | self.event_targets
        return tuple(name for name in self.parameters if name not in ruled)

    def fed_by(self, identifiers: Iterable[str]) -> frozenset[str]:
        """Return the initial assignments that depend on any of `identifiers`."""
        everything = self.feeds.get(EVERYTHING, frozenset())
        return everything.union(*(self.feeds.get(name, frozenset()) for name in identifiers))
