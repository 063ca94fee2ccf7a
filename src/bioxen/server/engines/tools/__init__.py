"""Third-party tools: one wrapper class computes some process codes, and the core is not touched.

A tool subclasses `BioToolWrapper` and registers under the entry point group `bioxen.tools` (or is named as
`module:Class` when a service starts). COBRApy's and Tellurium's analyses are wrapped in the same way.
"""

from bioxen.server.engines.tools.engine import LIST_TOOLS, ToolCall, ToolEngine
from bioxen.server.engines.tools.manager import ENTRY_POINT_GROUP, ToolIntegrationManager, load_tool
from bioxen.server.engines.tools.own import CobrapyTool, EngineTool, TelluriumTool
from bioxen.server.engines.tools.wrapper import BioToolWrapper

__all__ = [
    "ENTRY_POINT_GROUP",
    "LIST_TOOLS",
    "BioToolWrapper",
    "CobrapyTool",
    "EngineTool",
    "TelluriumTool",
    "ToolCall",
    "ToolEngine",
    "ToolIntegrationManager",
    "load_tool",
]
