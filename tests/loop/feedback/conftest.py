"""The planted world and the trials are importable by the tests of this folder, however pytest is started."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))
