"""Every version of every event against every other: what one version's class wrote, each version's class reads.

The versions are those of the golden files (`test_golden_bytes.py`); a class is generated for each of them, so this shows
what a service that was built against one version makes of the events of a service that was built against another.
"""

import itertools
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from test_golden_bytes import FILES, plain

from codegen.avro.schema_text import normal_form
from codegen.tests.building import build

HISTORY = Path(__file__).parents[1] / "schemas" / "history"


def _versions() -> dict[str, list[dict[str, Any]]]:
    versions = defaultdict(list)
    for file in FILES:
        name, _, number = file.stem.rpartition(".")
        versions[name].append((int(number), json.loads(file.read_text(encoding="utf-8"))))
    return {name: [golden for _, golden in sorted(each, key=lambda item: item[0])] for name, each in versions.items()}


VERSIONS = _versions()


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """The class of each version of each event."""
    folder = tmp_path_factory.mktemp("versions")
    return {name: [build(folder, each["schema"])[name] for each in versions] for name, versions in VERSIONS.items()}


@pytest.mark.parametrize("name", VERSIONS)
def test_every_version_reads_what_every_version_wrote(name: str, classes: dict[str, list[Any]]) -> None:
    versions = list(zip(VERSIONS[name], classes[name], strict=True))

    for (written, _), (_, reader) in itertools.product(versions, repeat=2):
        value = plain(reader.decode(bytes.fromhex(written["bytes"]), json.dumps(written["schema"])))
        known = value.keys() & written["means"].keys()
        assert {field: value[field] for field in known} == {field: written["means"][field] for field in known}


@pytest.mark.parametrize("name", VERSIONS)
def test_every_version_writes_what_it_wrote(name: str, classes: dict[str, list[Any]]) -> None:
    for golden, cls in zip(VERSIONS[name], classes[name], strict=True):
        data = bytes.fromhex(golden["bytes"])

        assert cls.decode(data).encode() == data
        assert golden["fingerprint"] == cls.FINGERPRINT


def test_some_events_have_several_versions() -> None:
    several = [name for name, versions in VERSIONS.items() if len(versions) > 1]

    assert len(several) >= 5


RELEASED = sorted(HISTORY.glob("*/*.avsc"))


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: f"{file.parent.name}.{file.stem}")
def test_every_released_version_has_golden_bytes(file: Path) -> None:
    schema = json.loads(file.read_text(encoding="utf-8"))
    if schema["type"] == "enum":  # it has no bytes of its own; the records that use it have
        return
    golden = VERSIONS[f"{schema['namespace']}.{schema['name']}"][int(file.stem) - 1]

    assert normal_form(schema, data_only=True) == normal_form(golden["schema"], data_only=True)


def test_there_are_released_versions() -> None:
    assert len(RELEASED) >= 19
