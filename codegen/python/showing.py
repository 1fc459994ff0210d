"""Values in errors: in one line, short, whatever their class makes of them."""


def shown(value: object) -> str:
    """Return a value and its type, shortened: an error is no place for a megabyte."""
    if value is None:
        return "None"
    text = _represented(value)
    if text is None:
        return f"a value of type {type(value).__name__}"
    return f"{text[:57]}... ({type(value).__name__})" if len(text) > 60 else f"{text} ({type(value).__name__})"


def shown_key(key: object) -> str:
    """Return a map's key in double quotes, or as Python would show it where it could not be read there."""
    if isinstance(key, str) and key.isprintable() and not {'"', "\\"} & {*key}:
        return f'"{key}"'
    return _represented(key) or f"a {type(key).__name__}"


def _represented(value: object) -> str | None:
    """Return a value as its class shows it, in one line; None if it cannot be shown."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - anybody's __repr__; integers of 4,300 digits have none
        return None
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
