"""Makes `tests.shared_data` importable wherever pytest is started, and compiles the kernel."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4]))

from bioxen.server.engines.metabolic import MetabolicEngine  # noqa: E402 - the path comes first

MetabolicEngine.warm_up()  # the first run on a machine compiles for a minute: no test's time limit is for that
