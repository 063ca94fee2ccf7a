"""Models made to do harm: to a parser's stack, memory or patience, or to read files that are not theirs.

Promised: each is refused with its place, or stopped at a limit, or computed if it can be; never a 500, never
a file's content; the service lives, and the next request is answered rightly.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.faults.recovery import Record
from tests.faults.scene import Scene

pytestmark = pytest.mark.faults
REFUSED = {(422, "BX012"), (422, "BX008")}
STOPPED = {(504, "BX016"), (507, "BX009"), (502, "BX017")}
SBML = (
    '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">'
    '<model id="m" substanceUnits="mole" timeUnits="second" extentUnits="mole">{}</model></sbml>'
)
MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">{}</math>'
RULE = (
    '<listOfParameters><parameter id="p" constant="false" value="1"/></listOfParameters>'
    '<listOfRules><assignmentRule variable="p">{}</assignmentRule></listOfRules>'
)


def nested(depth: int) -> str:
    """Return SBML whose one formula nests so deeply."""
    return SBML.format(
        RULE.format(MATH.format("<apply><minus/>" * depth + "<cn>1</cn>" + "</apply>" * depth))
    )


def wide(terms: int) -> str:
    """Return SBML whose one formula has so many terms side by side."""
    return SBML.format(RULE.format(MATH.format("<apply><plus/>" + "<cn>1</cn>" * terms + "</apply>")))


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1 or str()};" * 10}">' for n in range(1, 12))
    + "]>"
    + SBML.format("<notes>&a11;</notes>")
)
EXTERNAL_ENTITY = '<!DOCTYPE s [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + SBML.format("<notes>&a;</notes>")
COMP = (
    '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1" '
    'xmlns:comp="http://www.sbml.org/sbml/level3/version1/comp/version1" comp:required="true"><model id="m"/>'
    "<comp:listOfExternalModelDefinitions>"
    "<comp:externalModelDefinition comp:id='x' comp:source='/etc/passwd'/>"
    "</comp:listOfExternalModelDefinitions></sbml>"
)
COBRA = (
    '{{"id": "m", "compartments": {{}}, "genes": [],'
    '"metabolites": [{{"id": "a", "name": "a", "compartment": "c"}}],'
    '"reactions": [{{"id": "r", "name": "r", "metabolites": {{"a": {}}},'
    '"lower_bound": {}, "upper_bound": {},'
    '"gene_reaction_rule": "{}", "objective_coefficient": 1}}]}}'
)
CHAIN = "\n".join(f"S{n} -> S{n + 1}; S{n}; S{n} = 1" for n in range(100_000))

KINETIC: dict[str, tuple[str, set[tuple[int, str]]]] = {
    "MathML nested 5,000 deep": (nested(5_000), REFUSED),
    "MathML nested 100,000 deep": (nested(100_000), REFUSED),
    "entity bomb": (BOMB, REFUSED),
    "external entity": (EXTERNAL_ENTITY, REFUSED),
    "comp: a file as a model": (COMP, REFUSED),
    "import": ('import "/etc/passwd"', REFUSED),
    "import behind a comment": ('/*x*/import/*x*/"/etc/passwd"', REFUSED),
    "import over two lines": ('A = 1\nimport \\\n"/etc/passwd"', REFUSED),
    "import, one word cut": ('imp\\\nort "/etc/passwd"', REFUSED),
    "brackets nested 5,000 deep": ("S = 1; S' = " + "(" * 5_000 + "1" + ")" * 5_000, REFUSED),
    "signs nested 100,000 deep": ("S = 1; S' = " + "-" * 100_000 + "1", REFUSED | STOPPED),
    "powers nested 20,000 deep": ("S = 1; S' = " + "1^" * 20_000 + "1", REFUSED | STOPPED),
    "formula of 100,000 terms, SBML": (wide(100_000), REFUSED | STOPPED | {(200, "")}),
    "100,000 species": (CHAIN, REFUSED | STOPPED | {(200, "")}),
    "NaN as a start": ("S = nan; S' = -S", REFUSED | {(200, "")}),
    "infinite rate": ("S = 1; S' = 1e308*1e308", REFUSED | {(200, "")}),
}
METABOLIC: dict[str, tuple[str, set[tuple[int, str]]]] = {
    "NaN bound": (COBRA.format(1, "NaN", 10, ""), REFUSED),
    "infinite bounds": (COBRA.format(1, "-Infinity", "Infinity", ""), REFUSED | {(200, "")}),
    "bounds crossed": (COBRA.format(1, 5, -5, ""), REFUSED | {(200, "")}),
    "stoichiometry 1e300": (COBRA.format("1e300", -10, 10, ""), REFUSED | {(200, "")}),
    "stoichiometry NaN": (COBRA.format("NaN", -10, 10, ""), REFUSED),
    "integer of 10,000 digits": (COBRA.format("9" * 10_000, -10, 10, ""), REFUSED),
    "gene rule nested 5,000 deep": (
        COBRA.format(1, -10, 10, "(" * 5_000 + "g" + ")" * 5_000),
        REFUSED | STOPPED,
    ),
    "gene rule of 50,000 genes": (
        COBRA.format(1, -10, 10, " and ".join(f"g{n}" for n in range(50_000))),
        REFUSED | STOPPED | {(200, "")},
    ),
    "JSON nested 100,000 deep": ('{"a":' * 100_000, REFUSED),
    "SBML entity bomb": (BOMB, REFUSED),
}


@pytest.mark.parametrize("name", KINETIC)
def test_a_hostile_kinetic_model_is_contained(ground: Scene, recovery: Record, name: str) -> None:
    text, allowed = KINETIC[name]
    body = {"process_code": "kinetic_ode", "kinetic_code": text, "time_end": 1.0, "deadline": limit(allowed)}
    _contained(ground, recovery, "/compute/kinetic", body, allowed)


@pytest.mark.parametrize("name", METABOLIC)
def test_a_hostile_metabolic_model_is_contained(ground: Scene, recovery: Record, name: str) -> None:
    text, allowed = METABOLIC[name]
    body = {"process_code": "metabolic_fba", "model_code": text, "deadline": limit(allowed)}
    _contained(ground, recovery, "/compute/metabolic", body, allowed)


def limit(allowed: set[tuple[int, str]]) -> float:
    """Return a deadline: a short one only where being stopped at it is an answer."""
    return 4.0 if allowed >= STOPPED else 60.0


def _contained(
    scene: Scene, recovery: Record, path: str, body: dict[str, Any], allowed: set[tuple[int, str]]
) -> None:
    answer = scene.post(path, body)
    told = answer.json()
    assert (answer.status_code, told.get("code", "")) in allowed, answer.text[:600]
    assert "root:" not in answer.text
    if answer.status_code == 422:
        assert told["remedy"], told
    start = time.monotonic()
    scene.answers_rightly()
    recovery.note("hostile model: next right answer", time.monotonic() - start)
