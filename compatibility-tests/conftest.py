"""Lets the tests of this folder import the modules beside them: it is no package, for no other code needs them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
