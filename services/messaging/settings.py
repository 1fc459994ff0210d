"""Every limit of the messaging kit, with its reason. Read from the environment (``RELAY_LEASE_SECONDS=5``)."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class MessagingSettings(BaseSettings):
    """What a process needs to exchange events; a service's own settings extend it."""

    model_config = SettingsConfigDict(frozen=True)

    kafka_bootstrap_servers: str = Field(
        default="127.0.0.1:9092", description="Kafka brokers as host:port, separated by commas."
    )
    schema_registry_url: str = Field(
        default="http://127.0.0.1:8081/apis/ccompat/v7", description="Base of the registry's Confluent API."
    )
    schema_registry_timeout_seconds: float = Field(
        default=5.0, gt=0, description="A registry that does not answer must not hold a partition for longer."
    )
    topic_partitions: int = Field(
        default=6, ge=1, le=10_000, description="Partitions of every topic; never changes while events are in flight."
    )

    database_timeout_seconds: float = Field(
        default=10.0, gt=0, description="Limit of one statement, and of a connection idle inside a transaction."
    )
    database_lock_timeout_seconds: float = Field(
        default=5.0, gt=0, description="Nobody waits for a frozen process's lock for longer than this."
    )
    database_pool_size: int = Field(default=8, ge=1, description="Connections of one process that only read.")
    database_writers: int = Field(default=2, ge=1, description="Connections of one process that write events.")

    relay_lease_seconds: float = Field(
        default=4.0, gt=0, description="How long a relay that died keeps its successor waiting."
    )
    relay_transaction_timeout_seconds: float = Field(
        default=10.0,
        gt=0,
        description="Kafka's transaction.timeout.ms: a frozen relay blocks readers no longer than this.",
    )
    relay_transaction_rows_max: int = Field(default=2_000, ge=1, description="Records in one Kafka transaction.")
    relay_transaction_bytes_max: int = Field(
        default=8 << 20, ge=1, description="Bytes of records in one Kafka transaction."
    )
    relay_memory_rows_max: int = Field(
        default=50_000, ge=0, description="Committed rows kept for publishing without reading them back."
    )
    relay_transaction_gap_seconds: float = Field(
        default=0.005,
        ge=0,
        description="Pause between transactions: sooner, the broker answers CONCURRENT_TRANSACTIONS.",
    )
    relay_busy_poll_seconds: float = Field(
        default=0.005, gt=0, description="How often head rows are looked at while events flow."
    )
    relay_idle_poll_seconds: float = Field(
        default=0.05, gt=0, description="How often head rows are looked at while nothing happens."
    )
    relay_stable_wait_seconds: float = Field(
        default=15.0, gt=0, description="How long to wait for foreign open transactions before reading the position."
    )
    outbox_range_rows: int = Field(
        default=1_000_000,
        ge=1_000,
        description="Sequence numbers in one range of an outbox table; a whole range is dropped at once.",
    )
    outbox_retention_seconds: float = Field(
        default=7 * 86_400.0, gt=0, description="The topics' retention: what Kafka still promises can be sent again."
    )
    dead_letter_retention_seconds: float = Field(
        default=30 * 86_400.0, gt=0, description="Likewise of the dead letter topic."
    )
    outbox_maintenance_seconds: float = Field(
        default=60.0, gt=0, description="How often ranges are made ahead and dropped."
    )

    consumer_batch_messages_max: int = Field(
        default=500, ge=1, description="Messages applied in one database transaction."
    )
    consumer_poll_seconds: float = Field(default=0.2, gt=0, description="How long to wait for a first message.")
    consumer_session_timeout_seconds: float = Field(
        default=6.0, ge=1, description="After this a dead consumer's partitions go to another (broker minimum 6 s)."
    )
    consumer_heartbeat_seconds: float = Field(
        default=2.0, gt=0, description="Heartbeat of the group; a lost claim is repeated after one."
    )
    consumer_instance: str | None = Field(
        default=None,
        max_length=249,
        description="This consumer's name in its group, the same after a restart and no other's (group.instance.id): one "
        "that was killed has its partitions back as soon as it is, and the others keep theirs.",
    )
    consumer_backoff_max_seconds: float = Field(
        default=5.0, gt=0, description="Longest pause between attempts while a dependency is down."
    )

    writer_batch_requests_max: int = Field(
        default=500, ge=1, description="HTTP requests committed in one database transaction."
    )
    writer_queue_requests_max: int = Field(
        default=5_000, ge=1, description="Requests waiting for the writer; one more gets 503."
    )
