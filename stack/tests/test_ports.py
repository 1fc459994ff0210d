"""Which ports are chosen."""

import socket

from stack import ports


def choose(wanted: dict[str, int | None], remembered: dict[str, int], taken: set[int]) -> dict[str, int]:
    drawn = iter(range(20_000, 30_000))
    return ports.choose(wanted, remembered, lambda port: port not in taken, lambda _: next(drawn))


def test_the_usual_port_is_used_if_it_is_free() -> None:
    assert choose({"kafka": 9092}, {}, taken=set()) == {"kafka": 9092}


def test_another_port_is_used_and_said_if_the_usual_one_is_taken() -> None:
    chosen = choose({"kafka": 9092}, {}, taken={9092})

    assert chosen == {"kafka": 20_000}
    assert ports.moved({"kafka": 9092}, chosen) == ["kafka: port 9092 is taken, using 20000"]


def test_the_remembered_port_comes_before_the_usual_one() -> None:
    assert choose({"kafka": 9092}, {"kafka": 23_456}, taken=set()) == {"kafka": 23_456}


def test_no_port_is_given_twice() -> None:
    chosen = choose({"kafka": 9092, "registry": None, "orders-api": 9092}, {"registry": 20_000}, taken={20_001})

    assert chosen == {"kafka": 9092, "registry": 20_000, "orders-api": 20_002}


def test_free_ports_are_not_those_of_outgoing_connections() -> None:
    assert ports.FREE_RANGE.stop <= 32_768  # where Linux begins; others begin later


def test_a_port_is_free_only_while_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)

    assert ports.is_free(port)
