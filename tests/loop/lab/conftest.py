"""The worlds of this folder are importable by name, however pytest is started."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))
