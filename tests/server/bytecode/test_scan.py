"""The door: what is let in, what is not, and that nothing else ever comes out of it."""

from __future__ import annotations

import json

import antimony
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bioxen.errors import InvalidModelError
from bioxen.server.bytecode.scan import MAX_DEPTH, admit
from bioxen.server.bytecode.source import digest_of

SBML = '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2">{}</sbml>'
COBRA = '{"metabolites": [], "reactions": [], "genes": []}'
BOMB = '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>' + SBML.format("&b;")
EXTERNAL = '<c:externalModelDefinition xmlns:c="http://www.sbml.org/comp" c:id="x" c:source="/etc/passwd"/>'


@pytest.mark.parametrize(
    ("text", "format"),
    [
        (SBML.format(""), "sbml"),
        ('<?xml version="1.0" encoding="UTF-8"?>\n' + SBML.format("<model/>"), "sbml"),
        ("\ufeff" + SBML.format(""), "sbml"),
        ("  " + COBRA, "cobra-json"),
        ("A -> B; k*A; k = 1", "antimony"),
        ("// a comment with import in it\nA -> B; k", "antimony"),
        ('/* import "x" */ A -> B; k # import "y"', "antimony"),
        ('A is "import me"; A -> B; k', "antimony"),
        ("Import: A -> B; k; importer = 3; my_import = 2", "antimony"),
        ('model m\nA = 1\nend\nm notes ```we \n import "nothing" here```', "antimony"),
        ("// model.xml", "antimony"),
    ],
)
def test_models_are_let_in(text: str, format: str) -> None:
    source = admit(text)
    assert (source.format, source.text, source.digest, source.id) == (format, text, digest_of(text), None)


@pytest.mark.parametrize(
    ("text", "words", "place"),
    [
        ("", "empty", None),
        (" \n", "empty", None),
        ("A -> B\0; k", "not text", "line 1, column 7"),
        ("\ud800", "not text", "line 1, column 1"),
        (BOMB, "DOCTYPE", "line 1"),
        ('<?xml version="1.0" encoding="utf-16"?>' + SBML.format(""), "encoding", "line 1"),
        ("<html/>", "not SBML", "line 1, column 1"),
        ("<sbml/>", "not SBML", "line 1, column 1"),
        ("<sbml", "malformed", "line 1"),
        (SBML.format("\n<a></b>"), "malformed", "line 2"),
        (SBML.format("\n" + EXTERNAL), "/etc/passwd", "line 2, column 1"),
        (SBML.format("<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH), "nests", "line 1"),
        ('{"reactions": ]', "malformed", "line 1, column 15"),
        ('{"a": ' * 100_000, "nests", "line 1"),
        ('{"a": "' + '\\"' * 100_000 + "\\", "malformed", "line 1"),
        ('{"a": ' + "9" * 10_000 + "}", "cannot be read", None),
        ('{"reactions": [], "genes": []}', "metabolites", "metabolites"),
        ("a = " + "(" * 300 + ")" * 300, "nests", "line 1, column 205"),
        ('import "x.ant"', "import", "line 1, column 1"),
        ('A -> B; k\n  import/*c*/"f"', "import", "line 2, column 3"),
        ('import \\\n "f"', "import", "line 1, column 1"),
        ('// c \\\nimport "f"', "import", "line 2, column 1"),
        ('IMPORT "f"', "import", "line 1, column 1"),
        ('a = 1; import "f"', "import", "line 1, column 8"),
        ('m notes ```" ```; import "f"', "import", "line 1, column 19"),
        ('m notes ```/*```\nimport "f" //*/', "import", "line 2, column 1"),
        ("/etc/passwd", "path or an address", "line 1"),
        ("../models/x", "path or an address", "line 1"),
        ("model.xml", "path or an address", "line 1"),
        ("C:\\models\\m.ant", "path or an address", "line 1"),
        ("file:///etc/passwd", "path or an address", "line 1"),
        ("https://example.org/m.xml", "path or an address", "line 1"),
    ],
)
def test_what_is_no_model_or_would_do_harm_is_refused_with_its_place(
    text: str, words: str, place: str | None
) -> None:
    with pytest.raises(InvalidModelError, match=words) as caught:
        admit(text)
    assert caught.value.remedy
    assert place is None or str(caught.value.place).startswith(place)


def test_the_sender_can_say_what_it_should_be() -> None:
    assert admit(COBRA, "cobra-json").format == "cobra-json"
    with pytest.raises(InvalidModelError, match="not sbml"):
        admit(COBRA, "sbml")


@settings(max_examples=200, deadline=None)
@given(st.text() | st.text(alphabet='<>/{}[]"\\ab!&;`*#\n -=(', max_size=60))
@example("<!--")
@example('{"')
def test_any_text_is_let_in_or_refused_and_nothing_else(text: str) -> None:
    try:
        assert admit(text).text == text
    except InvalidModelError as error:
        assert error.message


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)
    )
)
def test_json_values_do_not_confuse_the_bracket_count(value: object) -> None:
    text = json.dumps({"metabolites": [], "reactions": [], "genes": [], "notes": value}, ensure_ascii=False)
    assert admit(text).format == "cobra-json"


PIECES = [
    "import",
    '"f.ant"',
    '"',
    "/*",
    "*/",
    "//",
    "#",
    "```",
    "\\",
    "\n",
    " ",
    ";",
    "A = 1",
    "A notes ",
    "x",
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_no_text_that_is_let_in_makes_antimony_open_a_file(text: str) -> None:
    """Antimony's own parser is the judge: it complains when it tries to open what is not there."""
    try:
        admitted = admit(text)
    except InvalidModelError:
        return
    if admitted.format == "antimony":
        antimony.clearPreviousLoads()
        antimony.loadAntimonyString(text)
        assert "Could not open" not in antimony.getLastError()
