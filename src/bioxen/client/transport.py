"""What carries a request to a service and brings the answer back: sockets, or a call within this process."""

from __future__ import annotations

import select
import socket
import ssl
from base64 import b64encode
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

CONNECT_PATIENCE = 5.0
"""Seconds in which a service must accept the connection."""
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
    """HTTP over sockets that are kept open; through a proxy where the environment names one.

    On Python's own `http.client`: a request and its answer take a third of the time of the common libraries.
    """

    def __init__(self) -> None:
        self._routes: dict[str, Route] = {}
        self._idle: dict[str, deque[HTTPConnection]] = {}

    def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], patience: float
    ) -> Answer:
        """Return the answer (`Transport.send`)."""
        end = url.find("/", url.index("://") + 3)
        origin, target = (url, "/") if end < 0 else (url[:end], url[end:])
        route = self._routes.get(origin) or self._routes.setdefault(origin, Route(origin))
        connection = self._kept(origin) or route.connect()
        kept = False
        try:
            connection.sock.settimeout(patience)
            connection.request(method, route.prefix + target, body, {**route.headers, **headers})
            response = connection.getresponse()
            content = response.read()
            kept = not response.will_close
        except TimeoutError as error:
            raise LateError(str(error)) from error
        except (OSError, HTTPException) as error:
            raise DroppedError(f"{type(error).__name__}: {error}") from error
        finally:  # after any exception, the user's Ctrl-C among them, the rest of an answer may be on its way
            if kept:
                self._keep(origin, connection)
            else:
                connection.close()
        answer = {name.lower(): value for name, value in response.getheaders()}
        return Answer(url, response.status, answer, content)

    def close(self) -> None:
        """Close the connections (`Transport.close`)."""
        idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _kept(self, origin: str) -> HTTPConnection | None:
        """Return an idle connection that the other side has not ended."""
        idle = self._idle.get(origin)
        while idle:
            try:
                connection = idle.pop()
            except IndexError:  # another thread has taken it
                return None
            if not _is_readable(connection.sock):
                return connection
            connection.close()
        return None

    def _keep(self, origin: str, connection: HTTPConnection) -> None:
        idle = self._idle.setdefault(origin, deque())
        if len(idle) < KEPT_CONNECTIONS:
            idle.append(connection)
        else:
            connection.close()


class Route:
    """The way to a host: straight, or through a proxy.

    Args:
        origin: scheme, host and port, such as `http://127.0.0.1:5001`.
    """

    def __init__(self, origin: str) -> None:
        self._host = urlsplit(origin)
        proxy = _proxy(self._host)
        self._proxy = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else None
        self._tls = ssl.create_default_context() if self._host.scheme == "https" else None
        plain = self._proxy is not None and self._tls is None
        self.prefix = origin if plain else ""
        """What stands before a path in a request: a proxy is asked for the whole URL, unless it tunnels."""
        self.headers = _credentials(self._proxy) if plain and self._proxy else {}

    def connect(self) -> HTTPConnection:
        """Return a new connection.

        Raises:
            UnreachedError: there is none to be had.
        """
        first = self._proxy or self._host
        name = first.hostname or ""
        connection = (
            HTTPConnection(name, first.port, timeout=CONNECT_PATIENCE)
            if self._tls is None
            else HTTPSConnection(name, first.port, timeout=CONNECT_PATIENCE, context=self._tls)
        )
        if self._proxy is not None and self._tls is not None:
            connection.set_tunnel(self._host.hostname or "", self._host.port, _credentials(self._proxy))
        try:
            connection.connect()
        except (OSError, HTTPException, UnicodeError) as error:
            connection.close()
            raise UnreachedError(str(error) or type(error).__name__) from error
        return connection


def check_url(url: str) -> None:
    """Return where `url` is an http or https URL of a host.

    Raises:
        ValueError: it is not.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(f"{url!r} is no http or https URL")


def _proxy(host: SplitResult) -> str | None:
    """Return the proxy on the way to a host; one for the outer world cannot reach this machine's loopback."""
    name = host.hostname or ""
    return None if name in LOOPBACK or proxy_bypass(name) else getproxies().get(host.scheme)


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _is_readable(sock: socket.socket) -> bool:
    """Return whether an idle connection has something to say, which can only be its end."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
