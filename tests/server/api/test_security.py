"""Who may ask: loopback names without a token, the token's bearer with one."""

import asyncio

import httpx2
import pytest

from bioxen.errors import ConfigurationError
from bioxen.server.app import service_app
from bioxen.server.settings import ServiceSettings

TOKEN = "correct horse battery staple"


def status(settings: ServiceSettings, path: str, **headers: str) -> int:
    """Ask an application that has not started: what a guard refuses never gets that far."""

    async def ask() -> int:
        transport = httpx2.ASGITransport(service_app("static", settings))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return (await client.get(path, headers=headers)).status_code

    return asyncio.run(ask())


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:5001", "[::1]:5001"])
def test_loopback_names_need_no_token(host: str) -> None:
    assert status(ServiceSettings(workers=1), "/models", host=host) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:5001", ""]
)
def test_other_names_are_misdirected(host: str) -> None:
    assert status(ServiceSettings(workers=1), "/models", host=host) == 421


@pytest.mark.parametrize("authorization", ["", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
def test_a_wrong_token_is_refused(authorization: str) -> None:
    settings = ServiceSettings(workers=1, token=TOKEN)
    assert status(settings, "/models", authorization=authorization) == 401


def test_the_right_token_and_the_health_route_are_let_in() -> None:
    settings = ServiceSettings(workers=1, token=TOKEN, host="0.0.0.0")
    assert status(settings, "/models", authorization=f"Bearer {TOKEN}") == 200
    assert status(settings, "/health") in (200, 503)
    assert status(settings, "/models") == 401


def test_an_open_address_needs_a_token() -> None:
    with pytest.raises(ConfigurationError, match="token"):
        ServiceSettings(host="0.0.0.0")
