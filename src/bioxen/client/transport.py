"""What carries a request to a service and brings the answer back: sockets, or a call within this process."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError, ProtocolError, ReadTimeoutError

CONNECT_PATIENCE = 5.0
"""Seconds in which a service must accept the connection."""
UPLOAD_RATE = 1e6
"""Bytes per second that the slowest connection is expected to send."""
KEPT_CONNECTIONS = 32
"""Idle connections kept for each service; any number may be busy."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class TransportError(Exception):
    """There is no answer."""


class UnreachedError(TransportError):
    """No connection: nothing was sent."""


class DroppedError(TransportError):
    """The connection ended before the answer did."""


class LateError(TransportError):
    """No answer within the patience."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whatever its status."""

    url: str
    status: int
    headers: Mapping[str, str]
    """Their names in lower case."""
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is one of success."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Transport(Protocol):
    """Sends requests; safe to share between threads."""

    def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], patience: float
    ) -> Answer:
        """Return the answer.

        Args:
            method: such as `POST`.
            url: where to.
            body: what is sent; null for nothing.
            headers: of the request.
            patience: seconds to wait for an answer.

        Raises:
            TransportError: there is none.
        """
        ...

    def close(self) -> None:
        """Close the connections. A later request opens new ones."""
        ...


class Sockets:
    """HTTP over sockets that are kept open; through a proxy where the environment names one."""

    def __init__(self) -> None:
        self._managers: dict[str | None, urllib3.PoolManager] = {}
        """By proxy."""
        self._proxies: dict[str, str | None] = {}
        """The proxy for each host."""
        self._making = threading.Lock()

    def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], patience: float
    ) -> Answer:
        """Return the answer (`Transport.send`)."""
        connect = CONNECT_PATIENCE + len(body or b"") / UPLOAD_RATE  # urllib3 counts the sending to it
        try:
            response = self._manager(url).urlopen(
                method,
                url,
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                timeout=urllib3.Timeout(connect=connect, read=patience),
            )
        except ReadTimeoutError as error:
            raise LateError(str(error)) from error
        except ProtocolError as error:
            raise DroppedError(str(error)) from error
        except (HTTPError, ssl.SSLError) as error:
            raise UnreachedError(str(error)) from error
        answer = {name.lower(): value for name, value in response.headers.items()}
        return Answer(url, response.status, answer, response.data)

    def close(self) -> None:
        """Close the connections (`Transport.close`)."""
        for manager in self._managers.values():
            manager.clear()

    def _manager(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        if parts.netloc not in self._proxies:
            self._proxies[parts.netloc] = _proxy(parts)
        proxy = self._proxies[parts.netloc]
        with self._making:
            if proxy not in self._managers:
                self._managers[proxy] = (
                    urllib3.PoolManager(maxsize=KEPT_CONNECTIONS)
                    if proxy is None
                    else urllib3.ProxyManager(proxy, maxsize=KEPT_CONNECTIONS)
                )
            return self._managers[proxy]


def _proxy(parts: SplitResult) -> str | None:
    """Return the proxy on the way to a host; one for the outer world cannot reach this machine's loopback."""
    host = parts.hostname or ""
    return None if host in LOOPBACK or proxy_bypass(host) else getproxies().get(parts.scheme)


def check_url(url: str) -> None:
    """Return where `url` is an http or https URL of a host.

    Raises:
        ValueError: it is not.
    """
    try:
        parts = urllib3.util.parse_url(url)
    except LocationParseError as error:
        raise ValueError(str(error)) from error
    if parts.scheme not in ("http", "https") or not parts.host:
        raise ValueError(f"{url!r} is no http or https URL")
