"""The corpus of reader/writer cases: a schema that wrote, one that reads, a datum, and what comes of it.

One JSON object a line in `pairs/*.jsonl`: `id`, `writer`, `reader`, `datum` (as fastavro takes it) and either `value`
(what the reader's class must make of it) or `error` (a part of the message, which starts with the field's path).
"""

import json
from pathlib import Path
from typing import Any

import pytest

from codegen.errors import DecodeError
from codegen.tests.building import as_datum, build, fastavro_bytes, without_type_names

CASES = [
    json.loads(line)
    for file in sorted((Path(__file__).parent / "pairs").glob("*.jsonl"))
    for line in file.read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_reader_makes_of_it_what_the_corpus_says(case: dict[str, Any], tmp_path: Path) -> None:
    writer = json.dumps(case["writer"])
    cls = build(tmp_path, case["reader"])[case["reader"]["name"]]
    data = fastavro_bytes(writer, case["datum"])

    if "error" in case:
        with pytest.raises(DecodeError) as caught:
            cls.decode(data, writer)
        assert str(caught.value).startswith(case["error"])
    else:
        assert without_type_names(as_datum(cls.decode(data, writer))) == case["value"]


def test_ids_are_unique() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES) > 0
