"""Kafka from its jars: one node that is broker and controller (KRaft), for development and tests.

Replication is 1, so a power cut can lose acknowledged records; that of a killed process cannot, the system keeps its pages.
"""

import base64
import uuid
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from stack import commands
from stack.artifacts import Artifact, of_part
from stack.backend import Launch, Process, Step, Unit
from stack.errors import NotReady
from stack.java import JAVA, JVM_OPTIONS, classpath
from stack.ports import HOST
from stack.state import StateFolder

HEAP_MB = 512
FORMAT_HEAP_MB = 128
CHECK_SECONDS = 2.0
LOGGING = Path(__file__).with_name("kafka-log4j2.yaml")
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,CLIENT:PLAINTEXT",
    "inter.broker.listener.name": "CLIENT",
    # One node: everything once. Few partitions of the internal topics make the first group and transaction quick.
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # A consumer alone need not wait for others to join.
    "group.initial.rebalance.delay.ms": "0",
    # A transaction past its time-out holds readers up until the broker looks: every 10 s by default.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # A killed broker may come back only when its old session has expired: 9 s by default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # Topics come from the contracts; a typing error must not make one.
    "auto.create.topics.enable": "false",
    "num.network.threads": "2",
    "num.io.threads": "4",
    # The cleaner's buffer is 128 MB by default, a quarter of the heap.
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
}


class Kafka:
    """The broker of one state folder."""

    def __init__(
        self, state: StateFolder, artifacts: Sequence[Artifact], cache: Path, port: int, controller_port: int
    ) -> None:
        self._state = state
        self._jars = tuple(cache / artifact.path for artifact in of_part(artifacts, "kafka"))
        self._port = port
        self._controller_port = controller_port

    @property
    def bootstrap_servers(self) -> str:
        """Address for clients."""
        return f"{HOST}:{self._port}"

    def units(self) -> Sequence[Unit]:
        """Describe the broker: its storage is formatted once, then it runs."""
        return (
            Step("kafka-data", (), self.format),
            Process("kafka", ("kafka-data",), self.launch, self.check, stop_seconds=30.0),
        )

    def format(self) -> None:
        """Format the storage, once, by Kafka's own tool: it finalises transaction.version=2 and the other features."""
        if (self._data / "meta.properties").exists():
            return
        properties = self._write_properties()
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        # "--cluster-id=": one id in 64 begins with "-" and would be taken for an option
        arguments = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "--config", str(properties))
        commands.run(self._state, "kafka-data", Launch((*self._java(FORMAT_HEAP_MB), *arguments)))

    def launch(self) -> Launch:
        """Start the broker."""
        return Launch((*self._java(HEAP_MB), "kafka.Kafka", str(self._write_properties())), folder=self._state.path)

    def check(self, _pid: int) -> None:
        """Ask the broker for its cluster: an open port alone proves nothing."""
        try:
            cluster = self._admin.describe_cluster(request_timeout=CHECK_SECONDS).result()
        except KafkaException as error:
            raise NotReady(error.args[0].str()) from error
        if not cluster.nodes:
            raise NotReady("the broker has not joined its cluster yet")

    @cached_property
    def _admin(self) -> AdminClient:
        # Quiet, and quick to try again: while the broker starts, refused connections are no news.
        return AdminClient(
            {"bootstrap.servers": self.bootstrap_servers, "log_level": 0, "reconnect.backoff.max.ms": 250}
        )

    @property
    def _data(self) -> Path:
        return self._state.path / "kafka"

    def _java(self, heap_mb: int) -> tuple[str, ...]:
        options = (
            f"-Xmx{heap_mb}m",
            f"-Dlog4j2.configurationFile={LOGGING}",
            f"-XX:ErrorFile={self._state.logs}/kafka-crash-%p.log",
        )
        return (str(JAVA), *JVM_OPTIONS, *options, "-cp", classpath(self._jars))

    def _write_properties(self) -> Path:
        here = {
            "listeners": f"CLIENT://{HOST}:{self._port},CONTROLLER://{HOST}:{self._controller_port}",
            "advertised.listeners": f"CLIENT://{HOST}:{self._port}",
            "controller.quorum.voters": f"1@{HOST}:{self._controller_port}",
            "log.dirs": str(self._data),
        }
        file = self._state.path / "kafka.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in (SETTINGS | here).items()), encoding="utf-8")
        return file
