"""Chaos without a system: which faults are drawn, what they do to real processes, what counts as found."""

import asyncio
import json
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import psutil
import psycopg
import pytest
from typer.testing import CliRunner

from stack import children
from stack.cli import app
from stack.state import StateFolder
from stack.tests.waiting import until
from verification import cli, log_reader, own_system
from verification.addresses import Addresses
from verification.chaos import cli as chaos_cli
from verification.chaos import nemesis, run
from verification.chaos.faults import KINDS, PROFILES, Blow, Fault, Profile, draw
from verification.chaos.nemesis import Done
from verification.chaos.recovery import Stall, longest_stall, recovery_seconds
from verification.chaos.run import Result
from verification.client import GaveUp
from verification.completions import Sent
from verification.load import Outcome
from verification.log_reader import ReaderError, Survey
from verification.oracle import Violation
from verification.reconcile.checks import Finding
from verification.reconcile.run import Report
from verification.synthetic import plan

PARTS = ("kafka", "registry", "postgres")
RUNNING = (*PARTS, *(f"{kind}{suffix}" for kind in KINDS for suffix in ("-1", "-2")))
CI, LONG = PROFILES["ci"], PROFILES["long"]


# Faults


@pytest.mark.parametrize("profile", PROFILES.values())
def test_one_seed_draws_the_same_faults_again_and_another_seed_others(profile: Profile) -> None:
    assert draw(7, profile, RUNNING) == draw(7, profile, reversed(RUNNING))
    assert draw(7, profile, RUNNING) != draw(8, profile, RUNNING)


@pytest.mark.parametrize("profile", PROFILES.values())
@pytest.mark.parametrize("seed", range(20))
def test_parts_are_killed_once_and_every_kind_of_process_before_any_twice(profile: Profile, seed: int) -> None:
    faults = draw(seed, profile, RUNNING)

    killed = Counter(fault.process for fault in faults if fault.blow is Blow.KILL)
    kinds = Counter(name.rpartition("-")[0] for name in killed.elements() if name not in PARTS)
    assert killed.total() == profile.kills
    assert {name: count for name, count in killed.items() if name in PARTS} == dict.fromkeys(profile.parts, 1)
    assert kinds.keys() == set(KINDS)
    assert max(kinds.values()) - min(kinds.values()) <= 1


@pytest.mark.parametrize("seed", range(20))
def test_faults_come_while_orders_are_sent_and_only_services_are_frozen(seed: int) -> None:
    faults = draw(seed, LONG, RUNNING)

    assert faults == sorted(faults, key=lambda fault: fault.at_seconds)
    assert all(0 < fault.at_seconds <= LONG.orders / LONG.rate for fault in faults)
    frozen = [fault for fault in faults if fault.blow is Blow.FREEZE]
    assert len(frozen) == LONG.freezes
    assert all(3 <= fault.seconds <= 20 and fault.process not in PARTS for fault in frozen)


def test_what_does_not_run_is_not_drawn() -> None:
    assert {fault.process for fault in draw(1, LONG, ["orders-api", "postgres"])} == {"orders-api", "postgres"}
    assert draw(1, LONG, []) == []
    assert draw(1, replace(CI, kills=1), RUNNING)[0].process == "kafka"


# Recovery


def orders(*times: tuple[float, float | None]) -> list[Sent]:
    return [Sent(due=due, final=final) for due, final in times]


@pytest.mark.parametrize(
    ("sent", "stall"),
    [
        (orders(), Stall(0, 0)),
        (orders((0, None)), Stall(0, 0)),
        (orders((0, 1), (5, 5.5)), Stall(0, 1)),  # from 1 to 5 nobody waited for anything
        (orders((0, 1), (0.5, 8), (5, 8.5)), Stall(1, 7)),
        (orders((0, 1), (2, 9), (3, 9)), Stall(2, 7)),
        (orders((3, 9), (0, 20), (1, 10)), Stall(10, 10)),  # out of order
    ],
)
def test_a_stall_is_a_time_without_a_final_order_while_some_are_under_way(sent: list[Sent], stall: Stall) -> None:
    assert longest_stall(sent) == stall


