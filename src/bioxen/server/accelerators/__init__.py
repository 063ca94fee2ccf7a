"""Accelerators: what there is, how fast it was measured to be, and which one a process should use."""

from bioxen.server.accelerators.detect import Accelerator, AcceleratorType, detect
from bioxen.server.accelerators.kernels import Kernel
from bioxen.server.accelerators.manager import BioAcceleratorManager, OptimizationPlan
from bioxen.server.accelerators.profiles import OptimizationProfile
from bioxen.server.engines.crossover import Crossover

__all__ = [
    "Accelerator",
    "AcceleratorType",
    "BioAcceleratorManager",
    "Crossover",
    "Kernel",
    "OptimizationPlan",
    "OptimizationProfile",
    "detect",
]
