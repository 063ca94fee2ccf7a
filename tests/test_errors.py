from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioxen import errors
from bioxen.errors import BioXenErrorCode, BioXenException, VmStateError, near_matches

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=50)
@given(
    st.sampled_from(BioXenErrorCode),
    st.text(),
    st.dictionaries(st.text(min_size=1, max_size=5), json_values, max_size=4),
)
def test_every_fault_survives_the_wire(
    code: BioXenErrorCode, message: str, details: dict[str, object]
) -> None:
    details = {key: value for key, value in details.items() if value is not None}
    error = BioXenException(message, code, details)
    assert BioXenException.from_problem(error.to_problem()) == error


def test_each_code_has_one_class() -> None:
    classes = {type(BioXenException("", code)) for code in BioXenErrorCode}
    assert len(classes) == len(BioXenErrorCode)


def test_codes_follow_on_without_a_gap() -> None:
    assert [code.value for code in BioXenErrorCode] == [
        f"BX{n:03}" for n in range(1, len(BioXenErrorCode) + 1)
    ]


def test_a_plain_raise_with_a_code_is_caught_by_its_class() -> None:
    with pytest.raises(VmStateError):
        raise BioXenException("paused", BioXenErrorCode.VM_STATE_ERROR)


def test_text_has_code_and_remedy() -> None:
    assert str(VmStateError("No.", details={"remedy": "start() it."})) == "[BX006] No. start() it."


def test_near_matches_ignore_case_and_keep_the_order() -> None:
    assert near_matches("biomass", ["BIOMASS_x", "Biomass", "EX_o2_e"])[0] == "Biomass"
    assert errors.did_you_mean("zzz", ["a"]) == {
        "near_matches": [],
        "remedy": "There are a.",
    }
    many = errors.did_you_mean("zzz", (f"a{number}" for number in range(10)))
    assert many["remedy"] == "There are a0, a1, a2, a3, a4, a5, a6, a7 and 2 more."
    assert errors.did_you_mean("zzz", [])["remedy"] == "There are none."
