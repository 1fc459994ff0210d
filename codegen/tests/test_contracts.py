"""contracts.toml: what it says, what it may not say, and doing without it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from codegen.contracts import Contracts, Documentation, Service
from codegen.errors import ContractsFileError
from codegen.tests.building import write_schemas

HEADER: dict[str, Any] = {"type": "record", "name": "Header", "namespace": "n", "fields": []}
EVENT: dict[str, Any] = {
    "type": "record",
    "name": "Event",
    "namespace": "n",
    "fields": [
        {"name": "header", "type": "Header"},
        {"name": "id", "type": "string"},
        {"name": "sku", "type": "string"},
    ],
}
OTHER = {**EVENT, "name": "Other"}
TOPIC = '[topics.t]\nwriter = "w"\nkey = "id"\nevents = ["n.Event", { name = "n.Other", key = "sku" }]\n'


def load(folder: Path, text: str) -> Contracts:
    write_schemas(folder, HEADER, EVENT, OTHER)
    (folder / "contracts.toml").write_text(text)
    return Contracts.load(folder)


def test_topics_take_what_they_do_not_say_from_the_defaults(tmp_path: Path) -> None:
    defaults = "[topic_defaults]\npartitions = 6\n[dead_letter_defaults]\npartitions = 6\nretention_days = 30\n"
    dead_letters = '[topics."t.dlq"]\nwriter = "w"\ndead_letter = true\nmax_message_bytes = 5\n'

    contracts = load(tmp_path, f"{defaults}{TOPIC}{dead_letters}")

    topic, dead = contracts.topics["t"], contracts.topics["t.dlq"]
    assert (topic.partitions, topic.retention, topic.max_message_bytes) == (6, timedelta(days=7), 1_048_576)
    assert (dead.partitions, dead.retention, dead.max_message_bytes) == (6, timedelta(days=30), 5)
    assert (topic.dead_letter, dead.dead_letter) == (False, True)
    assert topic.events == ("n.Event", "n.Other")
    assert topic.keys == {"n.Event": "id", "n.Other": "sku"}
    assert contracts.topic_of("n.Other") is topic
    assert contracts.subject_of("n.Other") == "t-n.Other"


def test_subjects_come_after_what_they_refer_to(tmp_path: Path) -> None:
    subjects = load(tmp_path, TOPIC).subjects()

    assert [subject.name for subject in subjects] == ["n.Header", "t-n.Event", "t-n.Other"]
    assert [(each.name, each.subject) for each in subjects[1].references] == [("n.Header", "n.Header")]


def test_an_event_that_others_refer_to_has_both_subjects(tmp_path: Path) -> None:
    write_schemas(tmp_path, {**EVENT, "name": "User", "fields": [{"name": "event", "type": "Event"}]})

    names = [subject.name for subject in load(tmp_path, TOPIC).subjects()]

    assert names == ["n.Header", "n.Event", "t-n.Event", "t-n.Other", "n.User"]


def test_a_folder_without_the_file_has_subjects_by_full_name(tmp_path: Path) -> None:
    contracts = Contracts.load(write_schemas(tmp_path, HEADER, EVENT))

    assert contracts.topics == {}
    assert contracts.compatibility == "FULL_TRANSITIVE"
    assert [subject.name for subject in contracts.subjects()] == ["n.Header", "n.Event"]


def test_services_are_described_or_known_from_what_they_write(tmp_path: Path) -> None:
    text = f'{TOPIC}[services.reader]\ndescription = "Reads."\ncode = "../src"\nconsumes = ["n.Event"]\n'

    contracts = load(tmp_path / "schemas", text)

    assert contracts.services == {
        "w": Service("w"),
        "reader": Service("reader", ("n.Event",), tmp_path / "src", "Reads."),
    }
    assert [service.name for service in contracts.consumers_of("n.Event")] == ["reader"]
    assert contracts.consumers_of("n.Other") == []


def test_generate_says_where_the_classes_go(tmp_path: Path) -> None:
    contracts = load(tmp_path / "schemas", '[generate]\nout = "../src"\npackage = "p.q"\n')

    assert contracts.out == tmp_path / "src"
    assert contracts.package == "p.q"


def test_docs_says_where_the_pages_go_and_what_stands_in_their_examples(tmp_path: Path) -> None:
    text = '[docs]\nout = "../docs"\ntitle = "Events of n"\n[docs.examples]\ncurrency = "EUR"\n'

    assert load(tmp_path / "schemas", text).documentation == Documentation(
        tmp_path / "docs", "Events of n", {"currency": "EUR"}
    )
    assert load(tmp_path / "schemas", TOPIC).documentation == Documentation(None, "Events", {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "contracts.toml: "),
        ("[other]\n", "unknown key other"),
        ("[registry]\nlevel = 'FULL'\n", r"unknown key registry\.level"),
        ("[registry]\ncompatibility = 'SOME'\n", "registry.compatibility is one of BACKWARD"),
        ("[registry]\nsubject_strategy = 'TopicName'\n", "subject_strategy can only be 'TopicRecordName'"),
        (TOPIC + "extra = 1\n", r"unknown key topics\.'t'\.extra"),
        ('[topics."../t"]\nwriter = "w"\n', r"topics\.'\.\./t': Kafka's topics have 1 to 249 letters"),
        ('[topics.".."]\nwriter = "w"\n', r"topics\.'\.\.': Kafka's topics have 1 to 249 letters"),
        ('[topics.t]\nkey = "id"\n', "the service that writes the topic, is missing"),
        (TOPIC + "partitions = 0\n", "partitions is a whole number of 1 or more"),
        (TOPIC + "retention_days = '7'\n", "retention_days is a whole number"),
        (TOPIC.replace("n.Other", "n.Gone"), "carries 'n.Gone', which no file defines"),
        (TOPIC.replace('"sku"', '"nope"'), "keyed by 'nope', which is no field of n.Other"),
        (TOPIC + TOPIC.replace("topics.t", "topics.u"), "both t and u carry n.Event"),
        ("[services]\nw = 1\n", "services.w is a table"),
        ("[services.w]\nreads = []\n", r"unknown key services\.w\.reads"),
        ("[services.w]\nconsumes = 'n.Event'\n", r"services\.w\.consumes is a list of the full names of events"),
        ("[services.w]\nconsumes = ['n.Event']\n", r"services\.w consumes 'n.Event', which no topic carries"),
        ("[docs]\nfolder = 'x'\n", r"unknown key docs\.folder"),
        ("[docs]\ntitle = 1\n", r"docs\.out and docs\.title are text"),
        ("[docs.examples]\nid = []\n", r"docs\.examples has a text, number or boolean for each name of a field"),
        ("[services.w]\ncode = 1\n", r"services\.w\.code and services\.w\.description are text"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ContractsFileError, match=message):
        load(tmp_path, text)


def test_an_event_without_topic_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContractsFileError, match=r"no topic of contracts\.toml carries n\.Header"):
        load(tmp_path, TOPIC).topic_of("n.Header")
