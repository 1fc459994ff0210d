"""A clone of this project for tests of the gate: changed on a branch, and asked by the files that CI and hooks read.

What runs is what stands in those files, as their readers would run it: the steps of the GitHub workflow on the merge of
branch and main, the script of the GitLab job on the branch. Setting up is left out: `.venv` is the one of the tests.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from codegen.tests.releasing import git
from codegen.tests.running import Result, run

PROJECT: Final = Path(__file__).parents[2]
VIRTUAL_ENVIRONMENT: Final = Path(sys.executable).parents[1]
WORKFLOW: Final = ".github/workflows/contracts.yml"
PIPELINE: Final = ".gitlab-ci.yml"
HOOKS: Final = ".pre-commit-config.yaml"
PUBLISHED_HOOKS: Final = ".pre-commit-hooks.yaml"
_CLONED: Final = ("schemas", "services/events", "services/__init__.py", WORKFLOW, PIPELINE, HOOKS, PUBLISHED_HOOKS)
_BASH: Final = ("bash", "--noprofile", "--norc", "-eo", "pipefail")  # as GitHub starts a `run:`
_LEFT_OUT: Final = {"make setup"}
_BASE: Final = "github.event.merge_group.base_sha || format('origin/{0}', github.base_ref)"
_NO_NETWORK: Final = ("unshare", "--user", "--map-current-user", "--net")
_NOWHERE: Final = {
    f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https", "all", "HTTP", "HTTPS", "ALL")
}


@dataclass(frozen=True)
class Gated:
    """What a job said: its output, its exit code, and the files it has left by their names."""

    code: int
    output: str
    files: Mapping[str, str]

    @property
    def annotations(self) -> list[str]:
        """The lines that GitHub turns into annotations."""
        return [line for line in self.output.splitlines() if line.startswith("::")]


def make_upstream(folder: Path) -> Path:
    """Write a repository with what the gate looks at, as it is in this working tree, committed on main."""
    folder.mkdir()
    listed = git(PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *_CLONED)
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((PROJECT / name).read_bytes())
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit(folder, "As it is")
    return folder


def clone(upstream: Path, folder: Path) -> Path:
    """Clone the repository, and begin a branch `change`."""
    git(upstream, "clone", "--quiet", str(upstream), str(folder))
    (folder / ".git/info/exclude").write_text("/.venv\n")
    (folder / ".venv").symlink_to(VIRTUAL_ENVIRONMENT)
    git(folder, "switch", "--quiet", "--create", "change")
    return folder


def commit(folder: Path, message: str) -> None:
    """Commit all that is there."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)


def contracts(folder: Path, *arguments: str) -> Result:
    """Run `contracts`, which has to work."""
    result = run(*arguments, cwd=folder)
    assert result.returncode == 0, result
    return result


def on_github(folder: Path, base: str = "origin/main") -> Gated:
    """Run the workflow's steps on the merge of the branch and main, as GitHub checks it out for a pull request."""
    git(folder, "fetch", "--quiet", "origin")
    git(folder, "checkout", "--quiet", "--detach", "origin/main")
    git(folder, "merge", "--quiet", "--no-ff", "--message", "Merge of the pull request", "change")
    [job] = document(folder / WORKFLOW)["jobs"].values()
    summary = folder.with_name(f"{folder.name}-summary.md")
    summary.touch()
    steps = [step for step in job["steps"] if "run" in step and step["run"] not in _LEFT_OUT]
    output, code = "", 0
    for step in steps:
        environment = {name: _evaluated(value, {_BASE: base}) for name, value in step.get("env", {}).items()}
        done = run_script(folder, step["run"], environment | {"GITHUB_STEP_SUMMARY": str(summary)})
        output, code = output + done.stdout, code or done.returncode
    return Gated(code, output, {"summary": summary.read_text(encoding="utf-8")})


def on_gitlab(folder: Path) -> Gated:
    """Run the job's script on the branch, as GitLab checks it out for a merge request; the files are its artifacts."""
    job = document(folder / PIPELINE)["contracts"]
    base = git(folder, "merge-base", "origin/main", "change").strip()
    done = run_script(folder, "\n".join(job["script"]), {"CI_MERGE_REQUEST_DIFF_BASE_SHA": base})
    artifacts = {
        kind: (folder / name).read_text(encoding="utf-8") for kind, name in job["artifacts"]["reports"].items()
    }
    return Gated(done.returncode, done.stdout, artifacts)


def on_commit(folder: Path, config: str = HOOKS) -> Gated:
    """Run the hooks on what is staged, as `git commit` would."""
    git(folder, "add", "--all")
    done = run_script(
        folder,
        f"pre-commit run --config {config} --color never",
        {
            "PRE_COMMIT_HOME": str(folder.with_name("pre-commit")),
            "PATH": f"{VIRTUAL_ENVIRONMENT}/bin:{os.environ['PATH']}",
        },
    )
    return Gated(done.returncode, done.stdout, {})


def document(path: Path) -> Any:
    """Return what a YAML file says."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _evaluated(value: str, expressions: Mapping[str, str]) -> str:
    """Return a value of the workflow with its expressions replaced; one that is not among them is a KeyError."""
    for part in value.split("${{ ")[1:]:
        expression = part.partition(" }}")[0]
        value = value.replace(f"${{{{ {expression} }}}}", expressions[expression])
    return value


def run_script(
    folder: Path, script: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script as GitHub does, in the folder and without a network."""
    return subprocess.run(
        [*without_network(), *_BASH, "-c", script],
        cwd=folder,
        env={**_outside_of_git(), **_NOWHERE, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=150,  # a second, mostly; but pre-commit starts many processes, and machines are busy
    )


def _outside_of_git() -> dict[str, str]:
    """Return the environment without what a hook of git, from which these tests may run, has set."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


@cache
def without_network() -> Sequence[str]:
    """Return the command that takes a command's network away; nothing where this machine does not let it."""
    if sys.platform == "linux":
        with contextlib.suppress(FileNotFoundError):
            if subprocess.run([*_NO_NETWORK, "true"], check=False, capture_output=True).returncode == 0:
                return _NO_NETWORK
    return ()
