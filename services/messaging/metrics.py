"""What the messaging kit counts. Names follow Prometheus' conventions: base units, ``_total`` for counters."""

from prometheus_client import Counter, Gauge, Histogram

_BATCH = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

RELAY_PUBLISHED = Counter("relay_published_records_total", "Records published and committed in Kafka", ["topic"])
RELAY_TRANSACTION_SECONDS = Histogram(
    "relay_transaction_seconds", "One Kafka transaction, begin to commit", buckets=_SECONDS
)
RELAY_STARTS = Counter("relay_starts_total", "Producers begun: a new one after every doubt")
RELAY_LEADING = Gauge("relay_leading", "1 while this process holds its group's lease")
RELAY_BACKLOG = Gauge("relay_backlog_records", "Committed in the outbox and not yet published", ["topic"])
RELAY_STUCK = Gauge(
    "relay_stuck_partitions", "Partitions stopped by a record that Kafka refuses for good: look at once"
)
RELAY_REFUSING = Gauge("relay_refusing", "1 while database and log contradict each other: look at once")

CONSUMED = Counter("consumer_messages_total", "Messages by what became of them", ["topic", "outcome"])
CONSUMER_BATCH = Histogram("consumer_batch_messages", "Messages applied in one database transaction", buckets=_BATCH)
CONSUMER_BATCH_SECONDS = Histogram("consumer_batch_seconds", "Applying one batch, commit included", buckets=_SECONDS)
CONSUMER_LAG = Gauge(
    "consumer_lag_records", "Offsets between the end seen last and the inbox position", ["topic", "partition"]
)
CONSUMER_GAPS = Gauge("consumer_gap_partitions", "Partitions waiting for a missing number: look at once")
CONSUMER_ROLLBACKS = Counter("consumer_rollbacks_total", "Batches that were rolled back and read again", ["cause"])

WRITER_BATCH = Histogram("writer_batch_requests", "Requests committed in one database transaction", buckets=_BATCH)
WRITER_BATCH_SECONDS = Histogram("writer_batch_seconds", "One writer transaction, commit included", buckets=_SECONDS)
WRITER_QUEUE = Gauge("writer_queue_requests", "Requests waiting for the writer")
