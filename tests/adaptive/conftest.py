"""The small networks with exits, and a way to run the command line."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "exits"))
