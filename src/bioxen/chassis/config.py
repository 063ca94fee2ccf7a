"""The form of a chassis: one toml file, one of these."""

from __future__ import annotations

from pydantic import Field

from bioxen.protocol.base import MappingMessage, Message
from bioxen.protocol.units import Identifier, Uptake


class Fact(Message):
    """One measured fact of an organism."""

    value: float
    unit: str
    condition: str | None = None
    """Under what condition it was measured (strain, medium, temperature)."""
    source: str
    """Where it was published."""


class ChassisConfig(MappingMessage):
    """An organism that cells are made of; reads like a dict as well."""

    biological_type: Identifier
    """The name by which cells ask for it."""
    organism: str
    """Species and strain, or what the chassis stands for."""
    summary: str
    facts: dict[str, Fact] = Field(default_factory=dict)
    """What is measured of the organism. Facts inform; no computed result is made from them."""
    default_model: Identifier
    """The metabolic model of a cell that names none."""
    default_kinetic_program: Identifier = "gene_expression"
    """The kinetic program of a cell that names none."""
    metabolic_models: list[Identifier] = Field(default_factory=list)
    """Metabolic models of this organism in the bytecode repository."""
    kinetic_programs: list[Identifier] = Field(default_factory=list)
    """Kinetic programs that suit it."""
    objective: Identifier | None = None
    """The default model's own objective, a reaction id."""
    medium: dict[Identifier, Uptake] = Field(default_factory=dict)
    """The default model's own medium: exchange id → largest uptake, mmol/gDW/h."""

    @property
    def gene_expression_program(self) -> str:
        """The program of `kinetic_gene_expression`: the organism's own where it has one."""
        named = (program for program in self.kinetic_programs if program.endswith("gene_expression"))
        return next(named, "gene_expression")
