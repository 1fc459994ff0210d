"""The rules about a registry as data: what is in it is what the folder says. `contracts drift` looks for them."""

from typing import Final

from codegen.checks.findings import Category, Rule, Severity

DRIFT_RULES: Final = (
    Rule(
        "SUBJECT_NOT_REGISTERED",
        Category.DRIFT,
        Severity.ERROR,
        purpose="Every subject of the folder is in the registry.",
        why="A service looks up the ids of its schemas when it starts, and does not start where one is missing.",
        fix="Run `contracts push --apply`.",
    ),
    Rule(
        "LATEST_DIFFERS",
        Category.DRIFT,
        Severity.ERROR,
        purpose="The latest version of a subject in the registry is the folder's schema.",
        why="Who reads the latest version from the registry (a connector, a console, another team) works with another schema "
        "than the one that was reviewed here.",
        fix="Run `contracts push --plan`: it says whether the folder is ahead, or the registry has what the folder lacks.",
    ),
    Rule(
        "LEVEL_DIFFERS",
        Category.DRIFT,
        Severity.ERROR,
        purpose="A subject has the compatibility level that contracts.toml says.",
        why="Under a looser level the registry lets anybody register what breaks consumers; under a stricter one it refuses "
        "what was reviewed.",
        fix="Run `contracts push --apply`, which sets it, or write the level into contracts.toml if it was meant.",
    ),
    Rule(
        "REFERENCES_DIFFER",
        Category.DRIFT,
        Severity.ERROR,
        purpose="The latest version takes shared types from the subjects from which the folder takes them.",
        why="A type that is inlined, or taken from another subject, is not protected by the level of its own subject.",
        fix="Run `contracts push --apply`: it registers the schema again, with its references. Where an older version has "
        "them already, `--delete` removes the newer copy without.",
    ),
    Rule(
        "EXTRA_VERSION",
        Category.DRIFT,
        Severity.ERROR,
        purpose="Every version of a subject in the registry is a release, or what the folder has now.",
        why="Somebody has registered it past the folder: nobody has reviewed it, no class was made of it, and records may "
        "have been written with it.",
        fix="Find who registers schemas (auto.register.schemas=true of a producer, often) and stop that. Take the version over "
        "into the folder and release it, or `contracts push --apply --delete` if nothing was written with it.",
    ),
    Rule(
        "RELEASE_NOT_REGISTERED",
        Category.DRIFT,
        Severity.WARNING,
        purpose="Every release of a subject is in the registry.",
        why="A service that is rolled back to that release does not find the id of its schema, and does not start.",
        fix="What came after the registry's latest version is registered by `contracts push --apply`. An older one cannot be "
        "registered without becoming the latest: only a registry that starts anew gets it.",
    ),
    Rule(
        "EXTRA_SUBJECT",
        Category.DRIFT,
        Severity.ERROR,
        purpose="Every subject under a topic of contracts.toml is one of the folder, or was released by it.",
        why="Somebody publishes an event on the topic that its contract does not have: consumers meet records of a type that "
        "was never reviewed.",
        fix="Add the event to the folder and to the topic's events, or have whoever registered it delete the subject.",
    ),
)
