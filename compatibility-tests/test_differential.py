"""The document on differences is what a run says: of the libraries that are here, and of this repository."""

from pathlib import Path

from differential import python_tools, written

DOCUMENT = Path(__file__).parents[1] / "docs" / "differences.md"


def test_the_document_is_what_the_run_says() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")

    assert written(document, python_tools()) == document, (
        "run compatibility-tests/differential.py --write docs/differences.md"
    )
