"""The lab's modules on the path, as its scripts put them there."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "lab"))
