"""A driver and a model's functions as one module of LLVM: PTX for a GPU, or machine code of this CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import binding, ir

from bioxen.server.engines.kinetic.lanes.gpu.writer import POINTER, WORD, Writer

ARCHITECTURE = "sm_75"
"""The oldest GPUs that the code is for; drivers translate it for every newer one."""
_TRIPLE = "nvptx64-nvidia-cuda"
KERNEL = "kernel"
SPAN = "span"


@dataclass(frozen=True, eq=False)
class Driver:
    """What integrates or simulates one member, and what it calls."""

    kinds: list[Any]
    """Types of its parameters; the first is the member's index."""
    write: Callable[[Writer, Mapping[str, Any]], None]
    """Writes its body, given the model's functions by name."""
    functions: Mapping[str, str]
    """IR of each function of the model, defined under its name."""


def ptx(driver: Driver) -> str:
    """Return what a GPU's driver translates; the kernel takes a count of members, then the rest."""
    text = _optimised(driver, _device(), _kernel)
    return str(_device().emit_assembly(text))


def host_ir(driver: Driver) -> str:
    """Return the same as IR for this CPU: the function takes a count of members, and runs them all."""
    from bioxen.server.engines.kinetic.lanes.native import host_machine

    return str(_optimised(driver, host_machine(), _span))


def _optimised(driver: Driver, machine: Any, outer: Callable[[ir.Module, Any, Any], None]) -> Any:
    module = binding.parse_assembly(_text(driver, outer))
    for text in driver.functions.values():
        module.link_in(binding.parse_assembly(text))
    for function in module.functions:
        if function.name in driver.functions:
            function.linkage = "internal"
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    module.verify()
    tuning = binding.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = tuning.slp_vectorization = False
    builder = binding.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    return module


def _text(driver: Driver, outer: Callable[[ir.Module, Any, Any], None]) -> str:
    module = ir.Module("member")
    kind = ir.FunctionType(ir.VoidType(), [POINTER] * 4)
    functions = {name: ir.Function(module, kind, name) for name in driver.functions}
    writer = Writer(module, "member", driver.kinds)
    writer.function.linkage = "internal"
    driver.write(writer, functions)
    writer.finish()
    outer(module, writer.function, driver.kinds)
    return str(module)


def _kernel(module: ir.Module, member: Any, kinds: list[Any]) -> None:
    writer = Writer(module, KERNEL, kinds)
    writer.function.calling_convention = "ptx_kernel"
    block, size, thread = (
        writer.builder.zext(writer.builder.call(_register(module, name), []), WORD)
        for name in ("ctaid", "ntid", "tid")
    )
    at = writer.builder.add(writer.builder.mul(block, size), thread)
    count, *rest = writer.arguments
    with writer.when(writer.builder.icmp_signed("<", at, count)):
        writer.call(member, at, *rest)
    writer.finish()


def _register(module: ir.Module, name: str) -> Any:
    kind = ir.FunctionType(ir.IntType(32), [])
    return ir.Function(module, kind, f"llvm.nvvm.read.ptx.sreg.{name}.x")


def _span(module: ir.Module, member: Any, kinds: list[Any]) -> None:
    writer = Writer(module, SPAN, kinds)
    count, *rest = writer.arguments
    with writer.loop(count) as at:
        writer.call(member, at, *rest)
    writer.finish()


@cache
def _device() -> Any:
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    return binding.Target.from_triple(_TRIPLE).create_target_machine(cpu=ARCHITECTURE, opt=3)
