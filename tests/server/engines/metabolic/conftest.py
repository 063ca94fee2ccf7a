"""Makes `tests.shared_data` importable wherever pytest is started, and compiles the kernel."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4]))

from bioxen.server.engines.metabolic import MetabolicEngine

# The first run on a machine compiles for a minute, which no test's time limit is made for.
MetabolicEngine.warm_up()
