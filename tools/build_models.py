"""Build the shipped SBML models from their readable sources, and refresh their digests.

    python tools/build_models.py build     # sources/*.toml -> data/<chassis>/*.xml
    python tools/build_models.py refresh   # sha256 of every program in every manifest.toml
    python tools/build_models.py check     # fails when a shipped file differs from its source
    python tools/build_models.py weigh     # what one unit of each biomass reaction is made of

The output holds no date, no path and no tool setting: the same source gives the same bytes.
"""

import gzip
import hashlib
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from cobra import Metabolite, Model, Reaction
from cobra.core.formula import elements_and_molecular_weights as atomic_weights
from cobra.io import write_sbml_model

BYTECODE = Path(__file__).resolve().parent.parent / "src" / "bioxen" / "server" / "bytecode"
SOURCES = BYTECODE / "sources"
DATA = BYTECODE / "data"
LARGEST_FLUX = 1000.0  # mmol/gDW/h; the usual stand-in for "not limited"

Table = dict[str, Any]


def read_toml(path: Path) -> Table:
    """Read one TOML file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def parse_side(side: str) -> Iterator[tuple[str, float]]:
    """Yield (metabolite id, amount) for one side of an equation such as `2 atp_c + h2o_c`."""
    for term in filter(None, (part.strip() for part in side.split(" + "))):
        amount, _, metabolite = term.rpartition(" ")
        yield metabolite, float(amount or 1.0)


def parse_equation(equation: str) -> tuple[dict[str, float], bool]:
    """Return the stoichiometry and whether the reaction is written as reversible."""
    arrow = "<=>" if "<=>" in equation else "-->"
    left, right = equation.split(arrow)
    stoichiometry = {metabolite: -amount for metabolite, amount in parse_side(left)}
    for metabolite, amount in parse_side(right):
        if metabolite in stoichiometry:
            raise ValueError(f"{metabolite} stands on both sides of: {equation}")
        stoichiometry[metabolite] = amount
    return stoichiometry, arrow == "<=>"


class ModelSource:
    """One model source file, turned into a cobra model."""

    def __init__(self, path: Path, compounds: Table) -> None:
        self.table = read_toml(path)
        self.header: Table = self.table["model"]
        self.compounds = compounds
        self.model = Model(self.header["id"], name=self.header["name"])

    def build(self) -> Model:
        """Add every reaction and exchange, then the objective."""
        for subsystem, rows in self.table["reactions"].items():
            for identifier, row in rows.items():
                self._add_reaction(identifier, row, subsystem)
        for compound, lower in self.table["exchanges"].items():
            self._add_exchange(compound, lower)
        self.model.genes.sort(key=lambda gene: gene.id)  # cobra reads rules into sets
        self.model.compartments = self.header["compartments"]
        self.model.objective = self.header["objective"]
        return self.model

    def _metabolite(self, identifier: str) -> Metabolite:
        if identifier in self.model.metabolites:
            return self.model.metabolites.get_by_id(identifier)
        compound, _, compartment = identifier.rpartition("_")
        name, formula, charge = self.compounds[compound]
        metabolite = Metabolite(identifier, formula, name, charge, compartment)
        metabolite.annotation = {"sbo": "SBO:0000247"}
        self.model.add_metabolites([metabolite])
        return metabolite

    def _add_reaction(self, identifier: str, row: Table, subsystem: str) -> None:
        stoichiometry, reversible = parse_equation(row["eq"])
        lower = row.get("lb", -LARGEST_FLUX if reversible else 0.0)
        reaction = Reaction(identifier, row["name"], subsystem, lower, row.get("ub", LARGEST_FLUX))
        self.model.add_reactions([reaction])
        reaction.add_metabolites({self._metabolite(m): amount for m, amount in stoichiometry.items()})
        reaction.gene_reaction_rule = row.get("gpr", "")
        reaction.annotation = {"sbo": sbo_term(identifier, reaction)}
        if "ec" in row:
            reaction.annotation["ec-code"] = row["ec"]
        if "note" in row:
            reaction.notes = {"NOTE": row["note"]}

    def _add_exchange(self, compound: str, lower: float) -> None:
        metabolite = self._metabolite(f"{compound}_e")
        reaction = Reaction(
            f"EX_{metabolite.id}", f"{metabolite.name} exchange", "Exchange", lower, LARGEST_FLUX
        )
        reaction.annotation = {"sbo": "SBO:0000627"}
        self.model.add_reactions([reaction])
        reaction.add_metabolites({metabolite: -1.0})


def sbo_term(identifier: str, reaction: Reaction) -> str:
    """The Systems Biology Ontology term of a reaction that is no exchange."""
    if identifier.startswith("BIOMASS"):
        return "SBO:0000629"
    if identifier == "ATPM":
        return "SBO:0000630"
    return "SBO:0000655" if len(reaction.compartments) > 1 else "SBO:0000176"


def model_sources() -> Iterator[tuple[str, ModelSource]]:
    """Yield (chassis, source) for every model that is ours."""
    compounds = read_toml(SOURCES / "metabolites.toml")
    for path in sorted(SOURCES.glob("*_core.toml")):
        yield path.stem.removesuffix("_core"), ModelSource(path, compounds)


def sbml_of(model: Model) -> bytes:
    """The SBML of a model, as bytes that depend on the model alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        write_sbml_model(model, str(path))
        return path.read_bytes()


def build() -> None:
    """Write every model."""
    for chassis, source in model_sources():
        model = source.build()
        (DATA / chassis / f"{model.id}.xml").write_bytes(sbml_of(model))
        print(f"{model.id}: {len(model.reactions)} reactions, {len(model.metabolites)} metabolites")


def check() -> None:
    """Compare every shipped model with what its source gives now."""
    stale = [
        source.header["id"]
        for chassis, source in model_sources()
        if (DATA / chassis / f"{source.header['id']}.xml").read_bytes() != sbml_of(source.build())
    ]
    if stale:
        sys.exit(f"not what the sources say: {', '.join(stale)}; run `build` and `refresh`")


def weigh() -> None:
    """Print elements, charge and mass of what each biomass reaction drains."""
    for _, source in model_sources():
        model = source.build()
        drained = model.reactions.get_by_id(source.header["objective"]).check_mass_balance()
        charge = -drained.pop("charge", 0.0)
        formula = "".join(f"{element}{-amount:.4f} " for element, amount in sorted(drained.items()))
        mass = -sum(atomic_weights[element] * amount for element, amount in drained.items()) / 1000.0
        print(f"{model.id}: {formula}charge {charge:+.6f}, {mass:.6f} g per unit")


def program_text(folder: Path, program: Table) -> bytes:
    """The decompressed bytes of a program, which its digest is taken of."""
    if "package" in program:
        content = files(program["package"]).joinpath(program["file"]).read_bytes()
    else:
        content = (folder / program["file"]).read_bytes()
    return gzip.decompress(content) if program["file"].endswith(".gz") else content


def refresh() -> None:
    """Write the digest of every program into its manifest, in place."""
    for path in sorted(DATA.glob("*/manifest.toml")):
        text = path.read_text(encoding="utf-8")
        digests = iter(
            hashlib.sha256(program_text(path.parent, program)).hexdigest()
            for program in tomllib.loads(text)["program"]
        )
        text = re.sub(r'(?m)^sha256 = "[^"]*"$', lambda _: f'sha256 = "{next(digests)}"', text)  # noqa: B023
        path.write_text(text, encoding="utf-8")


COMMANDS = {"build": build, "check": check, "refresh": refresh, "weigh": weigh}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]]()
