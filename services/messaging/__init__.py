"""Exactly-once messaging between services: outbox, relay, inbox.

Each hop's position lives in the store it writes to and commits with what it writes. A service appends its events to an
outbox in the transaction that changes its state; a relay publishes them in order under dense sequence numbers; a consumer
moves its inbox position in the transaction that applies a batch. The package knows Kafka, PostgreSQL and Avro framing; it
knows nothing about orders. The whole argument is in ARCHITECTURE.md.
"""
