"""How long to wait before a process that died is started again."""

from dataclasses import dataclass

FIRST_SECONDS = 0.2
LONGEST_SECONDS = 10.0
# A process that ran this long is taken as healthy: its next death is a first one.
HEALTHY_SECONDS = 30.0


@dataclass(frozen=True)
class Deaths:
    """Deaths in a row of one process."""

    in_a_row: int = 0

    def after(self, lived_seconds: float) -> "Deaths":
        """Count one more death, or start counting anew after a healthy life."""
        return Deaths(1 if lived_seconds >= HEALTHY_SECONDS else self.in_a_row + 1)

    @property
    def pause_seconds(self) -> float:
        """Wait: doubled with each death in a row, up to a limit."""
        return min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** max(0, self.in_a_row - 1)) if self.in_a_row else 0.0
