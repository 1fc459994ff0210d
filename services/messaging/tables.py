"""The tables of the messaging kit, and their creation in a service's first migration.

One insert-only outbox table per topic, partitioned by ranges of sequence so that old rows leave by dropping a range. A
default range is the net under ranges that are made ahead too late.
"""

from collections.abc import Sequence

from psycopg import sql

_SHARED = """
CREATE TABLE outbox_head (
    topic text NOT NULL,
    partition integer NOT NULL,
    last_sequence bigint NOT NULL DEFAULT 0 CHECK (last_sequence >= 0),
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE outbox_head IS 'the last number given out per topic partition; its row lock orders the writers';

CREATE TABLE outbox_note (
    topic text NOT NULL,
    partition integer NOT NULL,
    first_sequence bigint NOT NULL,
    last_sequence bigint NOT NULL,
    first_offset bigint NOT NULL,
    last_event_id uuid NOT NULL,
    cluster_id text NOT NULL,
    topic_id text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, first_sequence),
    CHECK (last_sequence >= first_sequence AND first_sequence > 0 AND first_offset >= 0)
);
COMMENT ON TABLE outbox_note IS 'where in the log a run of numbers stands: one row per run of contiguous offsets';

CREATE TABLE relay_lease (
    relay_group text PRIMARY KEY,
    holder text NOT NULL,
    publishing boolean NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE relay_lease IS 'which relay of a group publishes; a courtesy, safety rests on the epoch in Kafka';

CREATE TABLE inbox (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0 CHECK (next_offset >= 0),
    last_sequence bigint NOT NULL DEFAULT 0 CHECK (last_sequence >= 0),
    epoch bigint NOT NULL DEFAULT 0,
    waiting_for bigint,
    cluster_id text NOT NULL,
    topic_id text NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE inbox IS 'how far this service has read and applied each topic partition';
COMMENT ON COLUMN inbox.waiting_for IS 'the missing number while there is a gap: nothing beyond it is applied';

CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,
    service text NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'redriven', 'discarded')),
    reason text NOT NULL,
    error text NOT NULL,
    attempts integer NOT NULL CHECK (attempts >= 0),
    topic text NOT NULL,
    topic_id text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    sequence bigint,
    event_id uuid,
    key bytea,
    value bytea,
    headers text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (topic_id, partition, "offset")
);
COMMENT ON TABLE dead_letters IS 'messages this service could not apply, with their bytes';
CREATE INDEX dead_letters_open ON dead_letters (created_at) WHERE state = 'open';
"""

REPUBLICATION = """
CREATE TABLE republication (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    first_sequence bigint NOT NULL CHECK (first_sequence > 0),
    next_sequence bigint NOT NULL CHECK (next_sequence >= first_sequence),
    requested_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
COMMENT ON TABLE republication IS 'events that were, or are to be, sent again: from the first number up to the position';
CREATE UNIQUE INDEX republication_open ON republication (topic, partition) WHERE finished_at IS NULL;
"""

_OUTBOX = """
CREATE TABLE {table} (
    partition integer NOT NULL,
    sequence bigint NOT NULL,
    event_id uuid NOT NULL,
    key bytea,
    value bytea,
    headers text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partition, sequence)
) PARTITION BY RANGE (sequence);
CREATE TABLE {net} PARTITION OF {table} DEFAULT;
"""

DEAD_LETTER_FILTERS = """
ALTER TABLE dead_letters ADD COLUMN order_id uuid GENERATED ALWAYS AS (
    CASE WHEN encode(key, 'escape') ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$'
    THEN encode(key, 'escape')::uuid END
) STORED;
COMMENT ON COLUMN dead_letters.order_id IS 'the key where it is a UUID: events of an order are keyed by its id';
DROP INDEX dead_letters_open;
CREATE INDEX dead_letters_newest ON dead_letters (created_at, id);
CREATE INDEX dead_letters_by_state ON dead_letters (state, created_at, id);
CREATE INDEX dead_letters_by_reason ON dead_letters (reason, created_at, id);
CREATE INDEX dead_letters_by_order ON dead_letters (order_id, created_at, id) WHERE order_id IS NOT NULL;
"""
"""What the pages of dead letters need; part of a later migration of each service."""


def outbox_table(topic: str) -> str:
    """The outbox table's name of a topic: ``shop.orders`` is kept in ``outbox_shop_orders``."""
    return "outbox_" + "".join(letter if letter.isalnum() else "_" for letter in topic)


def statements(topics: Sequence[str]) -> list[str]:
    """The statements that create the kit's tables for a service that writes these topics."""
    created = [_SHARED]
    for topic in topics:
        table = outbox_table(topic)
        names = {"table": sql.Identifier(table), "net": sql.Identifier(f"{table}_net")}
        created.append(sql.SQL(_OUTBOX).format(**names).as_string(None))
    return created
