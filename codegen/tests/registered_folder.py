"""A folder of schemas in a namespace of its own, so that tests share a registry."""

import json
import uuid
from pathlib import Path
from typing import Any

from codegen.contracts import Contracts
from codegen.registry import push
from codegen.registry.client import Registry, SchemaReference
from codegen.tests.building import write_schemas
from codegen.tests.running import Result, run

ADDED: dict[str, Any] = {"name": "added", "type": ["null", "string"], "default": None, "doc": "New."}
REQUIRED: dict[str, Any] = {"name": "needed", "type": "string", "doc": "New."}


class Folder:
    """Two files, a header and an event that refers to it; `header` and `event` are their fields."""

    def __init__(self, path: Path, registry: str) -> None:
        self.path = path
        self.registry = registry
        self.namespace = f"test_{uuid.uuid4().hex}"
        self.topic = f"{self.namespace}.topic"
        self.header: list[dict[str, Any]] = [{"name": "id", "type": "string", "doc": "The id."}]
        self.event: list[dict[str, Any]] = [
            {"name": "header", "type": "Header", "doc": "The header."},
            {
                "name": "kind",
                "type": {
                    "type": "enum",
                    "name": "Kind",
                    "symbols": ["UNKNOWN", "A"],
                    "default": "UNKNOWN",
                    "doc": "A kind.",
                },
                "doc": "The kind.",
            },
        ]
        self.level = "FULL_TRANSITIVE"
        self.more_configuration = ""
        self.events = [f"{self.namespace}.Event"]
        self.nested = False
        self.subject = f"{self.topic}-{self.namespace}.Event"
        self.header_subject = f"{self.namespace}.Header"

    def write(self) -> None:
        """Write the files as the fields are now."""

        def record(name: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
            return {"type": "record", "name": name, "namespace": self.namespace, "doc": f"{name}.", "fields": fields}

        header, event = record("Header", self.header), record("Event", self.event)
        if self.nested:
            event["fields"] = [{**event["fields"][0], "type": header}, *event["fields"][1:]]
        write_schemas(self.path, *([] if self.nested else [header]), *([event] if self.events else []))
        topic = f'[topics."{self.topic}"]\nwriter = "w"\nkey = "header"\nevents = {json.dumps(self.events)}\n'
        level = f'[registry]\ncompatibility = "{self.level}"\n'
        (self.path / "contracts.toml").write_text(level + topic + self.more_configuration)

    def retire_event(self) -> None:
        """Have the folder no longer know the event, nor its topic any event."""
        self.events = []
        (self.path / "Event.avsc").unlink()

    def nest_header(self) -> None:
        """Define the header within the event, and nowhere else."""
        self.nested = True
        (self.path / "Header.avsc").unlink()

    def load(self) -> Contracts:
        """Write the files and read them as contracts."""
        self.write()
        return Contracts.load(self.path)

    def push(self, client: Registry, *, delete: bool = False) -> list[str]:
        """Write the files and push them; return what was reported."""
        said: list[str] = []
        push.apply(self.load(), client, said.append, delete=delete)
        return said

    def run(self, *arguments: str) -> Result:
        """Write the files and run a command on them; names that differ from run to run are left out of its output."""
        self.write()
        options = () if arguments[0] == "release" else ("--registry", self.registry)
        result = run(*arguments, "--schemas", str(self.path), *options, cwd=self.path.parent)
        return Result(result.returncode, self._plain(result.stdout), self._plain(result.stderr))

    def release(self) -> None:
        """Write the files and release them."""
        released = self.run("release")
        assert released.returncode == 0, released

    def ignore(self, rule: str) -> None:
        """Let a rule's findings pass from now on."""
        self.more_configuration += f'[[ignore]]\nrule = "{rule}"\nreason = "Decided."\nuntil = 2999-12-31\n'

    def text(self) -> str:
        """Return the event's self-contained schema as the fields are now."""
        return self.load().schemas.self_contained_text(f"{self.namespace}.Event")

    def foreign_version(self, client: Registry) -> None:
        """Register a version of the event past the folder."""
        event = json.loads((self.path / "Event.avsc").read_text())
        event["fields"].append({**ADDED, "name": "foreign"})
        header = SchemaReference(self.header_subject, self.header_subject, client.versions(self.header_subject)[-1])
        client.register(self.subject, json.dumps(event), [header])

    def _plain(self, text: str) -> str:
        return text.replace(f"{self.path}", "schemas").replace(f"{self.namespace}.", "")
