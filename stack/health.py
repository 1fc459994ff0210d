"""Asks processes on this machine over HTTP whether they do their work."""

import json
import urllib.error
import urllib.request

from stack.errors import NotReady, Stuck

CHECK_SECONDS = 5.0
BODY_BYTES_MAX = 500
# A proxy has no business on the loopback address.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def check(url: str) -> bytes:
    """Raise NotReady, with what was said, or Stuck, unless the answer is a success; its beginning. No connection is kept."""
    try:
        with OPENER.open(url, timeout=CHECK_SECONDS) as answer:
            return bytes(answer.read(BODY_BYTES_MAX))
    except urllib.error.HTTPError as error:
        with error:
            body = error.read(BODY_BYTES_MAX).decode("utf-8", errors="replace")
        raise NotReady(f"{url} answers {error.code}: {' '.join(body.split())}") from error
    except (urllib.error.URLError, OSError) as error:
        raise Stuck(f"{url}: {error}") from error


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
    answer = check(url)
    try:
        answered = json.loads(answer)["pid"]
    except (ValueError, TypeError, KeyError) as error:
        raise Stuck(f"{url}: another program answers") from error
    if answered != pid:
        raise Stuck(f"{url}: process {answered} answers, not {pid}")
