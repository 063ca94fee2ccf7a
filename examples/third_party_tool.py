"""Runs a third party's tool through a virtual cell, without installing it."""

from pathlib import Path

import bioxen

HERE = Path(__file__).parent
GENE = "ATGGCTAGCAAAGGAGAAGAACTTTTCACTGGAGTTGTCCCAATTCTTGTTGAATTAGATGGTGATGTTAATTAA"

with bioxen.local(workers=1, tools=["codon_tool:CodonTool"], sys_path=[HERE / "codon_tool"]) as hypervisor:
    cell = hypervisor.create_vm("coli", "ecoli")
    cell.start()
    result = cell.execute_biological_process("protein_translation_time", {"sequence": GENE})
    print(result["biological_output"])
    print("computed by", result["computation_service"])
