"""Many cells that an orchestrator keeps, and one process on all of them in one request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bioxen.errors import ConfigurationError, ValidationError
from bioxen.protocol.base import parse
from bioxen.protocol.cells import Delta, VmConfig
from bioxen.protocol.jobs import Job
from bioxen.protocol.lineage import ForkSpec
from bioxen.protocol.metabolic import BatchColumns, MetabolicResult

if TYPE_CHECKING:
    import pandas as pd

    from bioxen.client import BiologicalComputationClient

Edits = Delta | Mapping[str, Any]
Vary = Callable[[int], Edits] | Iterable[Edits]


class PopulationResult:
    """What one process gave on every cell of a population, in columns."""

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


class Population:
    """Cells that were forked from one founder, which has the population's name."""

    def __init__(self, client: BiologicalComputationClient, name: str, vm_ids: Sequence[str]) -> None:
        self._client = client
        self.name = name
        self.vm_ids = list(vm_ids)

    def __len__(self) -> int:
        return len(self.vm_ids)

    def run(
        self,
        process_code: str,
        context: Mapping[str, Any] | None = None,
        *,
        seen: Callable[[Job], None] | None = None,
        timeout: float | None = None,
    ) -> PopulationResult:
        """Return the result of one process on every cell: one request, cut into parts by the orchestrator.

        Args:
            process_code: a metabolic process, such as `metabolic_fba`.
            context: fields of the process's request, for every cell; `{"report": "fluxes"}` for fluxes.
            seen: is told of the job as it goes on; `parts_done` of `parts_total`.
            timeout: seconds to wait; for ever where absent.

        Raises:
            ComputationTimeoutError: it has not ended in that time; the job goes on.
            BioXenException: what is wrong with the request, or made the job fail.
        """
        job = self._client.cells.run_many(self.vm_ids, process_code, context)
        self._client.jobs.wait(job.job_id, timeout, seen)
        result = self._client.jobs.result(job.job_id)
        assert isinstance(result, MetabolicResult)  # noqa: S101 - the orchestrator takes no other process
        return PopulationResult(self.vm_ids, result)

    def destroy(self) -> None:
        """End every cell, and the founder."""
        self._client.cells.act_many([*self.vm_ids, self.name], "destroy")


def found(
    client: BiologicalComputationClient,
    name: str,
    biological_type: str,
    n: int | None,
    vary: Vary | None,
    config: VmConfig | Mapping[str, Any] | None,
) -> Population:
    """Make a founder and its forks, all running; see `BioXenHypervisor.population`.

    Raises:
        ConfigurationError: `n` and `vary` do not fit together.
    """
    changes = _changes(n, vary)
    vm_ids = [f"{name}-{number:0{len(str(len(changes)))}}" for number in range(1, len(changes) + 1)]
    specs = [ForkSpec(vm_id=vm_id, changes=one) for vm_id, one in zip(vm_ids, changes, strict=True)]
    client.cells.create(name, biological_type, config=config)
    client.cells.act(name, "start")
    client.cells.fork_many(name, specs)
    return Population(client, name, vm_ids)


def _changes(n: int | None, vary: Vary | None) -> list[Delta]:
    if vary is None or callable(vary):
        if n is None or n < 1:
            raise _unclear("Give n, the number of cells: 1 or more.")
        given = [{} if vary is None else vary(number) for number in range(n)]
    else:
        given = list(vary)
        if not given or (n is not None and n != len(given)):
            raise _unclear(f"vary has edits for {len(given)} cells; leave n out, or give that many.")
    return [one if isinstance(one, Delta) else parse(Delta, one) for one in given]


def _unclear(remedy: str) -> ConfigurationError:
    return ConfigurationError(
        "The size of the population is unclear.", details={"place": "n", "remedy": remedy}
    )
