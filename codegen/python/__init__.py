"""Python classes from schemas, and what generated code calls when it is not on the fast path."""
