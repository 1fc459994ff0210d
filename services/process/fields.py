"""Fields that requests of several services have."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints, ValidationError, WrapValidator


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


JudgedAlone = WrapValidator(_judged_alone)
"""For an item of a batch: one that is not valid does not refuse the others, its ValidationError stands in its place."""
