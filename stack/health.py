"""Asks processes on this machine over HTTP whether they do their work."""

import http.client
import json
import urllib.error
import urllib.request

from stack.errors import NotReady, Stuck

CHECK_SECONDS = 5.0
BODY_BYTES_MAX = 64_000
QUOTED_MAX = 500
# A proxy has no business on the loopback address.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def check(url: str) -> None:
    """Raise NotReady, with what was said, or Stuck, unless the answer is a success. No connection is kept."""
    _judge(url, *_ask(url))


def check_process(url: str, pid: int) -> None:
    """Ask a process of a service, and nobody else who may have its port by now, whether it is ready.

    One that is alive but says nothing of its readiness (a database that does not answer takes time) is not stuck.
    """
    try:
        _asked(f"{url}/readyz", pid)
    except Stuck as silence:
        _asked(f"{url}/healthz", pid)
        raise NotReady(f"alive, but {silence}") from silence


def _asked(url: str, pid: int) -> None:
    """Who answers comes first: the refusal of another program says nothing of this process."""
    code, body = _ask(url)
    try:
        answered = json.loads(body)["pid"]
    except (ValueError, TypeError, KeyError) as error:
        raise Stuck(f"{url}: another program answers") from error
    if answered != pid:
        raise Stuck(f"{url}: process {answered} answers, not {pid}")
    _judge(url, code, body)


def _ask(url: str) -> tuple[int, bytes]:
    """Status code and body of any answer; raises Stuck where there is none."""
    try:
        try:
            with OPENER.open(url, timeout=CHECK_SECONDS) as answer:
                return int(answer.status), bytes(answer.read(BODY_BYTES_MAX))
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read(BODY_BYTES_MAX)
    except (OSError, http.client.HTTPException) as error:  # the latter: something answers that is not HTTP
        raise Stuck(f"{url}: {error}") from error


def _judge(url: str, code: int, body: bytes) -> None:
    if code >= http.client.BAD_REQUEST:
        text = " ".join(body.decode("utf-8", errors="replace").split())
        raise NotReady(f"{url} answers {code}: {text[:QUOTED_MAX]}")
