"""Post a body to an HTTP server, and tell what to do of its answer.

The standard library's client is enough for one request at a time, and the device needs no further package.

References
----------
RFC 9110, HTTP Semantics: 10.2.3 Retry-After, 15 status codes.
"""

from __future__ import annotations

import email.utils
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Mapping

from edge.errors import DeliveryError, RefusedError

TIMEOUT_S = 10.0
"""How long a server may take for each step of a request."""

REFUSED = {400, 405, 409, 410, 411, 413, 414, 415, 422, 431}
"""Answers that stay the same however often this body is sent; others may change once someone mends the server, the
address or the login.
"""

SHOWN = 200
"""Characters of a server's own words that are shown."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET without its body."""

    def redirect_request(self, *_arguments: object) -> None:
        """Follow no redirect."""


def post(url: str, body: bytes, headers: Mapping[str, str], name: str) -> None:
    """Send a body and wait for the answer.

    Parameters
    ----------
    url : str
    body : bytes
    headers : mapping of str to str
    name : str
        Of the output, for the errors.

    Raises
    ------
    DeliveryError
        The server cannot be reached, does not answer in time, or takes nothing now.
    RefusedError
        It will never take this body.
    """
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")
    opener = urllib.request.build_opener(_NoRedirect)
    where = f"{name}: {without_query(url)}"
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            answer.read(SHOWN)
    except urllib.error.HTTPError as error:
        with error:
            raise _answered(error, where) from None
    except urllib.error.URLError as error:
        raise DeliveryError(f"{where} cannot be reached ({_reason(error.reason)}); check the server and url") from None
    except TimeoutError:
        raise DeliveryError(f"{where} does not answer in {TIMEOUT_S:g} s; check the server and url") from None
    except (OSError, http.client.HTTPException) as error:
        raise DeliveryError(f"{where}: the connection broke ({_reason(error)}); check the server and url") from None


def without_query(url: str) -> str:
    """The address without what follows "?", where passwords may stand."""
    return url.partition("?")[0]


def retry_after_s(text: str | None, now_s: float) -> float:
    """Seconds that a Retry-After asks for: a number of them, or a date; 0 where it says neither."""
    if text is None:
        return 0.0
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now_s)
    except ValueError:
        return 0.0


def _answered(error: urllib.error.HTTPError, where: str) -> DeliveryError | RefusedError:
    """What a server's answer other than success means."""
    words = " ".join(error.read(4 * SHOWN).decode("utf-8", "replace").split())[:SHOWN]
    found = f"{where} answers {error.code} {error.reason}" + (f" ({words})" if words else "")
    if error.code in REFUSED:
        return RefusedError(found)
    if error.code in (401, 403):
        return DeliveryError(f"{found}; check its token, user or password")
    if 300 <= error.code < 400 or error.code == 404:
        return DeliveryError(f"{found}; check url")
    return DeliveryError(f"{found}; check the server", after_s=retry_after_s(error.headers["Retry-After"], time.time()))


def _reason(error: object) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())
