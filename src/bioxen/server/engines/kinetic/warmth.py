"""Studies that nobody asked for, so that the lanes' drivers are compiled or loaded before somebody does."""

from __future__ import annotations

from bioxen.protocol.kinetic import Axis, MembersMethod, ScanRequest
from bioxen.server.bytecode.source import ModelSource, digest_of
from bioxen.server.engines.kinetic import loader
from bioxen.server.engines.kinetic.noise import Noise
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.study import study

_NETWORK = "species S = 10; => S; birth; S => ; death*S; birth = 5; death = 0.1;"
_STIFF = f"{_NETWORK} fast = 1000; fast' = -1e6*fast;"
"""It needs the implicit method, which is tried after the explicit one."""


def warm_up() -> None:
    """Run a few members each way."""
    _run(_STIFF, "ode")
    _run(_NETWORK, "ssa")
    _run(_NETWORK, "tau_leaping")


def _run(text: str, method: MembersMethod) -> None:
    program = Program(
        loader.load(ModelSource(text, "antimony", digest_of(text))), Noise(), digest="", model_id=None
    )
    axes = {"birth": Axis(values=[4.0, 6.0])}
    study(ScanRequest(axes=axes, method=method, engine="lanes", time_points=2), program)
