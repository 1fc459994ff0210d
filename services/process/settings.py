"""What every process reads from the environment, beside what its service adds."""

from pydantic import Field

from services.messaging.settings import MessagingSettings


class ProcessSettings(MessagingSettings):
    """Addresses and limits of a process; one environment variable each, named as the field."""

    http_host: str = Field(default="127.0.0.1", description="Address to listen on.")
    http_port: int = Field(default=0, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    http_shared_socket: int | None = Field(
        default=None,
        ge=3,
        description="Inherited descriptor of a listening socket to answer on, too: so several processes share a port.",
    )
    http_stop_seconds: int = Field(
        default=10, ge=0, description="How long a stopping process may take to answer what it accepted."
    )
    http_requests_max: int = Field(default=2_000, ge=1, description="Requests in flight; one more gets 503.")
    log_level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", description="Least level that is logged."
    )
