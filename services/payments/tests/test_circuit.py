"""The circuit, second by second."""

from services.payments.circuit import Circuit


def test_what_is_answered_passes() -> None:
    circuit = Circuit(pause_seconds=1, pause_max_seconds=4)

    assert circuit.closed
    assert circuit.passes(now=0, most=10, outstanding=3) == 7
    assert circuit.passes(now=0, most=10, outstanding=12) == 0


def test_nothing_passes_in_the_pause_and_one_after_it() -> None:
    circuit = Circuit(pause_seconds=1, pause_max_seconds=4)
    circuit.unreachable(now=10)

    assert not circuit.closed
    assert circuit.passes(now=10.9, most=10, outstanding=0) == 0
    assert circuit.paused_seconds(now=10.25) == 0.75
    assert circuit.passes(now=11, most=10, outstanding=0) == 1
    assert circuit.passes(now=11, most=10, outstanding=1) == 0


def test_pauses_grow_with_failures_in_a_row_only() -> None:
    circuit = Circuit(pause_seconds=1, pause_max_seconds=4)
    pauses, now = [], 0.0
    for _ in range(4):
        circuit.unreachable(now)
        circuit.unreachable(now + 0.1)  # was on its way when the pause began
        pauses.append(circuit.paused_seconds(now))
        now += pauses[-1]

    assert pauses == [1, 2, 4, 4]


def test_an_answer_closes_it() -> None:
    circuit = Circuit(pause_seconds=1, pause_max_seconds=4)
    circuit.unreachable(now=0)
    circuit.answered()

    assert circuit.closed
    assert circuit.passes(now=0.5, most=10, outstanding=0) == 10
