"""What the payments processes read from the environment, each with its default and its reason."""

from pydantic import Field

from services.payments.domain import RetryPolicy
from services.process.settings import ProcessSettings


class Settings(ProcessSettings):
    """Payments' own settings beside those of every process."""

    database_url: str = Field(
        default="postgresql://payments:payments@127.0.0.1:5432/payments",
        validation_alias="PAYMENTS_DATABASE_URL",
        description="This service's database.",
    )
    provider_concurrency_max: int = Field(
        default=32, ge=1, description="Calls to the provider at a time: one slow payment does not hold up the others."
    )
    provider_attempts_max: int = Field(
        default=7, ge=1, description="Attempts until a payment is given up: by default after 16 to 32 seconds."
    )
    provider_retry_first_seconds: float = Field(
        default=0.5, gt=0, description="Pause after the first attempt that decided nothing; doubled each time."
    )
    provider_retry_max_seconds: float = Field(default=30.0, gt=0, description="Longest pause between two attempts.")
    provider_pause_seconds: float = Field(
        default=1.0,
        gt=0,
        description="Nothing is asked for this long after the provider could not be reached; doubled.",
    )
    provider_pause_max_seconds: float = Field(
        default=15.0, gt=0, description="Longest such pause: how late a provider that is back may be noticed."
    )
    provider_claim_seconds: float = Field(
        default=10.0,
        gt=0,
        description="A request belongs to the process that took it for this long; a dead process delays it no longer.",
    )
    provider_poll_seconds: float = Field(
        default=0.25, gt=0, description="How often requests that are due are looked for in the table."
    )
    provider_outstanding_max: int = Field(
        default=500, ge=1, description="Requests on their way to the provider or not recorded yet, per process."
    )
    provider_waiting_max: int = Field(
        default=1_000, ge=0, description="Requests kept in memory for asking without reading them back, per process."
    )
    provider_linger_seconds: float = Field(
        default=0.005, ge=0, description="Answers that arrive within this time are recorded in one transaction."
    )

    @property
    def retries(self) -> RetryPolicy:
        """How often and how soon the provider is asked again."""
        return RetryPolicy(
            self.provider_attempts_max, self.provider_retry_first_seconds, self.provider_retry_max_seconds
        )