def test_recovery_ends_with_the_last_order_that_was_under_way() -> None:
    sent = orders((0, 1), (2, 9), (3, 7), (6, 30), (4, None))

    assert recovery_seconds(sent, 5.0) == 4.0
    assert recovery_seconds(sent, 1.5) is None


# What the faults do


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    state = StateFolder(tmp_path)
    state.create()
    return state


@pytest.fixture
def victim(state: StateFolder) -> Iterator[psutil.Popen]:
    """A process with a child, written down as a supervisor does."""
    program = "import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\ntime.sleep(600)"
    with psutil.Popen([sys.executable, "-c", program]) as process:
        until(lambda: len(process.children()) == 1)
        [child] = process.children()
        state.remember_process("orders-api", children.identity(process.pid))
        state.write_status({"processes": [{"name": "orders-api", "pid": process.pid, "state": "ready"}]})
        yield process
        for each in (process, child):
            if each.is_running():
                each.kill()


def carried_out(state: StateFolder, *faults: Fault) -> list[Done]:
    return asyncio.run(nemesis.carry_out(state, faults, lambda _: None))


def is_stopped(process: psutil.Process) -> bool:
    return process.status() == psutil.STATUS_STOPPED


def test_a_kill_takes_the_children_too(
    state: StateFolder, victim: psutil.Popen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nemesis, "BACK_SECONDS_MAX", 0.1)
    [child] = victim.children()

    [done] = carried_out(state, Fault(0.0, Blow.KILL, "orders-api"))

    assert victim.wait(10) == -signal.SIGKILL
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert (done.pid, done.ready_at) == (victim.pid, None)  # nobody brought it back


def test_a_stranger_who_has_the_pid_now_is_not_hit(
    state: StateFolder, victim: psutil.Popen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nemesis, "RUNNING_SECONDS_MAX", 0.1)
    known = state.processes()["orders-api"]
    state.remember_process("orders-api", replace(known, started=known.started - 60))

    [done] = carried_out(state, Fault(0.0, Blow.KILL, "orders-api"))

    assert done.pid is None
    assert victim.is_running()


def test_a_process_that_is_just_not_there_is_waited_for(state: StateFolder, victim: psutil.Popen) -> None:
    known = state.processes()["orders-api"]
    state.remember_process("orders-api", None)

    async def late() -> list[Done]:
        carrying = asyncio.create_task(
            nemesis.carry_out(state, [Fault(0.0, Blow.FREEZE, "orders-api", 0.0)], lambda _: None)
        )
        await asyncio.sleep(0)
        state.remember_process("orders-api", known)
        return await carrying

    [done] = asyncio.run(late())

    assert done.pid == victim.pid


def test_a_frozen_process_is_thawed_also_when_the_run_is_broken_off(state: StateFolder, victim: psutil.Popen) -> None:
    frozen: list[bool] = []

    async def broken_off() -> None:
        stopped = asyncio.Event()
        faults = [Fault(0.0, Blow.FREEZE, "orders-api", 600.0)]
        carrying = asyncio.create_task(nemesis.carry_out(state, faults, lambda _: stopped.set()))
        await stopped.wait()
        until(lambda: is_stopped(victim))
        frozen.append(True)
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)

    asyncio.run(broken_off())

    assert frozen
    until(lambda: not is_stopped(victim))


# What counts


def clean() -> Result:
    made = plan("run", seed=1, orders=1)
    done = Done(Fault(1.0, Blow.KILL, "kafka"), pid=1, at=11.0, ready_at=12.5)
    outcome = Outcome(made, orders((10.0, 11.5)), [], [], 0)
    return Result(outcome, 1.0, 10.0, [done], [], Report(still=True), {("shop.orders", 0): Survey(own=2)})


def test_a_run_without_findings_is_clean() -> None:
    document = clean().document()

    assert document["clean"]
    assert document["faults"][0]["ready_again_seconds"] == 1.5
    assert document["faults"][0]["orders_final_seconds"] == 0.5
    assert document["longest_stall"] == {"at_seconds": 0.0, "seconds": 1.5}


