"""SBML before COBRApy reads it: libSBML's objections, and what COBRApy would pass over in silence.

COBRApy takes bounds and stoichiometries as they are written and ignores the initial assignments and
assignment rules that set them. Here each of them that is constant is evaluated and written down as a number.
"""

from __future__ import annotations

import libsbml

from bioxen.errors import InvalidModelError


def with_numbers(text: str) -> str:
    """Return `text` with constant assignments evaluated; the same text where there are none.

    Raises:
        InvalidModelError: libSBML finds an error, or the model is of a kind COBRApy would misread.
    """
    document = libsbml.readSBMLFromString(text)
    _check_errors(document)
    model = document.getModel()
    if model is None:
        raise InvalidModelError(
            "the SBML document has no model", details={"remedy": "Send one with a <model>."}
        )
    _check_linear(model)
    if model.getNumInitialAssignments() == 0 and model.getNumRules() == 0:
        return text
    _rules_to_initial_assignments(model)
    _evaluate_initial_assignments(document)
    return str(libsbml.writeSBMLToString(document))


def _check_errors(document: libsbml.SBMLDocument) -> None:
    for number in range(document.getNumErrors()):
        error = document.getError(number)
        harmless = error.getErrorId() == libsbml.MissingXMLEncoding  # XML without one is UTF-8
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR and not harmless:
            raise InvalidModelError(
                f"libSBML refuses the model: {' '.join(error.getMessage().split())}",
                details={
                    "place": f"line {error.getLine()}, column {error.getColumn()}",
                    "remedy": "Correct the model; the validator at sbml.org lists every error.",
                },
            )


def _check_linear(model: libsbml.Model) -> None:
    """Refuse what version 3 of the fbc package adds and COBRApy would read as something else."""
    fbc = model.getPlugin("fbc")
    if fbc is None or fbc.getPackageVersion() < 3:
        return
    if fbc.getNumUserDefinedConstraints() > 0:
        raise InvalidModelError(
            "the model has user-defined constraints (fbc version 3), which are not supported",
            details={
                "place": "listOfUserDefinedConstraints",
                "remedy": "Write them as reactions with bounds.",
            },
        )
    for objective in fbc.getListOfObjectives():
        for term in objective.getListOfFluxObjectives():
            if term.getVariableTypeAsString() == "quadratic":
                raise InvalidModelError(
                    f"the objective {objective.getId()} is quadratic; only linear objectives are supported",
                    details={"place": objective.getId(), "remedy": "Give a linear objective."},
                )


def _rules_to_initial_assignments(model: libsbml.Model) -> None:
    """Turn each assignment rule into an initial assignment: at steady state there is one moment only."""
    for number in reversed(range(model.getNumRules())):
        rule = model.getRule(number)
        variable = model.getElementBySId(rule.getVariable())
        if not rule.isAssignment() or not rule.isSetMath() or variable is None:
            continue
        assignment = model.createInitialAssignment()
        assignment.setSymbol(rule.getVariable())
        assignment.setMath(rule.getMath())
        model.removeRule(number)
        variable.setConstant(True)


def _evaluate_initial_assignments(document: libsbml.SBMLDocument) -> None:
    """Replace each initial assignment that libSBML can evaluate by its value.

    An unevaluated one stays: whatever needs it then has no constant value, and COBRApy says so.
    """
    properties = libsbml.ConversionProperties()
    properties.addOption("expandInitialAssignments", True)
    document.convert(properties)
