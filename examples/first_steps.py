"""The first lines of the README, as a script: `python examples/first_steps.py`."""

import bioxen

with bioxen.local() as hypervisor:
    cell = hypervisor.create_vm("my-cell", "ecoli")
    cell.start()
    print(cell.execute_biological_process("metabolic_fba")["biological_output"])

    cell.set_bounds("EX_o2_e", 0, 1000)  # take the oxygen away
    print(cell.execute_biological_process("metabolic_fba")["biological_output"])

    result = cell.execute_biological_process("kinetic_ssa", {"time_end": 600.0, "seed": 7})
    print(result["biological_output"])
