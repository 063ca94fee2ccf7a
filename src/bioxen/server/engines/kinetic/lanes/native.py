"""Machine code from LLVM IR, for the CPU this runs on."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from functools import cache
from typing import Any

import llvmlite
from llvmlite import binding

from bioxen.server.engines.kinetic.lanes.objects import kept

_numbers = itertools.count()


class Code:
    """Compiled functions; they live as long as this does."""

    def __init__(self, ir: str, names: Iterable[str]) -> None:
        """Compile the functions `names` of `ir`."""
        names = list(names)
        image = _compiled(ir)
        library = binding.JITLibraryBuilder().add_object_img(image).add_current_process()
        for name in names:
            library.export_symbol(name)
        self._tracker: Any = library.link(_linker(), f"lanes{next(_numbers)}")
        self.addresses: dict[str, int] = {name: self._tracker[name] for name in names}


def _compiled(ir: str) -> bytes:
    machine = host_machine()
    target = "\n".join([llvmlite.__version__, machine.triple, binding.get_host_cpu_name(), _features()])
    return kept(f"{target}\n{ir}", lambda: _compile(ir, machine))


def _compile(ir: str, machine: Any) -> bytes:
    module = binding.parse_assembly(ir)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    return bytes(machine.emit_object(module))


@cache
def _features() -> str:
    features = binding.get_host_cpu_features()
    # 512-bit registers, where there are any: LLVM would prefer 256 bits on some CPUs.
    wanted = ["-prefer-256-bit"] if features.get("avx512f") else []
    return ",".join([features.flatten(), *wanted])


@cache
def host_machine() -> Any:
    """Return the CPU this runs on."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=_features(),
        opt=2,
        reloc="pic",
        codemodel="small",
        jit=True,
    )


@cache
def _linker() -> Any:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.create_lljit_compiler(host_machine(), use_jit_link=False)
