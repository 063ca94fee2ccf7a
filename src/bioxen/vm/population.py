"""Many cells that an orchestrator keeps, and one process on all of them in one request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bioxen.errors import ConfigurationError
from bioxen.protocol.base import parse
from bioxen.protocol.cells import Delta, VmConfig
from bioxen.protocol.jobs import Job
from bioxen.protocol.lineage import ForkSpec
from bioxen.vm.population_results import AnyPopulationResult, population_result

if TYPE_CHECKING:
    from bioxen.client import BiologicalComputationClient

Edits = Delta | Mapping[str, Any]
Vary = Callable[[int], Edits] | Iterable[Edits]


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
    ) -> AnyPopulationResult:
        """Return the result of one process on every cell: one request, cut into parts by the orchestrator.

        Args:
            process_code: a metabolic process, such as `metabolic_fba`; `kinetic_ode`, `kinetic_ssa`,
                `kinetic_tau_leaping`, `kinetic_steady_state`, `kinetic_control`, `kinetic_oscillation`,
                `kinetic_sensitivity` or `kinetic_continuation`. The error about any other lists them all.
            context: fields of the process's request, for every cell; `{"report": "fluxes"}` for fluxes,
                `{"report": "values"}` for time courses in place of their features.
            seen: is told of the job as it goes on; `parts_done` of `parts_total`.
            timeout: seconds to wait; for ever where absent.

        Raises:
            ComputationTimeoutError: it has not ended in that time; the job goes on.
            BioXenException: what is wrong with the request, or made the job fail.
        """
        job = self._client.cells.run_many(self.vm_ids, process_code, context)
        self._client.jobs.wait(job.job_id, timeout, seen)
        result = self._client.jobs.result(job.job_id)
        return population_result(self.vm_ids, result)

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
