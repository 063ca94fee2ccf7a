"""The thin storey is thin: what `import bioxen` costs and loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

import bioxen

HEAVY = ("numpy", "scipy", "pandas", "cobra", "roadrunner", "libsbml", "highspy", "fastapi", "bioxen.server")

USE_SYMBOLIC_CELLS = """
import bioxen
cell = bioxen.create_bio_vm("cell-1", "ecoli")
cell.start()
cell.knock_out_genes("b0002")
result = cell.execute_biological_process("metabolic_fba")
assert result["symbolic"] and "symbolic mode" in result["reason"], result
"""


def run(program: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=200
    )
    return ran.stdout.split()


def loaded_after(program: str) -> set[str]:
    return set(run(f"{program}\nimport sys\nprint(*sys.modules)"))


def test_import_loads_no_dependency() -> None:
    loaded = loaded_after("import bioxen")
    assert not loaded & {*HEAVY, "pydantic", "http.client"}


def test_symbolic_cells_need_no_engine_and_no_http() -> None:
    assert not loaded_after(USE_SYMBOLIC_CELLS) & {*HEAVY, "http.client"}


def test_every_public_name_loads_without_an_engine() -> None:
    assert not loaded_after("from bioxen import *") & set(HEAVY)


def test_import_takes_less_than_a_fifth_of_a_second() -> None:
    program = "import time\nstart = time.process_time()\nimport bioxen\nprint(time.process_time() - start)"
    assert min(float(run(program)[0]) for _ in range(5)) < 0.2


@pytest.mark.parametrize("name", bioxen.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(bioxen, name) is not None
    assert name in dir(bioxen)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'create_bio_wm'"):
        bioxen.create_bio_wm  # noqa: B018
