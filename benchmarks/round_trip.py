"""Measures what a warm FBA takes over REST beyond the kernel's own time, and beside COBRApy loops.

Rivals take turns within one run, so that a noisy machine disturbs all of them alike. A bare socket takes the
server's share alone; BioXen's client adds its own, with the result as a checked message. The kernel's time is
measured in this process, as are COBRApy's loops; BioXen's services run in theirs, with one worker each.

    python -m benchmarks.round_trip [ROUNDS]
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

import cobra
import numpy as np
import psutil
from cobra.io import load_model

from bioxen.client import BiologicalComputationClient
from bioxen.protocol.metabolic import FbaRequest
from bioxen.server.bytecode.repository import Repository
from bioxen.server.engines.metabolic import MetabolicEngine
from bioxen.server.engines.metabolic.kernel.front import optimise
from bioxen.server.engines.metabolic.problem import build_problem
from bioxen.server.supervisor import Supervisor

ROUNDS = 400
"""Rounds on the core model; the genome-scale model gets half, and COBRApy, which takes long, a tenth."""
BLOCK = 20
"""Requests in a row by one rival: a program asks again and again and finds its own code in the caches."""
ANAEROBIC: dict[str, tuple[float | None, float | None]] = {"EX_o2_e": (0.0, 1000.0)}
CLIENTS = 8

Ask = Callable[[], object]


class BareSocket:
    """The least that can ask: one connection, bytes out, bytes in."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._sock = socket.create_connection((parts.hostname, parts.port))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = parts.netloc

    def post(self, path: str, body: bytes) -> bytes:
        """Return the body of the answer."""
        head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
        self._sock.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        data = self._more()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        length = int(data[:end].lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(data) < end + 4 + length:
            data += self._more()
        assert data.startswith(b"HTTP/1.1 200"), data[:200]
        return data[end + 4 :]

    def _more(self) -> bytes:
        piece = self._sock.recv(1 << 18)
        assert piece, "the service hung up"
        return piece


def main() -> None:
    """Print everything as Markdown tables."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    start = time.perf_counter()
    with Supervisor(compute_arguments=["--workers", "1", "--cache-mb", "0"]) as services:
        print(f"start-up of the three services until healthy: {time.perf_counter() - start:.2f} s\n")
        print("Milliseconds beyond the kernel's median: median / 90th percentile.\n")
        print(
            "| model, kernel | reported | bare socket | BioXen's client | orchestrator, bare | with client |"
        )
        print("|---|---|---|---|---|---|")
        for model_id, repeats in (("textbook", rounds), ("iJO1366", rounds // 2)):
            beyond_the_kernel(model_id, services, repeats)
        print("\n| one request, all fluxes | textbook | iJO1366 |\n|---|---|---|")
        beside_cobrapy(services, max(10, rounds // 10))
        throughput(services)
        memory(services)


def beyond_the_kernel(model_id: str, services: Supervisor, rounds: int) -> None:
    """Print a row for each kind of report."""
    kernel = kernel_ms(model_id)
    for report in ("objective", "fluxes"):
        rivals: dict[str, Ask] = {
            f"{where} {how}": ask
            for where, url in (("direct", services.services[0].url), ("orchestrator", services.url))
            for how, ask in askers(url, model_id, report).items()
        }
        taken = in_turns(rivals, rounds)
        cells = [
            f"{median(one) - kernel:.2f} / {quantiles(one, n=10)[8] - kernel:.2f}" for one in taken.values()
        ]
        print(f"| {model_id}, {kernel:.2f} ms | {report} | {' | '.join(cells)} |")


def askers(url: str, model_id: str, report: Any) -> dict[str, Ask]:
    """Return the ways to ask one service: with the server's share alone, and as a user does."""
    request = FbaRequest(model=model_id, constraints=ANAEROBIC, report=report)
    body = json.dumps(
        request.model_dump(mode="json", exclude_defaults=True) | {"process_code": "metabolic_fba"}
    )
    bare, client = BareSocket(url), BiologicalComputationClient(url, None)
    return {
        "bare": lambda: bare.post("/compute/metabolic", body.encode()),
        "client": lambda: client.request_static_computation(request),
    }


def kernel_ms(model_id: str) -> float:
    """Return the median time that the compiled simplex takes for the same problem, in this process."""
    engine, models = MetabolicEngine(), Repository()
    program = engine.compile(models.read(models.find(model_id).digest))
    problem = build_problem(FbaRequest(constraints=ANAEROBIC), program.network)
    kernel = program.fluxes.kernel
    assert kernel is not None
    lower, upper, cost = (np.array(one) for one in (problem.lower, problem.upper, problem.cost))
    ask = partial(optimise, kernel, lower, upper, cost, np.empty(len(cost)))
    return median(in_turns({"kernel": ask}, 200)["kernel"])


def in_turns(rivals: Mapping[str, Ask], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each request; the rivals take turns of `BLOCK` requests."""
    for ask in rivals.values():
        ask()  # warms everything up
    taken: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(max(1, rounds // BLOCK)):
        for name, ask in rivals.items():
            for _ in range(BLOCK):
                start = time.perf_counter()
                ask()
                taken[name].append((time.perf_counter() - start) * 1000)
    return taken


def beside_cobrapy(services: Supervisor, rounds: int) -> None:
    """Print BioXen's client beside COBRApy's loops, each whole: nothing is subtracted."""
    taken: dict[str, list[str]] = {}
    for model_id in ("textbook", "iJO1366"):
        model = load_model(model_id)
        rivals: dict[str, Ask] = {
            "BioXen, metabolic service": askers(services.services[0].url, model_id, "fluxes")["client"],
            "BioXen, through the orchestrator": askers(services.url, model_id, "fluxes")["client"],
            f"COBRApy {cobra.__version__}, `with model:`": partial(in_context, model),
            f"COBRApy {cobra.__version__}, copy per request": partial(in_copy, model),
        }
        for name, ask in rivals.items():
            times = in_turns({name: ask}, rounds if "copy" not in name else BLOCK)[name]
            taken.setdefault(name, []).append(f"{median(times):.2f} ms")
    for name, cells in taken.items():
        print(f"| {name} | {' | '.join(cells)} |")


def in_context(model: cobra.Model) -> float:
    """Return growth as a COBRApy loop computes it, fluxes in a dict as the service gives them."""
    with model:
        model.reactions.EX_o2_e.bounds = ANAEROBIC["EX_o2_e"]
        solution = model.optimize()
        assert len(solution.fluxes.to_dict()) > 90
        return float(solution.objective_value)


def in_copy(model: cobra.Model) -> float:
    """Return the same from a copy, as one makes it to leave the model as it is."""
    return in_context(model.copy())


def throughput(services: Supervisor) -> None:
    """Print calls per second of the core model, with several clients at once."""
    calls = 2000
    asks = [askers(services.services[0].url, "textbook", "objective")["client"] for _ in range(CLIENTS)]

    def ask_many(ask: Ask) -> None:
        for _ in range(calls // CLIENTS):
            ask()

    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(ask_many, asks))
    rate = calls / (time.perf_counter() - start)
    print(f"\ntextbook, objective only, {CLIENTS} clients in one process, one worker: {rate:.0f} calls/s")


def memory(services: Supervisor) -> None:
    """Print what the worker holds that has both models warm."""
    service = services.services[0].process
    assert service is not None
    (zygote,) = psutil.Process(service.pid).children()
    (worker,) = zygote.children()
    for name, process in (("service", psutil.Process(service.pid)), ("zygote", zygote), ("worker", worker)):
        held = process.memory_full_info()
        sizes = ", ".join(f"{kind.upper()} {getattr(held, kind) / 1e6:.0f}" for kind in ("rss", "pss", "uss"))
        print(f"memory of the {name}, MB: {sizes}")


if __name__ == "__main__":
    main()
