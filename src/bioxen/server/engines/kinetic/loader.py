"""From a model's text to checked SBML with its facts. Antimony and libSBML meet the text here first.

The repository's admission scan has already refused hostile text; this file refuses what is malformed and what
libRoadRunner would run wrongly or not at all, and says which construct it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import antimony
import libsbml

from bioxen.errors import InvalidModelError
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.kinetic.events import order_events
from bioxen.server.engines.kinetic.facts import Facts, collect_facts

_HARMLESS_PACKAGES = {"comp", "fbc", "groups", "layout", "render", "l3v2extendedmath"}
_UNCHECKED = (
    libsbml.LIBSBML_CAT_UNITS_CONSISTENCY,
    libsbml.LIBSBML_CAT_SBO_CONSISTENCY,
    libsbml.LIBSBML_CAT_MODELING_PRACTICE,
)
_HARMLESS_ERRORS = {libsbml.DanglingUnitReference}
"""References to units that do not exist: no number depends on them."""
_SYMBOLS = {
    "http://www.sbml.org/sbml/symbols/delay": ("a delay", "Replace delay(x, t) by intermediate steps."),
    "http://www.sbml.org/sbml/symbols/distrib": (
        "a random draw (distrib)",
        "Draw the values outside the model and give them as parameters, so that results can be repeated.",
    ),
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that passed every check."""

    sbml: str
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
    sbml = _flatten(document, sbml)
    _refuse_unsupported(document, sbml)
    if order_events(document):
        sbml = str(libsbml.writeSBMLToString(document))
    return Loaded(sbml, collect_facts(document.getModel()))


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


def _flatten(document: libsbml.SBMLDocument, sbml: str) -> str:
    """Return the text without submodels, which libSBML writes out in place."""
    if document.getPlugin("comp") is None:
        return sbml
    options = libsbml.ConversionProperties()
    options.addOption("flatten comp", True)
    options.addOption("performValidation", False)
    if document.convert(options) != libsbml.LIBSBML_OPERATION_SUCCESS:
        raise InvalidModelError("libSBML cannot flatten the model's submodels.")
    return str(libsbml.writeSBMLToString(document))


def _refuse_unsupported(document: libsbml.SBMLDocument, sbml: str) -> None:
    if document.getModel().getElementBySId("time") is not None:
        raise InvalidModelError(
            "Something in the model has the id 'time', which libRoadRunner takes for the time itself.",
            details={"remedy": "Give it another id."},
        )
    for symbol, (construct, remedy) in _SYMBOLS.items():
        if symbol in sbml:
            raise _unsupported(construct, remedy)
    model = document.getModel()
    for rule in model.getListOfRules():
        if rule.isAlgebraic():
            raise _unsupported("an algebraic rule", "Solve it for one variable and write an assignment rule.")
    for reaction in model.getListOfReactions():
        if reaction.isSetFast() and reaction.getFast():
            raise _unsupported(
                f"the fast reaction {reaction.getId()}",
                "Give it a finite rate, or eliminate it by equilibrium.",
            )
    for index in range(document.getNumPlugins()):
        package = document.getPlugin(index).getPackageName()
        if package not in _HARMLESS_PACKAGES and document.getPackageRequired(package):
            raise _unsupported(f"the SBML package {package}", "Remove what needs it.")


def _unsupported(construct: str, remedy: str) -> InvalidModelError:
    return InvalidModelError(
        f"The model has {construct}, which the kinetic engine does not run.",
        details={"construct": construct, "remedy": remedy},
    )
