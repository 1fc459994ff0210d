"""Which ports are chosen."""

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

from stack import ports
from stack.ports import Listeners
from stack.services import PROJECT


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


def test_a_port_that_another_supervisor_has_chosen_is_not_to_be_had_until_it_ends(tmp_path: Path) -> None:
    [port] = ports.choose({"kafka": None}, {}).values()
    wanted: dict[str, int | None] = {"kafka": port}
    with contextlib.closing(Listeners(tmp_path)) as first, contextlib.closing(Listeners(tmp_path)) as second:
        assert ports.choose(wanted, {}, first.reserve) == wanted
        other = ports.choose(wanted, {}, second.reserve)

        first.close()

        assert other != wanted
        assert ports.choose(wanted, {}, second.reserve) == wanted


def test_a_killed_supervisor_reserves_nothing(tmp_path: Path) -> None:
    [port] = ports.choose({"kafka": None}, {}).values()
    program = "import sys, time, pathlib; from stack.ports import Listeners; it = Listeners(pathlib.Path(sys.argv[1]))"
    program += "; print(it.reserve(int(sys.argv[2])), flush=True); time.sleep(600)"
    with contextlib.closing(Listeners(tmp_path)) as listeners:
        with subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), str(port)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "True\n"
            held = not listeners.reserve(port)
            process.kill()

        assert held
        assert listeners.reserve(port)


def test_a_port_is_free_only_while_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)

    assert ports.is_free(port)
