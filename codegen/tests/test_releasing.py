"""`contracts release`: what becomes a version, what is refused, and that a version stays as it is."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codegen.tests.building import write_schemas
from codegen.tests.running import Result, run

LINE = {"type": "record", "name": "Line", "namespace": "shop", "fields": [{"name": "sku", "type": "string"}]}
ORDER = {"type": "record", "name": "Order", "namespace": "shop", "fields": [{"name": "line", "type": "shop.Line"}]}
COUPON = {"name": "coupon", "type": ["null", "string"], "default": None}


def with_field(schema: dict[str, Any], field: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "fields": [*schema["fields"], field]}


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A folder of two schemas, released once."""
    folder = write_schemas(tmp_path / "schemas", LINE, ORDER)
    assert run("release", cwd=tmp_path).returncode == 0
    return folder


def said(folder: Path, *arguments: str) -> Result:
    return run(*arguments, cwd=folder.parent)


def versions(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.glob("history/*/*.avsc")}


def test_the_first_release_freezes_every_schema(released: Path) -> None:
    order = json.loads(versions(released)["history/shop.Order/1.avsc"])

    assert sorted(versions(released)) == ["history/shop.Line/1.avsc", "history/shop.Order/1.avsc"]
    assert order["fields"][0]["type"]["fields"] == LINE["fields"]


def test_the_lock_has_the_hash_of_every_version(released: Path) -> None:
    lines = (released / "contracts.lock").read_text().splitlines()
    expected = [
        f"{hashlib.sha256((released / name).read_bytes()).hexdigest()}  {name}" for name in sorted(versions(released))
    ]

    assert lines == expected


def test_a_second_release_changes_nothing(released: Path) -> None:
    before = versions(released)

    assert said(released, "release").stdout == "2 schemas: nothing has changed since the last release.\n"
    assert said(released, "release", "--check").returncode == 0
    assert versions(released) == before


def test_another_layout_is_no_change_and_a_doc_is_one(released: Path) -> None:
    (released / "Line.avsc").write_text(json.dumps(LINE, indent=8))
    assert said(released, "release", "--check").returncode == 0

    write_schemas(released, {**LINE, "doc": "A product."})
    assert said(released, "release", "--check").returncode == 100


def test_what_changed_becomes_the_next_version_of_all_that_use_it(released: Path) -> None:
    first = versions(released)
    write_schemas(released, with_field(LINE, COUPON))

    check = said(released, "release", "--check")
    assert (check.returncode, versions(released)) == (100, first)
    assert check.stdout == "shop.Line: version 2 is not released\nshop.Order: version 2 is not released\n"

    assert said(released, "release").returncode == 0
    assert sorted(versions(released).keys() - first.keys()) == ["history/shop.Line/2.avsc", "history/shop.Order/2.avsc"]
    assert {name: text for name, text in versions(released).items() if name in first} == first


def test_what_breaks_a_version_is_not_released(released: Path) -> None:
    before, lock = versions(released), (released / "contracts.lock").read_text()
    write_schemas(released, with_field(LINE, {"name": "coupon", "type": "string"}))

    result = said(released, "release")

    assert result.returncode == 100
    assert "FIELD_ADDED_WITHOUT_DEFAULT" in result.stdout
    assert "nothing is released" in result.stderr
    assert (versions(released), (released / "contracts.lock").read_text()) == (before, lock)


def edit(path: Path) -> None:
    path.write_text(path.read_text() + "\n")


def lose(path: Path) -> None:
    path.unlink()


def slip_in(path: Path) -> None:
    path.with_name("2.avsc").write_text(path.read_text())


def garble(path: Path) -> None:
    (path.parents[2] / "contracts.lock").write_text("one word\n")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (edit, "history/shop.Line/1.avsc: it was released, and has been edited since; restore it"),
        (lose, "history/shop.Line/1.avsc: it was released, and is gone; restore it"),
        (slip_in, "history/shop.Line/2.avsc: contracts.lock does not know it; delete it"),
        (garble, "contracts.lock:1: a line has a SHA-256, two blanks and a path"),
    ],
)
@pytest.mark.parametrize("command", [("release",), ("release", "--check"), ("breaking",), ("diff",)], ids=" ".join)
def test_a_version_stays_as_it_is(
    released: Path, command: tuple[str, ...], harm: Callable[[Path], None], message: str
) -> None:
    harm(released / "history" / "shop.Line" / "1.avsc")

    result = said(released, *command)

    assert result.returncode == 1
    assert message in result.stderr


def test_a_folder_without_a_lock_has_promised_nothing(released: Path) -> None:
    (released / "contracts.lock").unlink()
    edit(released / "history" / "shop.Line" / "1.avsc")

    assert said(released, "breaking").returncode == 0
    assert said(released, "release").returncode == 0
    assert "history/shop.Line/1.avsc" in (released / "contracts.lock").read_text()
