"""A third party's tool: how long a ribosome takes to translate a gene, from its sequence.

It registers without a change to BioXen: as `codon_tool:CodonTool`, or under the entry point group
`bioxen.tools` of its own package (see pyproject.toml beside this file).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import JsonValue

from bioxen.errors import ValidationError
from bioxen.server.engines.tools import BioToolWrapper

STOP_CODONS = {"TAA", "TAG", "TGA"}
ELONGATION_RATE = {"ecoli": 17.0, "yeast": 9.5}
"""Amino acids per second and ribosome in fast growth: Young & Bremer 1976; Karpinets et al. 2006."""
DEFAULT_RATE = 10.0


class CodonTool(BioToolWrapper):
    """Codon usage, GC content and translation time of a coding sequence."""

    name: ClassVar[str] = "codon"

    def get_supported_processes(self) -> list[str]:
        """Return the one process of this tool."""
        return ["protein_translation_time"]

    def execute_process(self, process_code: str, context: Mapping[str, Any]) -> Mapping[str, JsonValue]:
        """Return codon counts, GC content (share of one) and translation time (s) of the `sequence`."""
        codons = read_codons(context.get("sequence"))
        sense = [codon for codon in codons if codon not in STOP_CODONS]
        rate = ELONGATION_RATE.get(str(context.get("chassis_type")), DEFAULT_RATE)
        seconds = len(sense) / rate
        letters = "".join(codons)
        return {
            "biological_output": f"{len(sense)} amino acids take {seconds:.1f} s at {rate:g} per second",
            "translation_time_seconds": seconds,
            "gc_content": (letters.count("G") + letters.count("C")) / len(letters),
            "codon_counts": dict(Counter(codons)),
        }


def read_codons(sequence: object) -> list[str]:
    """Return the codons of a coding sequence in DNA letters.

    Raises:
        ValidationError: it is no such sequence.
    """
    if not isinstance(sequence, str) or not sequence:
        raise _wrong("is missing or no text")
    letters = "".join(sequence.split()).upper()
    if set(letters) - set("ACGT"):
        raise _wrong(f"has letters other than A, C, G and T: {sorted(set(letters) - set('ACGT'))}")
    if len(letters) % 3:
        raise _wrong(f"has {len(letters)} letters, which is no multiple of 3")
    return [letters[at : at + 3] for at in range(0, len(letters), 3)]


def _wrong(what: str) -> ValidationError:
    remedy = "Give the coding sequence in frame, from the start to the stop codon."
    return ValidationError(f"The sequence {what}.", details={"place": "sequence", "remedy": remedy})
