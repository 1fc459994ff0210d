"""Fields that requests of several services have."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain the NUL character")
    return value


SKU_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
Sku = Annotated[str, StringConstraints(pattern=SKU_PATTERN, strict=True)]

WithoutNul = AfterValidator(_without_nul)
"""For free text: PostgreSQL cannot store the NUL character."""
