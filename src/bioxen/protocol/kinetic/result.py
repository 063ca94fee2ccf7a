"""The answer of the kinetic service: what an analysis found, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bioxen.protocol.answered import Answered
from bioxen.protocol.base import MappingMessage
from bioxen.protocol.kinetic.outcome import Outcome
from bioxen.protocol.kinetic_arrays import Load, dataset_of
from bioxen.protocol.provenance import Provenance
from bioxen.protocol.rows import frame_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


class _Head(Answered):
    """What a result says before its outcome."""

    computation_type: Literal["dynamic_kinetic"] = "dynamic_kinetic"
    computation_service: Literal["centralized_tellurium"] = "centralized_tellurium"
    execution_result: Literal["computed_trajectory"] = "computed_trajectory"
    process_code: str
    """The code as it was asked."""


class KineticResult(MappingMessage, Outcome, _Head):
    """What the kinetic service answers. A failed simulation carries no numbers."""

    program_key: str
    """Digest of the program that was used: the key of its warm copy in the workers."""
    provenance: Provenance

    def to_frame(self) -> pd.DataFrame:
        """Return the main numbers as a pandas DataFrame, with Tellurium's column names.

        Units are in its `attrs["units"]`.

        Raises:
            MissingModuleError: pandas is not installed.
            ValidationError: the result has no numbers (a problem without a solution, say).
        """
        return frame_of(self)

    def to_xarray(self, load: Load | None = None) -> xr.Dataset:
        """Return the arrays of a time course, of members or a summary as an xarray Dataset with units.

        Args:
            load: reads arrays; `hypervisor.load_array` also those that are by reference.

        Raises:
            MissingModuleError: xarray is not installed.
            ValidationError: the result has no arrays, or has them by reference and `load` is absent.
        """
        return dataset_of(self.model_dump(), load)
