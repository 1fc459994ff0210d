"""The gate where it stands: the workflow's own commands, the GitLab job's and the hooks', on a clone with an edit."""

import json
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from codegen.checks import release_lock
from codegen.registry.client import Registry
from codegen.tests import gated
from codegen.tests.gated import Gated, clone, commit, contracts
from codegen.tests.releasing import git

PLACED = "schemas/shop/orders/OrderPlaced.avsc"
HEADER = "schemas/shop/common/EventHeader.avsc"
LINE = "schemas/shop/common/OrderLine.avsc"
DECLINED = "schemas/shop/payments/PaymentDeclined.avsc"
REASON = "schemas/shop/inventory/RejectionReason.avsc"
FAILED = "schemas/shop/orders/OrderFailed.avsc"
RELEASED = "schemas/history/shop.common.OrderLine/1.avsc"
ORDERS = "services/events/shop/orders.py"
COMMON = "services/events/shop/common.py"
Edit = Callable[[Path], None]


@dataclass(frozen=True)
class Expected:
    """An annotation: its rule, its file, and what is to be read on the line that it names."""

    rule: str
    file: str
    line: str


def replaced(file: str, old: str, new: str) -> Edit:
    def edit(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} has {old!r} {text.count(old)} times"
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")

    return edit


def without_field(file: str, name: str) -> Edit:
    def edit(folder: Path) -> None:
        schema = json.loads((folder / file).read_text(encoding="utf-8"))
        schema["fields"] = [field for field in schema["fields"] if field["name"] != name]
        (folder / file).write_text(json.dumps(schema), encoding="utf-8")
        contracts(folder, "fmt")

    return edit


def with_field(file: str, field: dict[str, object]) -> Edit:
    def edit(folder: Path) -> None:
        schema = json.loads((folder / file).read_text(encoding="utf-8"))
        schema["fields"].append(field)
        (folder / file).write_text(json.dumps(schema), encoding="utf-8")
        contracts(folder, "fmt")

    return edit


def generated(edit: Edit) -> Edit:
    def both(folder: Path) -> None:
        edit(folder)
        contracts(folder, "generate")

    return both


def edited_with_its_lock(folder: Path) -> None:
    replaced(RELEASED, '"unit_price_minor"', '"unit_price"')(folder)
    schemas = folder / "schemas"
    release_lock.write(schemas, release_lock.hashes(schemas, "history"))


def released(folder: Path) -> None:
    contracts(folder, "release")


def deleted(file: str) -> Edit:
    return lambda folder: (folder / file).unlink()


NOTE: dict[str, object] = {
    "name": "note",
    "type": ["null", "string"],
    "default": None,
    "doc": "What the customer said.",
}
UNREADABLE = generated(without_field(PLACED, "payment_method"))
OTHER_UNIT = generated(replaced(HEADER, "timestamp-micros", "timestamp-millis"))
HARMLESS = generated(with_field(PLACED, NOTE))
EDITS: dict[str, tuple[Edit, Sequence[Expected]]] = {
    "a field without default goes": (
        UNREADABLE,
        [Expected("FIELD_REMOVED_WITHOUT_DEFAULT", PLACED, '"name": "OrderPlaced"')],
    ),
    "a time has another unit": (OTHER_UNIT, [Expected("TIME_UNIT_CHANGED", HEADER, '"timestamp-millis"')]),
    "an enum has another default": (
        generated(replaced(REASON, '"default": "UNKNOWN"', '"default": "OUT_OF_STOCK"')),
        [Expected("DEFAULT_CHANGED", REASON, '"default": "OUT_OF_STOCK"')],
    ),
    "a released version is edited": (
        replaced(RELEASED, '"unit_price_minor"', '"unit_price"'),
        [Expected("RELEASE_CHANGED", RELEASED, '"unit_price"')],
    ),
    "a released version is edited, and its lock": (
        edited_with_its_lock,
        [Expected("RELEASE_CHANGED", RELEASED, '"unit_price"')],
    ),
    "a released version is gone": (deleted(RELEASED), [Expected("RELEASE_CHANGED", RELEASED, "")]),
    "a file has another layout": (
        replaced(PLACED, '  "namespace"', '      "namespace"'),
        [Expected("UNFORMATTED", PLACED, '"namespace"')],
    ),
    "a schema changes, its class does not": (
        with_field(PLACED, NOTE),
        [Expected("CLASSES_DIFFER", ORDERS, "Fingerprint")],
    ),
    "a class is edited by hand": (
        replaced(COMMON, "class OrderLine:", "class OrderPosition:"),
        [Expected("CLASSES_DIFFER", COMMON, "class OrderPosition:")],
    ),
    "a class is gone": (deleted(COMMON), [Expected("CLASSES_DIFFER", COMMON, "")]),
    "a schema is gone": (deleted(FAILED), [Expected("SUBJECT_REMOVED", FAILED, "")]),
    "a file is no JSON": (replaced(LINE, '"fields": [', '"fields": '), [Expected("INVALID_SCHEMA", LINE, "")]),
}


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gated.make_upstream(tmp_path_factory.mktemp("gate") / "upstream")


