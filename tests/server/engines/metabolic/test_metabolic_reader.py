"""Models that cannot be run are refused in words, and reading leaves nothing behind."""

from __future__ import annotations

import json
import logging
from typing import Any

import cobra
import pytest
from tests.server.engines.metabolic.bench import ENGINE, program, run, source

from bioxen.errors import InvalidModelError
from bioxen.server.bytecode.scan import admit

SBML = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core"
  xmlns:fbc="http://www.sbml.org/sbml/level3/version1/fbc/version{fbc}" fbc:required="false"
  level="3" version="1">
 <model id="m" {strict}>
  <listOfCompartments><compartment id="c" constant="true"/></listOfCompartments>
  <listOfSpecies>
   <species id="a" compartment="c" hasOnlySubstanceUnits="false" boundaryCondition="false" constant="false"/>
  </listOfSpecies>
  <listOfParameters>
   <parameter id="zero" value="0" constant="true"/>
   <parameter id="big" value="{big}" constant="{constant}"/>
   <parameter id="half" value="3" constant="true"/>
  </listOfParameters>
  {extra}
  <listOfReactions>
   <reaction id="R_IN" reversible="false" fast="false" fbc:lowerFluxBound="zero" fbc:upperFluxBound="big">
    <listOfProducts><speciesReference species="a" stoichiometry="1" constant="true"/></listOfProducts>
   </reaction>
   <reaction id="R_OUT" reversible="false" fast="false" fbc:lowerFluxBound="zero" fbc:upperFluxBound="big">
    <listOfReactants><speciesReference species="a" stoichiometry="1" constant="true"/></listOfReactants>
   </reaction>
  </listOfReactions>
  <fbc:listOfObjectives fbc:activeObjective="o">
   <fbc:objective fbc:id="o" fbc:type="maximize"><fbc:listOfFluxObjectives>
    <fbc:fluxObjective fbc:reaction="R_OUT" fbc:coefficient="1" {variable}/>
   </fbc:listOfFluxObjectives></fbc:objective>
  </fbc:listOfObjectives>
 </model>
</sbml>
"""
TWICE = (
    '<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><cn>2</cn><ci>{of}</ci></apply></math>'
)


def sbml(**parts: str) -> str:
    defaults = {
        "fbc": "2",
        "strict": 'fbc:strict="false"',
        "big": "7",
        "constant": "true",
        "extra": "",
        "variable": "",
    }
    return SBML.format(**{**defaults, **parts})


def content(**reaction: Any) -> dict[str, Any]:
    first = {
        "id": "IN",
        "name": "",
        "metabolites": {"a_c": 1},
        "lower_bound": 0,
        "upper_bound": 10,
        "gene_reaction_rule": "",
    }
    second = {"id": "OUT", "name": "", "metabolites": {"a_c": -1}, "lower_bound": 0, "upper_bound": 10}
    return {
        "id": "m",
        "metabolites": [{"id": "a_c", "compartment": "c"}],
        "genes": [],
        "reactions": [
            {**first, **reaction},
            {**second, "gene_reaction_rule": "", "objective_coefficient": 1},
        ],
    }


def compiled(text: str) -> Any:
    return ENGINE.compile(admit(text))


def test_sbml_is_read() -> None:
    assert run(compiled(sbml())).optimal_objective == 7.0
    without_encoding = sbml().replace(' encoding="UTF-8"', "", 1)  # which XML then takes to be UTF-8
    assert without_encoding.startswith('<?xml version="1.0"?>')
    assert run(compiled(without_encoding)).optimal_objective == 7.0


def test_initial_assignments_and_rules_on_bounds_count() -> None:
    assignment = '<initialAssignment symbol="big">{}</initialAssignment>'
    assignment = f"<listOfInitialAssignments>{assignment}</listOfInitialAssignments>"
    assert run(compiled(sbml(extra=assignment.format(TWICE.format(of="half"))))).optimal_objective == 6.0
    rule = '<listOfRules><assignmentRule variable="big">{}</assignmentRule></listOfRules>'
    text = sbml(extra=rule.format(TWICE.format(of="half")), constant="false")
    assert run(compiled(text)).optimal_objective == 6.0


def test_a_bound_that_changes_in_time_is_refused() -> None:
    rate = f'<listOfRules><rateRule variable="big">{TWICE.format(of="half")}</rateRule></listOfRules>'
    with pytest.raises(InvalidModelError, match="No constant bound"):
        compiled(sbml(extra=rate, constant="false"))


def test_a_quadratic_objective_is_refused() -> None:
    text = sbml(fbc="3", strict='fbc:strict="false"', variable='fbc:variableType="quadratic"')
    with pytest.raises(InvalidModelError, match="quadratic"):
        compiled(text)


def test_libsbmls_words_are_passed_on() -> None:
    with pytest.raises(InvalidModelError, match="libSBML refuses") as caught:
        compiled(
            sbml()
            .replace("<listOfCompartments>", "<listOfCompartment>")
            .replace("</listOfCompartments>", "</listOfCompartment>")
        )
    assert caught.value.place is not None and caught.value.place.startswith("line ")


@pytest.mark.parametrize(
    "reaction",
    [
        {"lower_bound": 5, "upper_bound": 1},
        {"lower_bound": float("nan")},
        {"upper_bound": None},
        {"metabolites": {"a_c": float("inf")}},
        {"metabolites": {"b_c": 1}},
        {"metabolites": None},
        {"id": "OUT"},
        {"gene_reaction_rule": "g1 and (g2"},
        {"gene_reaction_rule": "not g1"},
        {"gene_reaction_rule": "(" * 5000},
    ],
)
def test_a_broken_reaction_is_refused(reaction: dict[str, Any]) -> None:
    with pytest.raises(InvalidModelError) as caught:
        compiled(json.dumps(content(**reaction)))
    assert caught.value.remedy


def test_keys_that_are_no_field_of_a_reaction_are_not_set() -> None:
    assert run(compiled(json.dumps(content(knock_out=1, _model=3, gpr="g1")))).optimal_objective == 10.0


def test_a_model_without_reactions_and_a_kinetic_model_are_refused() -> None:
    with pytest.raises(InvalidModelError, match="no reactions"):
        compiled('{"metabolites": [], "reactions": [], "genes": []}')
    with pytest.raises(InvalidModelError, match="Antimony"):
        compiled("A -> B; k*A; k = 1")


def test_reading_leaves_cobrapys_settings_and_logging_alone(capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("cobra")
    before = (logger.level, logger.propagate, list(logger.handlers), cobra.Configuration().bounds)
    compiled(sbml(fbc="1", strict=""))  # version 1 makes COBRApy warn
    assert (logger.level, logger.propagate, list(logger.handlers), cobra.Configuration().bounds) == before
    assert capfd.readouterr() == ("", "")


def test_a_network_cannot_be_changed() -> None:
    network = program("textbook").network
    with pytest.raises(ValueError, match="read-only"):
        network.lower[0] = 1.0
    assert network.exchange_ids[0].startswith("EX_")
    assert source("textbook").format == "sbml"
