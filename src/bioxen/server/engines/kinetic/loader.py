"""From a model's text to checked SBML with its facts. Antimony and libSBML meet the text here first.

The repository's admission scan has already refused hostile text; this file refuses what is malformed and what
no solver here runs, and says which construct it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import antimony
import libsbml

from bioxen.errors import InvalidModelError
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.kinetic.algebraic import solve_algebraic_rules
from bioxen.server.engines.kinetic.collecting import collect_facts
from bioxen.server.engines.kinetic.events import first_tie, name_events, order_events
from bioxen.server.engines.kinetic.facts import Facts
from bioxen.server.engines.kinetic.locals import promote_locals

_HARMLESS_PACKAGES = {"comp", "distrib", "fbc", "groups", "layout", "render", "l3v2extendedmath"}
_UNCHECKED = (
    libsbml.LIBSBML_CAT_UNITS_CONSISTENCY,
    libsbml.LIBSBML_CAT_SBO_CONSISTENCY,
    libsbml.LIBSBML_CAT_MODELING_PRACTICE,
)
_HARMLESS_ERRORS = {libsbml.DanglingUnitReference, libsbml.MissingXMLEncoding}
"""References to units that do not exist: no number depends on them. XML without an encoding is UTF-8."""
_DELAY = "http://www.sbml.org/sbml/symbols/delay"
_DISTRIB = "http://www.sbml.org/sbml/symbols/distrib"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that passed every check."""

    sbml: str
    """Level and version as they came; submodels written out, local parameters global, events named and in
    order."""
    plain: str
    """The model before anything but its submodels was rewritten: what an export begins with."""
    facts: Facts


def versions() -> str:
    """Return the versions of the libraries that read models."""
    return f"antimony {antimony.__version__}, libSBML {libsbml.getLibSBMLDottedVersion()}"


def load(source: ModelSource) -> Loaded:
    """Return the checked model of `source`.

    Raises:
        InvalidModelError: the text is malformed, or holds a construct that libRoadRunner does not run.
    """
    if source.format == "cobra-json":
        raise InvalidModelError(
            "A COBRA model has no kinetics.", details={"remedy": "Give SBML or Antimony with rate laws."}
        )
    sbml = from_antimony(source.text) if source.format == "antimony" else source.text.lstrip("\ufeff \t\r\n")
    if not sbml.startswith("<"):
        raise InvalidModelError("SBML text begins with '<'; this begins with something else.")
    document = libsbml.readSBMLFromString(sbml)
    _check(document)
    document = _flatten(document)
    _refuse_unsupported(document)
    plain = str(libsbml.writeSBMLToString(document))
    promoted = promote_locals(document)
    solved = solve_algebraic_rules(document)
    name_events(document)
    beyond = _beyond_roadrunner(document)
    if not beyond:
        order_events(document)
    facts = collect_facts(document.getModel(), promoted, solved, beyond)
    return Loaded(str(libsbml.writeSBMLToString(document)), plain, facts)


def from_antimony(text: str) -> str:
    """Return Antimony `text` as SBML.

    Raises:
        InvalidModelError: Antimony's own words, with the line.
    """
    antimony.clearPreviousLoads()
    antimony.clearDirectories()
    if antimony.loadAntimonyString(text) < 0:
        words = _last_words()
        line = re.search(r"line (\d+)", words)
        details: dict[str, Any] = {"place": f"line {line[1]}", "line": int(line[1])} if line else {}
        details["remedy"] = "Correct the Antimony text there, and send it again."
        raise InvalidModelError(f"Antimony: {words}", details=details)
    sbml = str(antimony.getSBMLString(antimony.getMainModuleName()) or "")
    antimony.clearPreviousLoads()
    return sbml


def _last_words() -> str:
    """Return Antimony's own words; it cuts letters outside of ASCII in two."""
    try:
        return " ".join(antimony.getLastError().split())
    except UnicodeDecodeError:
        return "the text has a letter outside of ASCII where a name or an operator is expected"


def _check(document: libsbml.SBMLDocument) -> None:
    """Refuse what libSBML finds wrong; external models first, since its checks would open their files."""
    _raise_problems(document)
    composed = document.getPlugin("comp")
    if composed is not None and composed.getNumExternalModelDefinitions() > 0:
        raise InvalidModelError(
            "The model refers to an external model definition, which is never opened.",
            details={"remedy": "Flatten the model into one file first."},
        )
    for category in _UNCHECKED:
        document.setConsistencyChecks(category, False)
    document.checkConsistency()
    _raise_problems(document)
    if document.getModel() is None:
        raise InvalidModelError("The SBML document holds no model.")


def _raise_problems(document: libsbml.SBMLDocument) -> None:
    problems = _problems(document)
    if problems:
        line, words = problems[0]["line"], problems[0]["message"]
        raise InvalidModelError(
            f"libSBML: {words}",
            details={
                "place": f"line {line}",
                "line": line,
                "problems": problems[:20],
                "remedy": "Correct the SBML text there; `problems` lists every mistake that was found.",
            },
        )


def _problems(document: libsbml.SBMLDocument) -> list[dict[str, Any]]:
    return [
        {"line": error.getLine(), "message": " ".join(error.getMessage().split())}
        for error in map(document.getError, range(document.getNumErrors()))
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR and error.getErrorId() not in _HARMLESS_ERRORS
    ]


def _flatten(document: libsbml.SBMLDocument) -> libsbml.SBMLDocument:
    """Return the document without submodels, which libSBML writes out in place."""
    if document.getPlugin("comp") is None:
        return document
    options = libsbml.ConversionProperties()
    options.addOption("flatten comp", True)
    options.addOption("performValidation", False)
    if document.convert(options) != libsbml.LIBSBML_OPERATION_SUCCESS:
        raise InvalidModelError("libSBML cannot flatten the model's submodels.")
    return libsbml.readSBMLFromString(libsbml.writeSBMLToString(document))


def _refuse_unsupported(document: libsbml.SBMLDocument) -> None:
    for index in range(document.getNumPlugins()):
        package = document.getPlugin(index).getPackageName()
        if package not in _HARMLESS_PACKAGES and document.getPackageRequired(package):
            raise _unsupported(f"the SBML package {package}", "Remove what needs it.")


def _beyond_roadrunner(document: libsbml.SBMLDocument) -> tuple[str, ...]:
    """Return the constructs that libRoadRunner would run wrongly or not at all; the general solver can."""
    model = document.getModel()
    found = [f"the fast reaction {item.getId()}" for item in model.getListOfReactions() if _is_fast(item)]
    if any(rule.isAlgebraic() for rule in model.getListOfRules()):
        found.append("an algebraic rule")
    text = libsbml.writeSBMLToString(document)
    if _DELAY in text:
        found.append("a delay")
    if _DISTRIB in text:
        found.append("a random draw (distrib)")
    if model.getElementBySId("time") is not None:
        found.append("the id 'time'")  # libRoadRunner takes it for the time itself
    tie = first_tie(model)
    if tie is not None:
        found.append(f"equal priorities of the events {tie[0]} and {tie[1]}")
    return tuple(found)


def _is_fast(reaction: Any) -> bool:
    return bool(reaction.isSetFast() and reaction.getFast())


def _unsupported(construct: str, remedy: str) -> InvalidModelError:
    return InvalidModelError(
        f"The model has {construct}, which the kinetic engine does not run.",
        details={"construct": construct, "remedy": remedy},
    )
