"""The services as processes: all come up, all go down, none is left behind, and a dead one comes back."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psutil
import pytest

from bioxen.errors import ConfigurationError
from bioxen.server.serving import bind
from bioxen.server.supervisor import ServiceProcess, Supervisor

UP = [
    *(sys.executable, "-m", "bioxen.cli", "up", "--workers", "1"),
    *("--metabolic-port", "0", "--kinetic-port", "0", "--orchestrator-port", "0", "--store", "none"),
]
FBA = {"process_code": "metabolic_fba"}


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def up() -> Iterator[subprocess.Popen[str]]:
    """`bioxen up` in a process of its own, once it has said that all services run."""
    with subprocess.Popen(UP, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "documents:" in line:
                process.url = re.findall(r"http://[^/]+", line)[0]  # type: ignore[attr-defined]
                break
        yield process
        process.kill()


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def all_gone(processes: list[psutil.Process]) -> bool:
    return all(gone(one) for one in processes)


def gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # between the one look and the other
        return True


@pytest.mark.faults
def test_up_serves_and_stops_cleanly(up: subprocess.Popen[str]) -> None:
    started = descendants(up)
    assert len(started) >= 5  # three services, and workers behind two of them
    answer = httpx2.post(up.url + "/compute/metabolic", json=FBA, timeout=60, trust_env=False)  # type: ignore[attr-defined]
    assert answer.json()["status"] == "optimal"
    up.terminate()
    assert up.wait(60) == 0
    wait_until(lambda: all_gone(started))


@pytest.mark.faults
def test_kill_9_leaves_no_orphan(up: subprocess.Popen[str]) -> None:
    started = descendants(up)
    os.kill(up.pid, signal.SIGKILL)
    wait_until(lambda: all_gone(started))


@pytest.mark.faults
def test_kill_9_of_one_service_brings_it_back(up: subprocess.Popen[str]) -> None:
    services = psutil.Process(up.pid).children()
    metabolic = next(one for one in services if "metabolic" in one.cmdline())
    its_workers = metabolic.children(recursive=True)
    metabolic.kill()
    wait_until(lambda: all_gone(its_workers))

    def answers() -> bool:
        answer = httpx2.post(up.url + "/compute/metabolic", json=FBA, timeout=60, trust_env=False)  # type: ignore[attr-defined]
        return answer.status_code == 200

    wait_until(answers)


def test_a_taken_port_is_named() -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConfigurationError, match=str(port)):
            Supervisor(ports=(port, 0, 0))


@pytest.mark.faults
def test_a_replica_that_dies_under_load_loses_nothing() -> None:
    with Supervisor(replicas=2, compute_arguments=["--workers", "1"]) as services:
        url = services.url + "/compute/metabolic"

        def ask(number: int) -> str:
            bounds = {"EX_glc__D_e": [-1.0 - number / 10, 1000.0]}
            answer = httpx2.post(url, json=FBA | {"constraints": bounds}, timeout=60, trust_env=False)
            return str(answer.json()["status"])

        victim = busiest(services)
        with ThreadPoolExecutor(8) as threads:
            answers = [threads.submit(ask, number) for number in range(200)]
            wait_until(lambda: sum(answer.done() for answer in answers) > 40)
            assert victim.process is not None
            victim.process.kill()
            victim.listener.close()
            assert [answer.result() for answer in answers] == ["optimal"] * 200


@pytest.mark.faults
def test_a_full_service_says_when_to_come_back_and_loses_nothing() -> None:
    slow = {"process_code": "kinetic_ssa", "model": "repressilator", "time_end": 4_000.0, "time_points": 3}
    arguments = ["--workers", "1", "--queue", "2"]
    with Supervisor(compute_arguments=arguments) as services, ThreadPoolExecutor(12) as threads:
        # Its own address: the orchestrator lets requests wait for their turns before they get here.
        url = next(one.url for one in services.services if one.name == "kinetic") + "/compute/kinetic"

        def ask(seed: int) -> httpx2.Response:
            return httpx2.post(url, json=slow | {"seed": seed}, timeout=60, trust_env=False)

        answers = list(threads.map(ask, range(12)))
        refused = [answer for answer in answers if answer.status_code == 503]
        assert refused
        for answer in refused:
            assert answer.json()["code"] == "BX004"
            assert int(answer.headers["retry-after"]) >= 1
        assert {answer.status_code for answer in answers if answer not in refused} == {200}
        assert ask(99).status_code == 200


def busiest(services: Supervisor) -> ServiceProcess:
    """Return the metabolic replica that the default model prefers."""
    for _ in range(5):
        httpx2.post(services.url + "/compute/metabolic", json=FBA, timeout=60, trust_env=False)
    replicas = httpx2.get(services.url + "/services", trust_env=False).json()
    preferred = max((r for r in replicas if r["service"] == "static"), key=lambda r: int(r["answered"]))
    return next(service for service in services.services if service.url == preferred["url"])
