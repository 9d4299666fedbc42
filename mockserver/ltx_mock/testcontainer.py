"""The fake in a container, for Python tests: an extension of the package `testcontainers`.

    with LtxMockContainer("ltx-mock", clock="manual") as fake, fake.server.client() as client:
        ...
        fake.server.clock.advance(60)

A test that needs no container is faster with `MockServer` or the pytest plugin.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final, Unpack

from ltx_mock.core.settings import Settings
from ltx_mock.errors import SettingsError
from ltx_mock.testing.remote_server import RemoteServer
from ltx_mock_contracts.extras import MissingExtraError

try:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import HttpWaitStrategy
except ModuleNotFoundError:
    raise MissingExtraError("testcontainers", "testcontainers") from None

if TYPE_CHECKING:
    from ltx_mock.testing.options import ServerSettings

__all__ = ["LtxMockContainer"]

IMAGE: Final = "ltx-mock"
PORT: Final = 8219
MACHINE: Final = "host.docker.internal"
"""The name of the test's machine in the container."""
TO_THE_MACHINE: Final = {f"http://{host}:*": f"http://{MACHINE}:*" for host in ("localhost", "127.0.0.1")}
OF_THE_IMAGE: Final = ("host", "port")
"""Settings that the container decides."""


class LtxMockContainer(DockerContainer):
    """A container with the fake. Its control plane has a token of its own, which `server` knows.

    Callbacks for `http://localhost` go to the machine of the test, unless a `callback_rewrite` is given. A receiver
    there must listen on an address that containers reach, such as 0.0.0.0.

    Args:
        image: the name of an image that was built with the project's Dockerfile.
        **settings: as in `Settings`, but `host` and `port`; scenarios by their names, files in the container.

    Raises:
        SettingsError: a setting is unknown, or its value is not allowed.
    """

    def __init__(self, image: str = IMAGE, **settings: Unpack[ServerSettings]) -> None:
        self.admin_token = settings.pop("admin_token", None) or token_urlsafe(16)
        settings.setdefault("callback_rewrite", TO_THE_MACHINE)
        options = serve_options(settings)
        self._key = next(iter(_checked(settings).api_key), None)
        super().__init__(image)
        self.with_exposed_ports(PORT)
        self.with_env("LTX_MOCK_ADMIN_TOKEN", self.admin_token)
        self.with_command(["serve", *options])
        self.with_kwargs(extra_hosts={MACHINE: "host-gateway"})
        self.waiting_for(HttpWaitStrategy(PORT, "/__admin/health"))

    @property
    def url(self) -> str:
        """The root of the fake, as this machine reaches it. Result URLs begin with it."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"

    @cached_property
    def server(self) -> RemoteServer:
        """The fake: its tasks, requests, clock and scenarios, an httpx client, and `env` for the app under test."""
        return RemoteServer(self.url, self._key, self.admin_token)


def serve_options(settings: Mapping[str, object]) -> list[str]:
    """Return settings as options of `ltx-mock serve`.

    Raises:
        SettingsError: a setting is unknown, its value is not allowed, or it has no form on a command line.
    """
    _checked(settings)
    return [option for name, value in settings.items() if value is not None for option in _options(name, value)]


def _checked(settings: Mapping[str, object]) -> Settings:
    """Return the settings without timings, whose file is in the container."""
    for name in OF_THE_IMAGE:
        if name in settings:
            raise SettingsError(f"{name} cannot be given; the container decides it", name)
    if not isinstance(settings.get("timings"), str | os.PathLike | None):
        raise SettingsError("timings must be a file in the container here", "timings")
    return Settings.from_mapping({name: value for name, value in settings.items() if name != "timings"})


def _options(name: str, value: object) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [option] if value else []
    if name == "scenario" and not all(isinstance(each, str) for each in _several(value)):
        raise SettingsError(
            "scenario must be a name here; add others to the running server with server.scenarios", name
        )
    pairs = [f"{key}={item}" for key, item in value.items()] if isinstance(value, Mapping) else _several(value)
    return [f"{option}={each}" for each in pairs]


def _several(value: object) -> list[object]:
    is_list = isinstance(value, Iterable) and not isinstance(value, str | Mapping | os.PathLike)
    return list(value) if is_list else [value]  # type: ignore[call-overload] # it is iterable
