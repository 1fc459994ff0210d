"""Writes the golden folders' packages: `python -m codegen.tests.golden`."""

import sys

from codegen.tests import golden_packages

for difference in golden_packages.rewrite():
    sys.stdout.write(f"{difference.path}: {difference.kind}\n")
