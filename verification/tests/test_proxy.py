"""The proxy's pure parts, and that a client's traffic goes through it."""

import struct

import pytest
from confluent_kafka.admin import AdminClient

from verification.proxy import (
    Api,
    Fault,
    Proxy,
    Request,
    Stage,
    commits,
    error_of_end_transaction,
    with_port,
)


def end_transaction(version: int, *, committed: bool) -> Request:
    """The fields by the protocol's definition: transactional id, producer id, epoch, committed."""
    flexible = version >= 3
    text = bytes([4]) + b"abc" if flexible else struct.pack(">h", 3) + b"abc"
    header = struct.pack(">hhi", Api.END_TXN, version, 7) + struct.pack(">h", 2) + b"me" + (b"\0" if flexible else b"")
    tags = b"\0" if flexible else b""
    return Request.of(header + text + struct.pack(">qh?", 9, 1, committed) + tags)


@pytest.mark.parametrize("version", range(6))
@pytest.mark.parametrize("committed", [True, False])
def test_a_commit_and_an_abort_are_told_apart_in_every_version(version: int, committed: bool) -> None:
    assert commits(end_transaction(version, committed=committed)) is committed


@pytest.mark.parametrize("version", range(6))
def test_the_error_of_an_end_of_transaction_is_found_in_every_version(version: int) -> None:
    answer = struct.pack(">i", 7) + (b"\0" if version >= 3 else b"") + struct.pack(">ih", 1_000, 47)

    assert error_of_end_transaction(end_transaction(version, committed=True), answer) == 47


def test_a_request_has_a_header() -> None:
    request = Request.of(struct.pack(">hhi", 3, 12, 41) + b"rest")

    assert (request.api_key, request.api_version, request.correlation_id) == (3, 12, 41)
    with pytest.raises(ValueError, match="has no header"):
        Request.of(b"short")


@pytest.mark.parametrize("length", [struct.pack(">h", 9), b"\x0a"])
def test_only_the_port_after_the_host_is_replaced(length: bytes) -> None:
    def answer(port: int) -> bytes:
        return b"\0\0\x23\x84" + length + b"127.0.0.1" + struct.pack(">i", port) + b"\0\0\x23\x84 127.0.0.1\0\0\x23\x84"

    assert with_port(answer(9092), 9092, 50_000) == answer(50_000)
    assert with_port(answer(9093), 9092, 50_000) == answer(9093)


def test_a_broker_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be on 127\.0\.0\.1"):
        Proxy("broker.example:9092")


def test_every_broker_that_a_client_learns_of_is_the_proxy(kafka: str) -> None:
    with Proxy(kafka) as proxy:
        seen = proxy.inject(Fault(Api.METADATA, Stage.ANSWER, seconds=0, times=None))
        admin = AdminClient({"bootstrap.servers": proxy.bootstrap_servers, "log_level": 0})
        metadata = admin.list_topics(timeout=10)
        cluster = admin.describe_cluster(request_timeout=10).result()

        assert seen.caught
        assert [f"{node.host}:{node.port}" for node in cluster.nodes] == [proxy.bootstrap_servers]
        assert [f"{node.host}:{node.port}" for node in metadata.brokers.values()] == [proxy.bootstrap_servers]


def test_an_answer_kept_back_comes_when_it_is_released(kafka: str) -> None:
    with Proxy(kafka) as proxy:
        admin = AdminClient({"bootstrap.servers": proxy.bootstrap_servers, "log_level": 0})
        admin.list_topics(timeout=10)
        held = proxy.inject(Fault(Api.METADATA, Stage.ANSWER))
        asked = admin.describe_cluster(request_timeout=10)
        held.wait(10).answer(10)
        unanswered = not asked.done()
        held.caught[0].release()

        assert asked.result(10).nodes
        assert unanswered
