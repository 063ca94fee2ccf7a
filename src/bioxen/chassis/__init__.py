"""Organisms: what is known of each, with its source, and which models stand for it."""

from bioxen.chassis.config import ChassisConfig, Fact
from bioxen.chassis.registry import find_chassis, get_chassis_config, get_supported_biological_types

__all__ = [
    "ChassisConfig",
    "Fact",
    "find_chassis",
    "get_chassis_config",
    "get_supported_biological_types",
]
