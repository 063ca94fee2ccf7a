"""Results put together from checked parts."""

from __future__ import annotations

import json
import math

import pydantic
import pytest
from pydantic_core import PydanticSerializationError

from bioxen.protocol.base import Message
from bioxen.protocol.kinetic import KineticResult
from bioxen.protocol.kinetic import Outcome as KineticOutcome
from bioxen.protocol.metabolic import MetabolicResult
from bioxen.protocol.metabolic import Outcome as MetabolicOutcome
from bioxen.protocol.provenance import Provenance
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.signing import blank, part_of


@pytest.mark.parametrize(
    ("kind", "part"), [(KineticResult, KineticOutcome), (MetabolicResult, MetabolicOutcome)]
)
def test_a_result_holds_the_whole_outcome(kind: type[Message], part: type[Message]) -> None:
    assert set(part.model_fields) < set(kind.model_fields)


def test_a_result_put_together_is_written_like_one_that_was_checked() -> None:
    answer = Answer(message="Done.", settings={}, final_state={"S": 1.0})
    around = {
        "provenance": Provenance(
            model_id=None, model_digest="d", engine="kinetic", engine_version="1", bioxen_version="1"
        ),
        "program_key": "d",
        "process_code": "kinetic_ode",
        "vm_id": None,
    }
    made = blank(KineticResult).model_copy(update={**around, **answer.outcome()})
    checked = KineticResult.model_validate({**around, **answer.outcome()})
    assert made == checked
    assert made.model_dump_json() == checked.model_dump_json()
    assert list(json.loads(made.model_dump_json())) == list(KineticResult.model_fields)


def test_a_required_field_that_is_left_out_cannot_be_written() -> None:
    answer = failed("No.", {})
    assert not answer.completed
    made = blank(KineticResult).model_copy(update=answer.outcome())
    with pytest.raises(PydanticSerializationError):
        made.model_dump_json()


def test_a_blank_is_not_changed_by_its_copies() -> None:
    empty = blank(KineticOutcome)
    filled = empty.model_copy(update={"status": "failed", "message": "No."})
    assert part_of(KineticOutcome)(filled)["message"] == "No."
    assert empty.message != "No."


def test_an_answer_is_checked() -> None:
    with pytest.raises(pydantic.ValidationError, match="final_state"):
        Answer(message="Done.", settings={}, final_state={"S": math.nan})
