"""A schema registry behind the Confluent REST API (Apicurio, Confluent, Karapace, Redpanda).

Every request has a time limit, and every error is one of codegen.errors. What registries differ in is met here:

- Apicurio tells no versions apart that differ in docs, aliases or an enum's default alone; `lookup` allows for that.
- Without references in the request a lookup does not find a schema that was registered with them, so `lookup`
  compares the versions' texts instead.
- A subject without a level of its own is 404 at Confluent's and NONE at Apicurio, whatever the global level.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import httpx

from codegen.avro.json_text import Json, read_json
from codegen.avro.schema_text import collect_definitions, compact, normal_form, self_contained
from codegen.errors import Incompatible, RegistryError, RegistryUnreachable, SchemaNotFound

CONNECT_RETRIES: Final = 2
"""Attempts beyond the first at opening a connection: a restarting registry is back within a second or so."""
REFERENCE_DEPTH_MAX: Final = 50
"""How deep references may go: beyond what anyone writes, short of a registry that answers in circles."""
TEXTS_MAX: Final = 4096
"""Texts that are kept, by id and by version: more than the schemas of any one system of services."""
Answer = TypeVar("Answer")
_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_UNREACHABLE_CODES: Final = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    """Where a schema stands in the registry."""

    id: int
    subject: str
    version: int


@dataclass(frozen=True, slots=True)
class SchemaReference:
    """A type used by a schema (full name), and the version of the subject that has it."""

    name: str
    subject: str
    version: int


@dataclass(frozen=True, slots=True)
class SubjectVersion:
    """A version of a subject with its text as registered, references not resolved."""

    id: int
    subject: str
    version: int
    text: str
    references: tuple[SchemaReference, ...]


class Registry:
    """A client for one registry; usable from several threads. Ids and versions never change, so texts are kept.

    A user and password in the URL (RFC 3986, section 3.2.1) are sent as HTTP Basic authentication, and said nowhere.
    """

    def __init__(self, url: str, timeout_seconds: float = 10.0) -> None:
        self.url, authentication = _without_password(url.rstrip("/"))
        self._client = httpx.Client(
            auth=authentication,
            timeout=timeout_seconds,
            headers={"Accept": f"{_MEDIA_TYPE}, application/json"},
            trust_env=not _is_loopback(self.url),  # a proxy is not asked for this machine's own addresses
            transport=httpx.HTTPTransport(retries=CONNECT_RETRIES) if _is_loopback(self.url) else None,
        )
        self._version_of = lru_cache(TEXTS_MAX)(self._fetch_version)
        self._text_of = lru_cache(TEXTS_MAX)(self._fetch_text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def subjects(self) -> list[str]:
        """Return the names of all subjects."""
        return self._request("GET", "/subjects", lambda answer: [_text(each) for each in _items(answer)])

    def versions(self, subject: str) -> list[int]:
        """Return a subject's versions, oldest first; none for a subject that does not exist."""
        try:
            path = f"/subjects/{_path(subject)}/versions"
            return self._request("GET", path, lambda answer: sorted(int(each) for each in _items(answer)))
        except SchemaNotFound:
            return []

    def version(self, subject: str, version: int) -> SubjectVersion:
        """Return one version of a subject; raise SchemaNotFound."""
        return self._version_of(subject, version)

    def register(self, subject: str, schema: str, references: Sequence[SchemaReference] = ()) -> int:
        """Register a schema under a subject and return its id; nothing happens if it is there. Raise Incompatible."""
        path = f"/subjects/{_path(subject)}/versions"
        return self._request("POST", path, lambda answer: int(answer["id"]), _body(schema, references))

    def lookup(self, subject: str, schema: str) -> RegisteredSchema:
        """Return where a self-contained schema stands, the newest version first; raise SchemaNotFound.

        A version that is the same but for docs, aliases and enums' defaults is taken if none is exactly the same.
        """
        wanted = read_json(schema)
        exact, data = normal_form(wanted), normal_form(wanted, data_only=True)
        alike = None
        for version in reversed(self.versions(subject)):
            found = self.version(subject, version)
            text = read_json(self.self_contained(found))
            if normal_form(text) == exact:
                return RegisteredSchema(found.id, subject, version)
            if alike is None and normal_form(text, data_only=True) == data:
                alike = RegisteredSchema(found.id, subject, version)
        if alike is None:
            raise SchemaNotFound(f"the registry has no such schema under the subject {subject}")
        return alike

    def schema_by_id(self, schema_id: int) -> str:
        """Return the JSON text of a schema, references inlined at first use; raise SchemaNotFound."""
        return self._text_of(schema_id)

    def subject_versions(self, schema_id: int) -> list[tuple[str, int]]:
        """Return the subjects and versions that have this schema; raise SchemaNotFound."""
        path = f"/schemas/ids/{schema_id}/versions"
        return self._request(
            "GET", path, lambda answer: [(_text(each["subject"]), int(each["version"])) for each in _items(answer)]
        )

    def level(self, subject: str | None = None) -> str | None:
        """Return the compatibility level set for a subject itself (or globally), None where there is none."""
        try:
            path = "/config" + (f"/{_path(subject)}" if subject else "")
            return self._request("GET", path, lambda answer: _text(answer["compatibilityLevel"]))
        except SchemaNotFound:
            return None

    def set_level(self, level: str, subject: str | None = None) -> None:
        """Set the compatibility level of a subject (it need not exist yet), or the global one."""
        path = "/config" + (f"/{_path(subject)}" if subject else "")
        try:
            self._request("PUT", path, _nothing, {"compatibility": level})
        except Incompatible:  # Apicurio's 409 where somebody else has set the first level a moment ago
            self._request("PUT", path, _nothing, {"compatibility": level})

    def delete(self, subject: str, version: int | None = None) -> None:
        """Delete a version, or a subject with all its versions; ids stay known where the registry keeps what is deleted."""
        path = f"/subjects/{_path(subject)}" + (f"/versions/{version}" if version else "")
        self._request("DELETE", path, _nothing)

    def self_contained(self, version: SubjectVersion) -> str:
        """Return a version's JSON text with its references inlined at first use."""
        return self._inlined(version.text, version.references)

    def _fetch_text(self, schema_id: int) -> str:
        text, references = self._request(
            "GET", f"/schemas/ids/{schema_id}", lambda answer: (_text(answer["schema"]), _references(answer))
        )
        return self._inlined(text, references)

    def _inlined(self, text: str, references: Sequence[SchemaReference]) -> str:
        definitions: dict[str, Json] = {}
        for value in self._referenced(references, 0):
            collect_definitions(value, definitions)
        return compact(self_contained(read_json(text), definitions))

    def _referenced(self, references: Sequence[SchemaReference], depth: int) -> Iterator[Json]:
        if depth > REFERENCE_DEPTH_MAX:
            raise RegistryError(f"references go deeper than {REFERENCE_DEPTH_MAX}")
        versions = [self.version(reference.subject, reference.version) for reference in references]
        for version in versions:  # direct references first: of two versions of a type these count
            yield read_json(version.text)
        for version in versions:
            yield from self._referenced(version.references, depth + 1)

    def _fetch_version(self, subject: str, version: int) -> SubjectVersion:
        return self._request(
            "GET",
            f"/subjects/{_path(subject)}/versions/{version}",
            lambda found: SubjectVersion(
                int(found["id"]), subject, version, _text(found["schema"]), _references(found)
            ),
        )

    def _request(
        self, method: str, path: str, read: Callable[[Any], Answer], body: Mapping[str, Any] | None = None
    ) -> Answer:
        """Return what is `read` from the answer's JSON; raise RegistryError where it is none that a registry gives."""
        try:
            response = self._client.request(method, self.url + path, json=body)
        except httpx.TransportError as error:
            raise RegistryUnreachable(f"the schema registry at {self.url} does not answer: {_reason(error)}") from error
        try:
            answer = response.json()
        except ValueError as error:
            if response.status_code in _UNREACHABLE_CODES:
                raise RegistryUnreachable(
                    f"the schema registry at {self.url} answers {response.status_code}"
                ) from error
            if not response.is_success:
                said = f"{response.status_code} {response.reason_phrase}"
                raise RegistryError(f"{self.url} answers {said} to {method} {path}") from error
            raise RegistryError(f"{self.url} is no schema registry: {method} {path} did not answer in JSON") from error
        if response.is_success:
            try:
                return read(answer)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise RegistryError(
                    f"{self.url} is no schema registry: it answers {method} {path} with {response.text[:80]}"
                ) from error
        raise _error(self.url, response.status_code, answer if isinstance(answer, dict) else {})


