"""The result of a process on a cell: the same shape on every route, computed or symbolic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import model_validator

from bioxen.errors import BioXenErrorCode, ComputationError
from bioxen.protocol.base import MappingMessage
from bioxen.protocol.kinetic_arrays import Load, dataset_of
from bioxen.protocol.rows import rows_of, to_frame, with_units
from bioxen.protocol.units import Seconds

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

LOCAL_SYMBOLIC = "vm_local_symbolic"


class ProcessResult(MappingMessage):
    """What `execute_biological_process` returns; reads like a dict as well."""

    status: Literal["success", "failed"]
    """`failed` where the computation ran and reached no outcome; an infeasible model is an outcome."""
    execution_type: Literal["service_based_computation", "symbolic"]
    computation_service: str
    """The service that computed, or `vm_local_symbolic`."""
    process_code: str
    vm_id: str
    biological_output: str
    """One line for a person, with units."""
    execution_time: Seconds
    """Measured, s, from asking to answer."""
    accelerated: bool = False
    """Whether an accelerator other than the CPU computed it."""
    symbolic: bool = False
    reason: str | None = None
    """Why the result is symbolic; null on a computed one."""
    cache_hit: bool = False
    """Whether the answer came from a cache: the cell's own, or the services'."""
    service_results: dict[str, Any] | None = None
    """The service's own result; for a symbolic one, the facts that bear on the process."""

    @model_validator(mode="after")
    def _no_disguise(self) -> Self:
        """A symbolic result says so and says why; a computed one never looks symbolic."""
        symbolic = self.execution_type == "symbolic"
        if symbolic != self.symbolic or symbolic != (self.reason is not None):
            raise ValueError("a symbolic result, and no other, has symbolic=true and a reason")
        if symbolic != (self.computation_service == LOCAL_SYMBOLIC):
            raise ValueError(f"a symbolic result, and no other, comes from {LOCAL_SYMBOLIC}")
        return self

    def __repr__(self) -> str:
        how = "symbolic" if self.symbolic else "computed"
        return f"<ProcessResult {self.status}, {how}, {self.process_code}: {self.biological_output}>"

    __str__ = __repr__

    def to_frame(self) -> pd.DataFrame:
        """Return the main numbers as a pandas DataFrame, with COBRApy's and Tellurium's column names.

        The units of a kinetic result are in its `attrs["units"]`.

        Raises:
            MissingModuleError: pandas is not installed.
        """
        return with_units(to_frame(rows_of(self)), {} if self.symbolic else self.service_results or {})

    def to_xarray(self, load: Load | None = None) -> xr.Dataset:
        """Return the arrays of a time course, of members or a summary as an xarray Dataset with units.

        Args:
            load: reads arrays; `hypervisor.load_array` also those that are by reference.

        Raises:
            MissingModuleError: xarray is not installed.
            ValidationError: the result has no arrays, or has them by reference and `load` is absent.
        """
        return dataset_of({} if self.symbolic else self.service_results or {}, load)

    def raise_for_status(self) -> Self:
        """Return the result itself, or raise where its status is `failed`.

        Raises:
            ComputationError: the computation reached no outcome.
        """
        if self.status == "failed":
            raise ComputationError(self.biological_output, BioXenErrorCode.COMPUTATION_FAILED)
        return self
