"""Fields that requests of several services have."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain the NUL character")
    return value


SKU_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
Sku = Annotated[str, StringConstraints(pattern=SKU_PATTERN, strict=True)]

UUID_PATTERN = r"^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$"

WithoutNul = AfterValidator(_without_nul)
"""For free text: PostgreSQL cannot store the NUL character."""

IDEMPOTENCY_KEY_PATTERN = r"^[\x20-\x7e]{1,255}$"
"""1-255 printable ASCII characters."""


def _judged_alone(value: Any, validate: Callable[[Any], Any]) -> Any:
    try:
        return validate(value)
    except ValidationError as error:
        return error


@dataclass(frozen=True, slots=True)
class JudgedAlone:
    """For an item of a batch: one that is not valid does not refuse the others, its ValidationError stands in its place."""

    told: str
    """What OpenAPI says of an item that is something else."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate as ever, and keep what that raises."""
        return core_schema.no_info_wrap_validator_function(_judged_alone, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """An item of its kind, or anything else, which is answered with a problem."""
        return {"anyOf": [handler(schema), {"title": "Anything else", "description": self.told}]}