@pytest.fixture
def project(upstream: Path, tmp_path: Path) -> Path:
    return clone(upstream, tmp_path / "project")


def changed(folder: Path, *edits: Edit) -> Path:
    for edit in edits:
        edit(folder)
    commit(folder, "A change")
    return folder


def annotated(told: Gated, folder: Path, expected: Expected) -> bool:
    """Say whether an annotation names the rule, the file, and a line with these words."""
    for line in told.annotations:
        found = re.match(r"::error file=([^,]+),line=(\d+),col=\d+,title=(\w+)", line)
        if found and (found[1], found[3]) == (expected.file, expected.rule):
            path = folder / found[1]
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else [""]
            return expected.line in lines[int(found[2]) - 1]
    return False


# GitHub


@pytest.mark.parametrize("name", EDITS)
def test_the_workflow_fails_and_annotates_the_line(name: str, project: Path) -> None:
    edit, expected = EDITS[name]

    told = gated.on_github(changed(project, edit))

    assert told.code == 100, told.output
    assert [each for each in expected if not annotated(told, project, each)] == [], told.output
    assert all(f"`{each.rule}`" in told.files["summary"] for each in expected)


def test_the_workflow_passes_what_changes_nothing(project: Path) -> None:
    told = gated.on_github(changed(project))

    assert (told.code, told.annotations) == (0, [])
    assert told.files["summary"].startswith("clean: ")


def test_a_harmless_change_passes_and_is_named_as_not_released(project: Path) -> None:
    told = gated.on_github(changed(project, HARMLESS))

    assert (told.code, told.annotations) == (0, [])
    assert re.search(r"not released yet: shop\.orders-shop\.orders\.OrderPlaced version \d+", told.output)


def test_a_change_that_is_released_in_the_same_branch_passes(project: Path) -> None:
    told = gated.on_github(changed(project, HARMLESS, released))

    assert (told.code, told.annotations) == (0, [])
    assert "not released yet" not in told.output


def test_all_that_is_wrong_is_told_at_once_and_each_fault_once(project: Path) -> None:
    not_generated = replaced(HEADER, "timestamp-micros", "timestamp-millis")
    unformatted = replaced(REASON, '  "symbols"', '     "symbols"')

    told = gated.on_github(changed(project, UNREADABLE, not_generated, unformatted))

    rules = [found[1] for line in told.annotations if (found := re.search(r"^::error .*title=(\w+)", line))]
    assert told.code == 100
    assert sorted(set(rules)) == [
        *("CLASSES_DIFFER", "FIELD_REMOVED_WITHOUT_DEFAULT", "TIME_UNIT_CHANGED", "UNFORMATTED"),
    ]
    assert [rules.count(each) for each in ("FIELD_REMOVED_WITHOUT_DEFAULT", "TIME_UNIT_CHANGED")] == [1, 1]
    assert re.search(r"::error .*title=FIELD_REMOVED.*\(breaks versions? [\d, ]+, origin/main\)", told.output)


def test_a_branch_is_not_blamed_for_what_main_has_got_since(project: Path, tmp_path: Path) -> None:
    other = clone(Path(git(project, "remote", "get-url", "origin").strip()), tmp_path / "other")
    git(other, "switch", "--quiet", "--create", "theirs", "origin/main")
    changed(other, generated(with_field(DECLINED, {**NOTE, "type": "string", "default": ""})))
    git(project, "remote", "set-url", "origin", str(other))
    git(other, "branch", "--force", "main", "theirs")

    told = gated.on_github(changed(project, HARMLESS))

    assert (told.code, told.annotations) == (0, []), told.output


def test_what_cannot_be_compared_is_an_error_and_annotated(project: Path) -> None:
    told = gated.on_github(changed(project), base="origin/gone")

    assert told.code == 1
    assert told.annotations[0].startswith("::error title=contracts::the repository of schemas has no revision")


def test_the_gate_is_refused_the_network(project: Path) -> None:
    """Else the other tests here would show nothing of it."""
    if not gated.without_network():
        pytest.skip("no network namespaces on this machine: proxies that lead nowhere take the network away instead")

    reached = gated.run_script(project, ".venv/bin/contracts push --plan --registry http://192.0.2.1:8081")

    assert (reached.returncode, "Network is unreachable" in reached.stdout) == (69, True)


