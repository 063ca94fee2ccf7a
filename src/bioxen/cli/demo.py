"""`bioxen demo`: real services, real cells, real answers, and an honest fallback."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bioxen.cli.console import results, start_services, table
from bioxen.errors import BioXenException

if TYPE_CHECKING:
    from bioxen.protocol.result import ProcessResult
    from bioxen.server.supervisor import Supervisor
    from bioxen.vm.cell import BiologicalVM
    from bioxen.vm.hypervisor import BioXenHypervisor

ANAEROBIC = {"EX_o2_e": [0.0, 1000.0]}


def demo() -> None:
    """Start the services on free ports, run virtual cells on them, and show what is real and what is not.

    Example: [bold]bioxen demo[/]
    """
    from bioxen.server.supervisor import Supervisor

    start = time.perf_counter()
    results.rule("[bold]BioXen: virtual cells on central computation services")
    supervisor = Supervisor(arguments=["--memory-mb", "2048"], compute_arguments=["--workers", "2"])
    try:
        start_services(supervisor)
        Demonstration(supervisor).play()
    finally:
        with results.status("stopping the services …"):
            supervisor.close()
    results.print(f"Done in {time.perf_counter() - start:.1f} s. Next: README.md, or `bioxen run --help`.")


class Demonstration:
    """The play: each act runs processes and remembers their results for the table at the end."""

    def __init__(self, supervisor: Supervisor) -> None:
        import bioxen

        self.supervisor = supervisor
        self.hypervisor: BioXenHypervisor = bioxen.connect(supervisor.url)
        self.done: list[tuple[str, ProcessResult]] = []

    def play(self) -> None:
        """Play every act."""
        with self.hypervisor:
            self.show_health()
            self.metabolism()
            self.kinetics()
            self.third_party_code()
            self.a_service_stops()
            self.bad_input()
        self.show_table()

    def show_health(self) -> None:
        """Show what runs where."""
        running = table(
            "1. Services, each a process of its own", "service", "address", "health", "computes with"
        )
        for service in self.supervisor.services:
            report = self._health(service.url)
            engines = ", ".join(f"{engine['name']} {engine['version']}" for engine in report["engines"])
            running.add_row(service.name, service.url, report["status"], engines or "routes to the others")
        results.print(running)

    def _health(self, url: str) -> dict[str, Any]:
        from bioxen.client import Sockets

        with contextlib.closing(Sockets()) as sockets:
            answer = sockets.send("GET", url + "/health", None, {}, 5.0)
        report: dict[str, Any] = json.loads(answer.content)
        return report

    def metabolism(self) -> None:
        """Growth of three chassis, with and without oxygen, with and without a gene."""
        results.print("\n[bold]2. Metabolism: flux balance analysis, solved, with a certificate")
        coli = self._cell("coli", "ecoli")
        self._run(coli, "E. coli core on glucose, aerobic", "metabolic_fba")
        self._run(coli, "the same, anaerobic", "metabolic_fba", {"constraints": ANAEROBIC})
        self._run(coli, "aerobic again: no trace is left", "metabolic_fba")
        knock_out = self._cell("coli-pfk", "ecoli")
        knock_out.knock_out_genes("b3916", "b1723")
        self._run(knock_out, "without both phosphofructokinases", "metabolic_fba")
        self._run(self._cell("bakers", "yeast"), "yeast", "metabolic_fba")
        self._run(self._cell("syn3a", "syn3a"), "JCVI-syn3A", "metabolic_fba")
        starved = self._cell("starved", "ecoli")
        starved.set_medium({"EX_o2_e": 20.0})
        self._run(starved, "a medium without carbon", "metabolic_fba")

    def kinetics(self) -> None:
        """Gene expression as rate equations and as single molecules."""
        results.print("\n[bold]3. Kinetics: simulated by libRoadRunner")
        coli = self.hypervisor.get_vm("coli")
        self._run(coli, "gene expression, ODE", "kinetic_gene_expression", {"time_end": 600.0})
        self._run(
            coli,
            "gene expression, molecule by molecule",
            "stochastic_simulation",
            {"time_end": 600.0, "seed": 1},
        )
        self._run(
            coli,
            "the same seed, the same trajectory",
            "stochastic_simulation",
            {"time_end": 600.0, "seed": 1},
        )

    def third_party_code(self) -> None:
        """A process that no engine computes: symbolic, and labelled."""
        results.print("\n[bold]4. What nothing here can compute is symbolic, and says so")
        self._run(self.hypervisor.get_vm("coli"), "protein folding", "protein_folding")

    def a_service_stops(self) -> None:
        """The kinetic service goes away: hybrid cells fall back with the reason, real ones raise."""
        results.print("\n[bold]5. The kinetic service is stopped")
        self.supervisor.stop("kinetic")
        coli = self.hypervisor.get_vm("coli")
        self._run(coli, "hybrid mode falls back", "kinetic_ode")
        self._run(coli, "metabolism goes on", "metabolic_fba")
        self._refused(coli, "kinetic_ode", {}, mode="real")

    def bad_input(self) -> None:
        """A mistake is an error that names the mistake, never a fallback."""
        results.print("\n[bold]6. Bad input is an error that says what would be right")
        coli = self.hypervisor.get_vm("coli")
        self._refused(coli, "metabolic_fba", {"constraints": {"EX_o2": [0.0, 1000.0]}})
        self._refused(coli, "metabolic_fba", {"constraints": {"EX_o2_e": [5.0, -5.0]}})

    def _cell(self, vm_id: str, biological_type: str) -> BiologicalVM:
        cell = self.hypervisor.create_vm(vm_id, biological_type, "lightweight")
        cell.start()
        return cell

    def _run(
        self, cell: BiologicalVM, what: str, code: str, context: Mapping[str, Any] | None = None
    ) -> None:
        result = self.hypervisor.execute_process(cell.vm_id, code, context)
        colour = "yellow" if result.symbolic else "green"
        results.print(f"  [{colour}]{'symbolic' if result.symbolic else 'computed'}[/] {what}: ", end="")
        results.print(result.biological_output, markup=False, highlight=False)
        if result.reason:
            results.print(f"           why: {result.reason}", markup=False, highlight=False, style="dim")
        self.done.append((what, result))

    def _refused(
        self, cell: BiologicalVM, code: str, context: Mapping[str, Any], mode: str = "hybrid"
    ) -> None:
        if mode == "real":
            cell.enable_enhanced_execution("real")
        try:
            self.hypervisor.execute_process(cell.vm_id, code, context)
        except BioXenException as error:
            results.print(f"  [red]refused[/]  {code}: ", end="")
            results.print(str(error), markup=False, highlight=False)
        else:
            raise AssertionError(f"{code} with {context} should have been refused")

    def show_table(self) -> None:
        """Show what was computed, by whom, and how long it took."""
        listing = table("7. What was done", "cell", "what", "how", "by", ">ms")
        for what, result in self.done:
            listing.add_row(
                result.vm_id,
                what,
                "symbolic" if result.symbolic else "computed",
                result.computation_service,
                f"{result.execution_time * 1000:.1f}",
            )
        results.print(listing)
