"""Tools: the mapping from process codes, the built-in wrappers, and what a wrong tool is told."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from pydantic import JsonValue

from bioxen.errors import ConfigurationError, UnknownIdentifierError, UnknownProcessError
from bioxen.protocol.processes import process_codes
from bioxen.server.engines.tools import (
    BioToolWrapper,
    CobrapyTool,
    TelluriumTool,
    ToolEngine,
    ToolIntegrationManager,
    load_tool,
)


class Recorder(BioToolWrapper):
    """Counts what is called."""

    name: ClassVar[str] = "recorder"
    answer: ClassVar[Any] = {"biological_output": "done"}

    def __init__(self) -> None:
        self.calls: list[str] = []

    def initialize(self) -> None:
        self.calls.append("initialize")

    def get_supported_processes(self) -> list[str]:
        return ["recorder_run"]

    def execute_process(self, process_code: str, context: Mapping[str, Any]) -> Mapping[str, JsonValue]:
        self.calls.append(process_code)
        answer: Mapping[str, JsonValue] = self.answer
        return answer

    def cleanup(self) -> None:
        self.calls.append("cleanup")


class NotJson(Recorder):
    name: ClassVar[str] = "not-json"
    answer: ClassVar[Any] = {"value": float("nan")}


def test_a_tool_is_initialized_once_and_cleaned_up() -> None:
    tool = Recorder()
    manager = ToolIntegrationManager([tool])
    manager.execute("recorder_run")
    manager.execute("recorder_run")
    manager.cleanup()
    assert tool.calls == ["initialize", "recorder_run", "recorder_run", "cleanup"]


def test_the_built_in_tools_compute_every_process_of_the_catalogue() -> None:
    tools = ToolIntegrationManager([CobrapyTool(), TelluriumTool()]).tools()
    assert sorted(code for codes in tools.values() for code in codes) == sorted(process_codes())
    assert {"cobrapy", "tellurium"} <= set(ToolIntegrationManager.discover().tools())


def test_cobrapy_and_tellurium_compute_in_process() -> None:
    manager = ToolIntegrationManager([CobrapyTool(), TelluriumTool()])
    growth = manager.execute("metabolic_fba", {"chassis_type": "ecoli"})
    assert growth["optimal_objective"] == pytest.approx(0.873922, abs=1e-6)
    decay = manager.execute(
        "kinetic_ode", {"kinetic_code": "species S; S = 1; J: S => ; S;", "time_end": 1.0}
    )
    final: Any = decay["final_state"]
    assert final["[S]"] == pytest.approx(0.36787944, rel=1e-5)
    with pytest.raises(UnknownIdentifierError):
        manager.execute("metabolic_fba", {"objective": "nothing"})
    manager.cleanup()


def test_an_unknown_process_names_the_near_ones() -> None:
    with pytest.raises(UnknownProcessError, match="recorder_run"):
        ToolIntegrationManager([Recorder()]).execute("recorder_ran")


def test_two_tools_cannot_claim_one_process() -> None:
    with pytest.raises(ConfigurationError, match="recorder_run"):
        ToolIntegrationManager([Recorder(), NotJson()])
    with pytest.raises(ConfigurationError, match="recorder"):
        ToolIntegrationManager([Recorder(), Recorder()])


@pytest.mark.parametrize("target", ["no_such_module:Tool", "json:Nothing", "json:JSONDecoder", "json", ""])
def test_what_is_no_tool_is_refused(target: str) -> None:
    with pytest.raises(ConfigurationError):
        load_tool(target)


def test_a_result_that_is_not_json_is_an_error_of_the_tool() -> None:
    engine = ToolEngine()
    call = {"process_code": "recorder_run", "context": {}, "tools": [f"{__name__}:NotJson"]}
    with pytest.raises(ConfigurationError, match="not JSON"):
        engine.run(engine.parse(call), None)