def test_a_registry_accepts_what_the_gate_refuses(project: Path, registry: str) -> None:
    subject = f"gate_{uuid.uuid4().hex}"
    before = (project / HEADER).read_text(encoding="utf-8")
    told = gated.on_github(changed(project, OTHER_UNIT))
    after = (project / HEADER).read_text(encoding="utf-8")

    with Registry(registry, timeout_seconds=20) as client:
        client.set_level("FULL_TRANSITIVE", subject)
        client.register(subject, before)
        client.register(subject, after)
        versions = client.versions(subject)

    assert versions == [1, 2]
    assert (told.code, "TIME_UNIT_CHANGED" in told.output) == (100, True)


def test_the_workflow_needs_no_right_and_runs_what_is_pinned() -> None:
    workflow = gated.document(gated.PROJECT / gated.WORKFLOW)
    [job] = workflow["jobs"].values()
    actions = [step["uses"] for step in job["steps"] if "uses" in step]
    [checkout] = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]

    assert workflow["permissions"] == {"contents": "read"}
    assert [each for each in actions if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", each)] == []
    assert checkout["with"]["fetch-depth"] == 0
    assert job["timeout-minutes"] <= 10


# GitLab


def test_the_gitlab_job_fails_and_leaves_both_reports(project: Path) -> None:
    told = gated.on_gitlab(changed(project, OTHER_UNIT))

    assert told.code == 100
    faults = [each for each in json.loads(told.files["codequality"]) if each["check_name"] == "TIME_UNIT_CHANGED"]
    assert {(each["location"]["path"], each["severity"]) for each in faults} == {(HEADER, "major")}
    assert ElementTree.fromstring(told.files["junit"]).find(f"testsuite[@name='{HEADER}']/testcase/failure") is not None


def test_the_gitlab_job_passes_a_harmless_change(project: Path) -> None:
    told = gated.on_gitlab(changed(project, HARMLESS))

    assert (told.code, json.loads(told.files["codequality"])) == (0, [])
    assert ElementTree.fromstring(told.files["junit"]).attrib["failures"] == "0"


def test_the_gitlab_job_is_one_of_merge_requests_with_all_commits() -> None:
    job = gated.document(gated.PROJECT / gated.PIPELINE)["contracts"]

    assert job["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}]
    assert job["variables"]["GIT_DEPTH"] == "0"
    assert job["artifacts"]["when"] == "always"


# pre-commit


def test_the_hooks_format_what_is_committed(project: Path) -> None:
    replaced(PLACED, '  "namespace"', '      "namespace"')(project)

    first, second = gated.on_commit(project), gated.on_commit(project)

    assert first.code == 1
    assert "files were modified by this hook" in first.output
    assert "no files to check" in second.output  # formatted, it is what was committed before


def test_the_hooks_refuse_what_breaks_and_let_a_harmless_change_pass(project: Path) -> None:
    OTHER_UNIT(project)
    refused = gated.on_commit(project)
    git(project, "reset", "--quiet", "--hard")
    HARMLESS(project)

    assert refused.code == 1
    assert "TIME_UNIT_CHANGED" in refused.output
    assert gated.on_commit(project).code == 0


def test_other_repositories_get_the_same_from_the_published_hooks(project: Path) -> None:
    hooks = gated.document(project / gated.PUBLISHED_HOOKS)
    here = [{**hook, "language": "system"} for hook in hooks]  # installing them takes a network
    (project / "hooks.yaml").write_text(json.dumps({"repos": [{"repo": "local", "hooks": here}]}))
    HARMLESS(project)
    passed = gated.on_commit(project, "hooks.yaml")
    OTHER_UNIT(project)
    refused = gated.on_commit(project, "hooks.yaml")

    assert {hook["language"] for hook in hooks} == {"python"}
    assert passed.code == 0, passed.output
    assert re.findall(r"hook id: ([\w-]+)", refused.output) == ["contracts-breaking", "contracts-gate"]


# The page


def test_the_page_shows_others_what_runs_here() -> None:
    page = (gated.PROJECT / "docs/gate.md").read_text(encoding="utf-8")
    [job] = gated.document(gated.PROJECT / gated.WORKFLOW)["jobs"].values()
    here = [
        *(step.get("uses") or step["run"] for step in job["steps"]),
        *gated.document(gated.PROJECT / gated.PIPELINE)["contracts"]["script"],
        *(hook["id"] for hook in gated.document(gated.PROJECT / gated.PUBLISHED_HOOKS)),
    ]

    assert [each for each in here if each.removeprefix(".venv/bin/") not in page] == []
