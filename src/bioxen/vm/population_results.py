"""What one process gave on every cell of a population."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bioxen.errors import ValidationError, did_you_mean
from bioxen.protocol.kinetic import KineticResult, Members, VariantOutcome
from bioxen.protocol.kinetic_arrays import Load
from bioxen.protocol.kinetic_rows import numbers_of
from bioxen.protocol.metabolic import BatchColumns, MetabolicResult

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


class PopulationResult:
    """What a metabolic process gave on every cell of a population, in columns."""

    def __init__(self, vm_ids: Sequence[str], result: MetabolicResult) -> None:
        self.vm_ids = list(vm_ids)
        self.result = result
        """The batch as the service answered it: entry i is of `vm_ids[i]`."""

    @property
    def status(self) -> dict[str, str]:
        """Cell id → status."""
        return dict(zip(self.vm_ids, self._columns.status, strict=True))

    @property
    def objective(self) -> dict[str, float | None]:
        """Cell id → objective, 1/h for a biomass objective; null unless the cell's status is optimal."""
        return dict(zip(self.vm_ids, self._columns.objective, strict=True))

    def fluxes(self, reaction: str) -> dict[str, float | None]:
        """Return cell id → flux through a reaction, mmol/gDW/h.

        Raises:
            ValidationError: that flux was not reported.
        """
        reported = self._columns.fluxes or {}
        if reaction not in reported:
            raise ValidationError(
                f"The run did not report the flux through {reaction!r}.",
                details={"place": "reaction", "remedy": 'Run with {"report": "fluxes"}.'},
            )
        return dict(zip(self.vm_ids, reported[reaction], strict=True))

    def to_frame(self) -> pd.DataFrame:
        """Return the columns as a pandas DataFrame with the cells' ids as index.

        Raises:
            MissingModuleError: pandas is not installed.
        """
        return self.result.to_frame().set_axis(self.vm_ids).rename_axis("vm_id")

    @property
    def _columns(self) -> BatchColumns:
        assert self.result.batch is not None  # noqa: S101 - the result of a population is a batch
        return self.result.batch


class KineticPopulationResult:
    """What a kinetic process gave on every cell of a population."""

    def __init__(self, vm_ids: Sequence[str], result: KineticResult) -> None:
        self.vm_ids = list(vm_ids)
        self.result = result
        """The batch as the service answered it: member i is of `vm_ids[i]`."""
        self._decoded: dict[str, list[Any]] = {}

    @property
    def status(self) -> dict[str, str]:
        """Cell id → `completed` or `failed`.

        Raises:
            ValidationError: the run was asked for a summary, which has no cells; so do all others here.
        """
        return dict(zip(self.vm_ids, self._members.status, strict=True))

    @property
    def failures(self) -> dict[str, str]:
        """Cell id → what the solver said, for the cells that failed."""
        said = self._members.failures.items()
        return {self.vm_ids[member]: words for words, members in said for member in members}

    def feature(self, output: str, name: str = "final") -> dict[str, float | None]:
        """Return cell id → a feature of an output; null for a cell that failed.

        Raises:
            ValidationError: the run did not report that, or has its numbers by reference.
        """
        members = self._members
        place = self._place(output, members.outputs, "output")
        row = self._place(name, list(members.feature_names), "name")
        width, numbers = len(members.outputs), self._numbers("features")
        each = len(members.feature_names) * width
        return {vm_id: numbers[n * each + row * width + place] for n, vm_id in enumerate(self.vm_ids)}

    def course(self, vm_id: str, output: str) -> list[float | None]:
        """Return an output of a cell at each of `result.members.times`.

        Raises:
            ValidationError: the run did not report that, or has its numbers by reference.
        """
        members = self._members
        cell = self._place(vm_id, self.vm_ids, "vm_id")
        place, width = self._place(output, members.outputs, "output"), len(members.outputs)
        if members.values is None:
            raise ValidationError(
                "The run did not report time courses.",
                details={"place": "report", "remedy": 'Run with {"report": "values"}.'},
            )
        each = len(members.times) * width
        return self._numbers("values")[cell * each : (cell + 1) * each][place::width]

    @property
    def outcomes(self) -> dict[str, VariantOutcome]:
        """Cell id → what an analysis found for it: control coefficients, say.

        Raises:
            ValidationError: the run was a simulation.
        """
        found = self._members.outcomes
        if found is None:
            raise ValidationError(
                "The run was a simulation, which has features and time courses of each cell.",
                details={"place": "process_code", "remedy": "Look at feature() and course()."},
            )
        return dict(zip(self.vm_ids, found, strict=True))

    def to_frame(self) -> pd.DataFrame:
        """Return a row a cell, or a cell and point in time, as a pandas DataFrame with the ids as index.

        Raises:
            MissingModuleError: pandas is not installed.
            ValidationError: the run has its numbers by reference.
        """
        frame = self.result.to_frame()
        if "member" not in frame:
            return frame  # a summary
        members = frame.pop("member")
        return frame.set_axis([self.vm_ids[member] for member in members]).rename_axis("vm_id")

    def to_xarray(self, load: Load | None = None) -> xr.Dataset:
        """Return the arrays as an xarray Dataset; members are named by their cells' ids, as `vm_id`.

        Args:
            load: reads arrays; `hypervisor.load_array` also those that are by reference.

        Raises:
            MissingModuleError: xarray is not installed.
            ValidationError: the run has no arrays, or has them by reference and `load` is absent.
        """
        dataset = self.result.to_xarray(load)
        if "member" not in dataset.dims:
            return dataset  # a summary
        return dataset.assign_coords(member=self.vm_ids).rename(member="vm_id")

    @property
    def _members(self) -> Members:
        if self.result.members is None:
            raise ValidationError(
                "A summary says nothing of one cell.",
                details={"place": "report", "remedy": "Look at `result.summary`, or run without it."},
            )
        return self.result.members

    def _numbers(self, name: str) -> list[Any]:
        if name not in self._decoded:
            self._decoded[name] = numbers_of(getattr(self._members, name).model_dump())
        return self._decoded[name]

    @staticmethod
    def _place(one: str, known: Sequence[str], place: str) -> int:
        if one not in known:
            raise ValidationError(
                f"The run did not report {one!r}.", details={"place": place, **did_you_mean(one, known)}
            )
        return known.index(one)


AnyPopulationResult = PopulationResult | KineticPopulationResult


def population_result(vm_ids: Sequence[str], result: object) -> AnyPopulationResult:
    """Return the result of a batch by cells."""
    if isinstance(result, KineticResult):
        return KineticPopulationResult(vm_ids, result)
    assert isinstance(result, MetabolicResult)  # noqa: S101 - the orchestrator takes no other process
    return PopulationResult(vm_ids, result)
