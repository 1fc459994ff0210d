"""The golden folders: small sets of schemas, each beside the package that the generator makes of it.

Each tells one story: `invoice` an event as one would write it, `kinds` every kind of type, `cycles` namespaces that
refer to each other, `names` what Python cannot be called, `same_names` types of one short name.
`python -m codegen.tests.golden` writes them all anew; look at the difference before it is committed.
"""

from pathlib import Path, PurePosixPath
from typing import Final

from codegen.avro import schema_files
from codegen.python import generated_files
from codegen.python import source as python_source

GOLDEN: Final = Path(__file__).parent / "golden"
CASES: Final = sorted(folder.parent.name for folder in GOLDEN.glob("*/schemas"))
REWRITE: Final = "python -m codegen.tests.golden"


def package_of(case: str) -> str:
    """Return the name of a golden folder's package."""
    return f"codegen.tests.golden.{case}"


def generated(case: str) -> dict[PurePosixPath, str]:
    """Return what the generator makes of a golden folder's schemas."""
    return python_source.generate(schema_files.load(GOLDEN / case / "schemas"), package_of(case))


def files(case: str) -> list[Path]:
    """Return the files of a golden folder's package."""
    return sorted((GOLDEN / case).rglob("*.py"))


def modules(case: str) -> list[str]:
    """Return the names of all modules of a golden folder's package."""
    parts = (path.relative_to(GOLDEN / case).with_suffix("").parts for path in files(case))
    return sorted(".".join((package_of(case), *(part for part in each if part != "__init__"))) for each in parts)


def rewrite() -> list[generated_files.Difference]:
    """Write all golden folders' packages; return what was different."""
    return [
        difference
        for case in CASES
        for difference in generated_files.write(GOLDEN / case, generated(case), package_of(case))
    ]
