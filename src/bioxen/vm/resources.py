"""The ledger of what a hypervisor's cells hold: pure accounting, exact, without a clock or a lock.

What a grant means, and who holds a cell to it:

============  ==========================================================================================
ribosomes     a claim on the hypervisor's ribosomes: all cells' claims together never exceed them
ATP share     likewise of 1.0; and the cell's share of the hypervisor's process slots is reserved for it
memory        the most that the cell's edits and cached results may take (`vm/cell.py`, `vm/cache.py`)
priority      which waiting process goes first (`vm/scheduling.py`); not a stock, so never exhausted
============  ==========================================================================================

Claims bound what cells hold together; no number in a computed result depends on them. A grant is held
from `allocate_resources()` until the cell is stopped or destroyed or leaves its hypervisor. `start()`
claims it anew, and is refused where others took what is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bioxen.errors import ConfigurationError, ResourceAllocationError, ResourceExhaustionError
from bioxen.protocol.cells import Resources

UNITS = {"ribosomes": "", "atp_share": "", "memory_mb": " MB"}
_GRAIN = 1_000_000
"""Amounts are counted in millionths, as integers: ten shares of 0.1 are exactly 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What a hypervisor has to give to its cells.

    Raises:
        ConfigurationError: an amount is negative, or a share is not within 0 and 1.
    """

    ribosomes: int = 1_000_000
    atp_share: float = 1.0
    """The whole ATP budget is 1."""
    memory_mb: float = 4096.0
    cell_limit: float = 1.0
    """The part of each that one cell may hold."""

    def __post_init__(self) -> None:
        shares_fit = 0 <= self.atp_share <= 1 and 0 < self.cell_limit <= 1
        if self.ribosomes < 0 or not self.memory_mb >= 0 or not shares_fit:
            raise ConfigurationError(f"{self} is no capacity: amounts are ≥ 0, shares at most 1.")


@dataclass(slots=True)
class Ledger:
    """Who holds what of a capacity."""

    capacity: Capacity
    _grants: dict[str, Resources] = field(default_factory=dict)
    _held: dict[str, int] = field(default_factory=lambda: dict.fromkeys(UNITS, 0))

    def grant(self, vm_id: str, wanted: Resources) -> None:
        """Give `wanted` to a cell in place of what it holds; on an error it keeps what it holds.

        Raises:
            ResourceAllocationError: more than one cell may ever hold.
            ResourceExhaustionError: more than the other cells leave.
        """
        present = self._grants.get(vm_id)
        for name in UNITS:
            self._check_limit(vm_id, name, wanted[name])
        for name in UNITS:
            self._check_room(vm_id, name, wanted[name], present[name] if present else 0)
        self.release(vm_id)
        self._grants[vm_id] = wanted
        for name in UNITS:
            self._held[name] += _grains(wanted[name])

    def release(self, vm_id: str) -> None:
        """Take back what a cell holds, if anything."""
        present = self._grants.pop(vm_id, None)
        if present is not None:
            for name in UNITS:
                self._held[name] -= _grains(present[name])

    def granted(self, vm_id: str) -> Resources | None:
        """Return what a cell holds, or null."""
        return self._grants.get(vm_id)

    def left(self) -> dict[str, float]:
        """Return what no cell holds of each resource."""
        return {name: (self._total(name) - held) / _GRAIN for name, held in self._held.items()}

    def _check_limit(self, vm_id: str, name: str, amount: float) -> None:
        limit = self._total(name) * self.capacity.cell_limit
        if _grains(amount) > limit:
            raise ResourceAllocationError(
                f"The cell {vm_id!r} asks for {name} {amount:g}{UNITS[name]}; no cell may hold that much.",
                details={
                    "place": name,
                    "limit": limit / _GRAIN,
                    "remedy": f"Ask for at most {limit / _GRAIN:g}{UNITS[name]}.",
                },
            )

    def _check_room(self, vm_id: str, name: str, amount: float, present: float) -> None:
        room = self._total(name) - self._held[name] + _grains(present)
        if _grains(amount) > room:
            raise ResourceExhaustionError(
                f"The cell {vm_id!r} asks for {name} {amount:g}{UNITS[name]}; other cells leave less.",
                details={
                    "place": name,
                    "left": room / _GRAIN,
                    "remedy": f"{room / _GRAIN:g}{UNITS[name]} is left; ask for less, or stop another cell.",
                },
            )

    def _total(self, name: str) -> int:
        return _grains(getattr(self.capacity, name))


def _grains(amount: float) -> int:
    return round(amount * _GRAIN)
