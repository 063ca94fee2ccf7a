"""PEtab problems from their files: as a cell's context, as a request, and what is wrong with a file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bioxen.cli.run import read_context
from bioxen.errors import ConfigurationError, ValidationError
from bioxen.server.petab import read, texts

PROBLEM = """format_version: 1
parameter_file: parameters.tsv
problems:
  - sbml_files: [model.xml]
    condition_files: [conditions.tsv]
    measurement_files: [measurements.tsv]
    observable_files: [observables.tsv]
"""
FILES = {
    "model.xml": "<sbml/>",
    "parameters.tsv": "parameterId\nk\n",
    "conditions.tsv": "conditionId\na\n",
    "measurements.tsv": "observableId\nseen\n",
    "observables.tsv": "observableId\nseen\n",
}


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    for name, text in {**FILES, "problem.yaml": PROBLEM}.items():
        (tmp_path / name).write_text(text)
    return tmp_path / "problem.yaml"


def test_the_texts_are_the_context_and_the_request(problem: Path) -> None:
    context = texts(problem)
    assert context["kinetic_code"] == "<sbml/>" and context["condition_table"] == "conditionId\na\n"
    request = read(problem, fit=True)
    assert request.fit and request.model_dump(include=set(context)) == context
    assert read_context("kinetic_petab", ["fit=true"], problem) == {"fit": True, **context}


def broken(name: str, text: str | None) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink() if text is None else (folder / name).write_text(text)

    return change


@pytest.mark.parametrize(
    ("change", "kind", "place"),
    [
        (broken("problem.yaml", None), ConfigurationError, "problem.yaml"),
        (broken("problem.yaml", "a: b: c"), ConfigurationError, "problem.yaml"),
        (broken("problem.yaml", "[]"), ValidationError, "format_version"),
        (broken("problem.yaml", PROBLEM.replace("version: 1", "version: 2.0.0")), ValidationError, "version"),
        (broken("problem.yaml", PROBLEM.replace("[model.xml]", "[]")), ValidationError, "sbml_files"),
        (
            broken("problem.yaml", PROBLEM.replace("parameter_file", "other_file")),
            ValidationError,
            "parameter_file",
        ),
        (broken("model.xml", None), ConfigurationError, "model.xml"),
        (broken("parameters.tsv", None), ConfigurationError, "parameters.tsv"),
    ],
)
def test_what_is_wrong_is_told(
    problem: Path, change: Callable[[Path], None], kind: type[Exception], place: str
) -> None:
    change(problem.parent)
    with pytest.raises((ConfigurationError, ValidationError)) as caught:
        texts(problem)
    assert type(caught.value) is kind
    assert place in str(caught.value.place) and caught.value.details["remedy"]


def test_a_folder_is_no_problem() -> None:
    with pytest.raises(ConfigurationError, match="Cannot read"):
        texts(tempfile.gettempdir())
