"""Asks processes on this machine over HTTP whether they do their work."""

import urllib.error
import urllib.request

from stack.errors import NotReady

CHECK_SECONDS = 5.0
BODY_BYTES_MAX = 500
# A proxy has no business on the loopback address.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def check(url: str) -> None:
    """Raise NotReady, with what was said, unless the answer is a success. The connection is not kept."""
    try:
        with OPENER.open(url, timeout=CHECK_SECONDS) as answer:
            answer.read(BODY_BYTES_MAX)
    except urllib.error.HTTPError as error:
        with error:
            body = error.read(BODY_BYTES_MAX).decode("utf-8", errors="replace")
        raise NotReady(f"{url} answers {error.code}: {' '.join(body.split())}") from error
    except (urllib.error.URLError, OSError) as error:
        raise NotReady(f"{url}: {error}") from error