def _error(url: str, status: int, answer: Mapping[str, Any]) -> RegistryError:
    message = str(answer.get("message", f"status {status}"))
    violation = "RuleViolationException" in message  # Apicurio's name for it, in front of the message
    message = message.removeprefix("io.apicurio.registry.rules.violation.RuleViolationException: ")
    if status == 404:
        return SchemaNotFound(message)
    if status == 409 or (status == 422 and (violation or answer.get("error_code") == 0)):
        return Incompatible(message)
    if status in _UNREACHABLE_CODES:
        return RegistryUnreachable(f"the schema registry at {url} answers {status}: {message}")
    return RegistryError(f"the schema registry refuses ({status}): {message}")


def _body(schema: str, references: Sequence[SchemaReference]) -> dict[str, Any]:
    items = [{"name": each.name, "subject": each.subject, "version": each.version} for each in references]
    return {"schema": schema, "schemaType": "AVRO", **({"references": items} if items else {})}


def _items(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise TypeError("a list is expected")
    return answer


def _text(answer: Any) -> str:
    if not isinstance(answer, str):
        raise TypeError("a text is expected")
    return answer


def _nothing(_: Any) -> None:
    """Take any answer for an acknowledgement."""


def _references(answer: Mapping[str, Any]) -> tuple[SchemaReference, ...]:
    items = answer.get("references") or ()
    return tuple(SchemaReference(str(i["name"]), str(i["subject"]), int(i["version"])) for i in items)


def _path(subject: str) -> str:
    return quote(subject, safe="")


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _without_password(url: str) -> tuple[str, httpx.BasicAuth | None]:
    """Return the address and what is sent with each request; raise RegistryError if it is none."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise RegistryError(f"the registry's URL cannot be read: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise RegistryError(
            "the registry's URL begins with http:// or https:// and a host: --registry or SCHEMA_REGISTRY_URL"
        )
    if not parsed.userinfo:
        return url, None
    return str(parsed.copy_with(userinfo=b"")), httpx.BasicAuth(parsed.username, parsed.password)


def _is_loopback(url: str) -> bool:
    host = httpx.URL(url).host
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
