"""The door for every model text: what is no model, or could harm a parser, is refused here with its place.

The C libraries behind the engines open files named in a model, follow entities, and recurse as deeply as
the text nests. So no text reaches them before `admit` has looked at it. `admit` itself reads with Python's
tokenisers only, and says what it refuses in words; the engines then tell whether the model makes sense.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NoReturn
from xml.parsers import expat

from bioxen.errors import InvalidModelError
from bioxen.server.bytecode.source import ModelFormat, ModelSource, digest_of

MAX_CHARACTERS = 64_000_000
MAX_DEPTH = 200
"""Nesting of XML elements, of JSON values, and of brackets in Antimony; libSBML and libRoadRunner recurse."""
MAX_ELEMENTS = 5_000_000
"""XML elements in one document; the largest published reconstructions have about a million."""
_NAMESPACE = (
    'Send a root like <sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2">.'
)


def admit(text: str, format: ModelFormat | None = None) -> ModelSource:
    """Return `text` as a model source: `<` begins SBML, `{` COBRA JSON, anything else is Antimony.

    Args:
        text: the model itself; never a path and never a URL.
        format: what the text should be, where the sender said so.

    Raises:
        InvalidModelError: the text is malformed, too large, hostile, or not of `format`.
    """
    _check_characters(text)
    found = format_of(text)
    if found == "antimony":
        _check_not_an_address(text.strip())
    if format is not None and format != found:
        _refuse(
            f"the text is not {format}; it looks like {found}",
            remedy=f"Send {format} text, or send it as {found}.",
        )
    _SCANS[found](text)
    return ModelSource(text=text, format=found, digest=digest_of(text))


def format_of(text: str) -> ModelFormat:
    """Return the format that the first character of `text` announces."""
    first = text.lstrip("\ufeff \t\r\n")[:1]
    return "sbml" if first == "<" else "cobra-json" if first == "{" else "antimony"


def _refuse(message: str, *, place: str | None = None, remedy: str) -> NoReturn:
    raise InvalidModelError(message, details={"place": place, "remedy": remedy})


def _place(text: str, position: int) -> str:
    line_start = text.rfind("\n", 0, position) + 1
    return f"line {text.count(chr(10), 0, position) + 1}, column {position - line_start + 1}"


def _check_characters(text: str) -> None:
    if not text.strip("\ufeff \t\r\n"):
        _refuse("the model text is empty", remedy="Send the text of the model.")
    if len(text) > MAX_CHARACTERS:
        _refuse(
            f"the model text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read",
            remedy="Send a smaller model.",
        )
    odd = re.search(r"[\0\ud800-\udfff]", text)
    if odd:  # C libraries end at a NUL, and a lone surrogate has no UTF-8
        _refuse(
            "the model text holds a character that is not text",
            place=_place(text, odd.start()),
            remedy="Send plain UTF-8 text; decompress a .gz file first.",
        )


# SBML


def _scan_sbml(text: str) -> None:
    scan = _SbmlScan()
    try:
        scan.parser.Parse(text, True)
    except expat.ExpatError as error:
        _refuse(
            f"the XML is malformed: {expat.ErrorString(error.code)}",
            place=f"line {error.lineno}, column {error.offset + 1}",
            remedy="Send well-formed SBML.",
        )


class _SbmlScan:
    """One pass of expat over a document; each handler refuses what a later parser must not see."""

    def __init__(self) -> None:
        self.depth = self.elements = 0
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.XmlDeclHandler = self.declaration
        parser.StartDoctypeDeclHandler = self.doctype
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end

    def refuse(self, message: str, remedy: str) -> NoReturn:
        place = f"line {self.parser.CurrentLineNumber}, column {self.parser.CurrentColumnNumber + 1}"
        _refuse(message, place=place, remedy=remedy)

    def declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        # A parser that believed another encoding would read another document than the one scanned here.
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8", "us-ascii", "ascii"):
            self.refuse(f"the XML declares the encoding {encoding}", "Send UTF-8 and declare it.")

    def doctype(self, *_: object) -> None:
        self.refuse("the XML has a DOCTYPE, which can define entities", "SBML needs none: remove it.")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.elements += 1
        if self.depth > MAX_DEPTH:
            self.refuse(
                f"the XML nests more than {MAX_DEPTH} elements", "Send a model with flatter formulas."
            )
        if self.elements > MAX_ELEMENTS:
            self.refuse(f"the XML has more than {MAX_ELEMENTS:,} elements", "Send a smaller model.")
        namespace, _, local = name.rpartition(" ")
        if self.elements == 1 and (local != "sbml" or "sbml.org/sbml" not in namespace):
            if local == "sbml":
                self.refuse("the document is not SBML: its root has not SBML's namespace", _NAMESPACE)
            self.refuse(f"the document is <{local}>, not SBML", "Send a document whose root is <sbml>.")
        if local == "externalModelDefinition":
            source = next((value for key, value in attributes.items() if key.endswith("source")), "?")
            self.refuse(
                f"the model wants another file to be read: {source}", "Flatten the model into one document."
            )

    def end(self, _name: str) -> None:
        self.depth -= 1


# COBRA JSON

_JSON_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


def _scan_json(text: str) -> None:
    body = text.lstrip("\ufeff")
    _check_nesting(body, _JSON_TOKEN.finditer(body))  # before json.loads, which recurses
    try:
        model = json.loads(body)
    except json.JSONDecodeError as error:
        _refuse(
            f"the JSON is malformed: {error.msg}",
            place=f"line {error.lineno}, column {error.colno}",
            remedy="Send well-formed COBRA JSON.",
        )
    except ValueError as error:  # such as an integer of more digits than Python reads
        _refuse(f"the JSON cannot be read: {error}", remedy="Send well-formed COBRA JSON.")
    missing = [key for key in ("metabolites", "reactions", "genes") if not isinstance(model.get(key), list)]
    if missing:
        _refuse(
            f"the JSON is no COBRA model: it has no list {missing[0]}",
            place=missing[0],
            remedy="Send what cobra.io.to_json gives.",
        )


def _check_nesting(text: str, tokens: Iterator[re.Match[str]]) -> None:
    depth = 0
    for token in tokens:
        symbol = token.group()
        if symbol in "([{":
            depth += 1
        elif symbol in ")]}":
            depth -= 1
        if depth > MAX_DEPTH:
            _refuse(
                f"the text nests more than {MAX_DEPTH} brackets",
                place=_place(text, token.start()),
                remedy="Send a flatter model.",
            )


# Antimony

_ANTIMONY_TOKEN = re.compile(
    r"""
      (?P<comment> //[^\r\n]* | \#[^\r\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<string>  ```.*?``` | "[^"\r\n]*" )
    | (?P<word>    [A-Za-z_][A-Za-z0-9_]* )
    | (?P<bracket> [(){}\[\]] )
    | (?P<symbol>  [^\s\\] )
    """,
    re.VERBOSE | re.DOTALL,
)
"""Antimony's own tokens, as far as they matter here; a backslash only joins lines and ends a word."""


def _scan_antimony(text: str) -> None:
    previous: re.Match[str] | None = None
    brackets = []
    for token in _ANTIMONY_TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "comment":
            continue
        if kind == "bracket":
            brackets.append(token)
        # `import` is reserved; another spelling counts only before a string: a reaction may be `Import`.
        imports = token if token.group() == "import" else previous if kind == "string" else None
        if imports is not None and imports.group().lower() == "import":
            _refuse(
                "the model wants another file to be read (import)",
                place=_place(text, imports.start()),
                remedy="Put the imported model into the same text.",
            )
        previous = token
    _check_nesting(text, iter(brackets))


_ADDRESS = re.compile(r"[a-z][a-z0-9+.\-]*://|file:|/(?![/*])|\.{1,2}[/\\]|~|[a-z]:\\|\\\\", re.IGNORECASE)
_FILE_NAME = re.compile(r"[^\s=;]+\.(xml|sbml|json|ant|txt|gz|zip|omex|mat|ya?ml)", re.IGNORECASE)


def _check_not_an_address(text: str) -> None:
    if "\n" not in text and (_ADDRESS.match(text) or _FILE_NAME.fullmatch(text)):
        _refuse(
            f"the model text is a path or an address: {text[:80]}",
            place="line 1, column 1",
            remedy="Send the text of the model itself; nothing is opened or fetched.",
        )


_SCANS = {"sbml": _scan_sbml, "cobra-json": _scan_json, "antimony": _scan_antimony}