def test_everything_that_is_not_as_it_must_be_is_a_finding() -> None:
    result = clean()
    result.faults[0].ready_at = None
    result.not_ready = ["orders-api: restarting"]
    result.outcome.violations.append(Violation("stock", "run-tea", "3 on hand"))
    result.reconciled = Report(
        still=False, findings=[Finding("dense", "shop.orders[0]", "7 after 5")], findings_total=1
    )
    result.partitions["shop.orders", 0].findings.append("offset 9: number 7 after 5")

    assert len(result.findings) == 6
    assert not result.document()["clean"]


def test_a_checker_that_fails_is_a_finding_and_the_next_one_looks_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    result, partitions = clean(), {("shop.orders", 1): Survey(own=3)}
    result.reconciled = None
    monkeypatch.setattr(run, "reconcile", failing(ReaderError("no end of shop.orders[0]")))
    monkeypatch.setattr(log_reader, "survey_topics", lambda *_: partitions)

    run.check(result, ADDRESSES, lambda _: None)

    assert result.findings == ["reconcile could not be checked: ReaderError: no end of shop.orders[0]"]
    assert result.partitions == partitions
    assert result.document()["reconcile"] is None
    assert not result.document()["clean"]


# What is left of a system of its own


ADDRESSES = Addresses(*[""] * 8)


def failing(error: BaseException) -> Callable[..., NoReturn]:
    def fail(*_: object) -> NoReturn:
        raise error

    return fail


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a system is made that only seems to run, loaded without any finding."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(own_system, "start", lambda state, _: state.create())
    monkeypatch.setattr(cli, "find", lambda _: ADDRESSES)
    monkeypatch.setattr(run, "run", lambda *_: clean())
    monkeypatch.setattr(run, "reconcile", lambda *_: Report(still=True))
    monkeypatch.setattr(log_reader, "survey_topics", lambda *_: {})
    return folder


def chaos(folder: Path) -> tuple[int, dict[str, Any] | None, list[Path]]:
    """Exit code of the command, its JSON document, and the state folders it leaves."""
    file, nowhere = folder.with_name("chaos.json"), folder.with_name("nowhere")
    options = ["--orders", "1", "--kills", "0", "--freezes", "0", "--json", str(file), "--state-dir", str(nowhere)]
    ended = CliRunner().invoke(app, ["chaos", *options])
    document = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    return ended.exit_code, document, list(folder.glob(f"{chaos_cli.FOLDER_PREFIX}*/state"))


def test_nothing_is_left_of_a_clean_run(temporary: Path) -> None:
    code, document, left = chaos(temporary)

    assert (code, left) == (0, [])
    assert document is not None
    assert document["clean"]


@pytest.mark.parametrize(
    ("part", "error"),
    [
        ("reconcile", ReaderError("the registry does not answer")),
        ("reconcile", psycopg.OperationalError("the connection is lost")),
        ("run", GaveUp("orders does not answer")),
    ],
)
def test_what_could_not_be_checked_is_found_and_written_and_its_evidence_is_kept(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, part: str, error: Exception
) -> None:
    monkeypatch.setattr(run, part, failing(error))

    code, document, left = chaos(temporary)

    assert (code, len(left)) == (100, 1)
    assert document is not None
    assert str(error) in document["findings"][0]
    assert not document["clean"]


@pytest.mark.parametrize(("error", "kept"), [(RuntimeError("a defect of the checker"), 1), (KeyboardInterrupt(), 0)])
def test_a_defect_leaves_the_evidence_and_ctrl_c_does_not(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, kept: int
) -> None:
    monkeypatch.setattr(run, "reconcile", failing(error))

    code, document, left = chaos(temporary)

    assert code not in (0, 100)
    assert (document, len(left)) == (None, kept)


def test_an_unknown_profile_is_refused() -> None:
    refused = CliRunner().invoke(app, ["chaos", "--profile", "mild"])

    assert refused.exit_code == 2
    assert "ci, long" in refused.output
