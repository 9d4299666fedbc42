"""All settings of the fake, defined once for the command line, the environment, the config file and `MockServer`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ltx_mock.core import setting_readers as readers
from ltx_mock.core.clock import MINUTE, MODES, Clock, read_mode, read_speed
from ltx_mock.core.keys import key_label, require_key
from ltx_mock.core.setting_readers import DEFAULT_PRICES, Rate
from ltx_mock.core.signatures import signing_secret
from ltx_mock.core.timings import Timings
from ltx_mock.core.timings import timings as read_timings
from ltx_mock.errors import SettingsError
from ltx_mock.fields import Reader, check_names, number, several, switch, text, whole
from ltx_mock.scenarios import Scenario, as_dict
from ltx_mock_contracts.api import MAX_REQUESTS_PER_MINUTE, MAX_UNFINISHED_TASKS

MAX_CALLBACK_TIMEOUT = 3600
MEBIBYTE = 1024 * 1024
MAX_RESULT_BYTES = 128 * MEBIBYTE
OF_THE_SERVER = ("host", "port", "api_key", "admin_token", "fetch_assets", "ca_file", "journal_memory", "store")
"""Settings of the whole server, not of a tenant."""
AT_RUN_TIME = ("allow_callback_host", "callback_rewrite")
"""Settings that can be extended at run time."""
FORMER_NAMES = {"callback_patience": "callback_timeout"}
"""Settings that have been renamed; the former names work for one release."""


def setting(default: object, reads: Reader[Any], about: str, **metadata: object) -> Any:
    """Declare a setting: default, reader, description, and form on the command line."""
    metadata |= {"help": about, "read": reads}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Settings:  # noqa: PLW1641 - prices are a dict, which has no hash
    """The settings of a fake. Immutable; `replace` makes a changed copy.

    Raises:
        SettingsError: a value is not allowed; the text names the setting, what was given and what is allowed.
    """

    host: str = setting("127.0.0.1", text(), "Address to listen on.", metavar="HOST")
    port: int = setting(8219, whole(0, 65535), "Port to listen on; 0 takes a free port and prints it.")
    clock: str = setting(
        "real",
        read_mode,
        "`real` runs; `scaled` is `real` with a speed; `manual` is stopped; "
        "`auto` is stopped and jumps ahead when a status is read.",
        choices=MODES,
    )
    speed: float = setting(1.0, read_speed, "Factor by which the clock runs faster; with 60 a minute takes one second.")
    start_time: str = setting(
        "fixed",
        readers.start_time,
        "First moment of a stopped clock: `fixed` (the same in every run), `now`, or an ISO 8601 time.",
        metavar="TIME",
    )
    api_key: tuple[str, ...] = setting(
        (), several(require_key), "Accept only this key (may be repeated). By default any key is valid.", metavar="KEY"
    )
    rate_limit: Rate = setting(  # noqa: RUF009 - a Rate is immutable
        Rate(count=MAX_REQUESTS_PER_MINUTE, window_ms=MINUTE),
        readers.rate,
        "Requests that each key may send (LIM-1).",
        metavar="N/UNIT",
    )
    max_concurrent: int = setting(MAX_UNFINISHED_TASKS, whole(0), "Unfinished tasks that each key may have (LIM-2).")
    credits: int | None = setting(None, whole(0), "Credits that each key starts with (GEN-15). Unlimited by default.")
    price: Mapping[str, int] = setting(
        DEFAULT_PRICES.copy,
        readers.prices,
        "Credits for a second of video at a resolution (may be repeated). The prices are ours.",
        metavar="RESOLUTION=N",
    )
    seed: int = setting(0, whole(), "The source of all ids, timings and pictures.")
    strict: bool = setting(False, switch, "Refuse with 400 what the documents only advise against (GEN-16).")
    idempotency: bool = setting(
        False,
        switch,
        "Honour `Idempotency-Key`: the same key and body get the same task for a day. No document has this header.",
    )
    fetch_assets: bool = setting(False, switch, "Fetch images and LoRAs from every host, not only from loopback.")
    callback_rewrite: Mapping[str, str] = setting(
        dict, readers.rewrites, "Send callbacks for one URL prefix to another (may be repeated).", metavar="FROM=TO"
    )
    allow_callback_host: tuple[str, ...] = setting(
        (),
        several(readers.host_name),
        "Send callbacks to this host too (may be repeated). By default only to loopback.",
        metavar="HOST",
    )
    allow_origin: tuple[str, ...] = setting(
        (),
        several(readers.page_origin),
        "Let requests from pages of this origin name receivers and images on this machine (may be repeated).",
        metavar="ORIGIN",
    )
    ca_file: str | os.PathLike[str] | None = setting(  # noqa: RUF009 - a path is immutable
        None,
        readers.file_path,
        "Trust the certificates in this PEM file too, in callbacks and image fetches.",
        metavar="FILE",
    )
    callback_timeout: float = setting(
        5.0,
        number(MAX_CALLBACK_TIMEOUT, zero=False),
        "Minimum real seconds that a callback receiver has to respond, at any clock speed.",
    )
    callback_secret: str | None = setting(
        None,
        signing_secret,
        "Sign callbacks by Standard Webhooks with this secret. The signature is ours: no document has one.",
        metavar="whsec_…",
        secret=True,
    )
    public_url: str | None = setting(
        None, readers.http_url, "Root of result URLs. By default the host of the request.", metavar="URL"
    )
    admin_token: str | None = setting(
        None,
        text(),
        "Require this token on /__admin; it is needed on any address except loopback.",
        secret=True,
        metavar="TOKEN",
    )
    scenario: tuple[Scenario, ...] = setting(
        (),
        several(readers.scenario),
        "A scenario by name, or a file of scenarios, active for each key (may be repeated).",
        metavar="NAME|FILE",
    )
    timings: Timings | None = setting(  # noqa: RUF009 - timings are immutable
        None,
        read_timings,
        "Draw the times of tasks from this file, as a real service has them; `ltx-mock recordings timings` writes it.",
        metavar="FILE",
    )
    result_bytes: int = setting(
        0, whole(0, MAX_RESULT_BYTES), "Pad result videos to this size in bytes, for tests of downloads."
    )
    journal_entries: int = setting(10_000, whole(0), "Journal entries kept for each key; the oldest are dropped first.")
    journal_bytes: int = setting(
        32 * MEBIBYTE, whole(0), "Bytes of journal kept for each key; the oldest entries are dropped first."
    )
    journal_memory: int = setting(
        256,
        whole(1),
        "MiB of journal kept for all keys; requests without a valid key and idle keys are dropped first.",
    )
    recordings: str | os.PathLike[str] | None = setting(  # noqa: RUF009 - a path is immutable
        None,
        readers.file_path,
        "Replay the recordings in this folder: a request that equals a recorded one gets the recorded responses.",
        metavar="DIR",
    )
    recordings_only: bool = setting(False, switch, "Refuse a generateTask that no recording equals with 404.")
    match_ignore: tuple[str, ...] = setting(
        (),
        several(readers.request_field),
        "Let this field of a request differ from the recorded one, such as input.seed (may be repeated).",
        metavar="FIELD",
    )
    store: str = setting(
        readers.MEMORY,
        readers.store,
        "Where all state is kept: `memory`, the file `sqlite:PATH`, or a Redis at `redis://HOST:PORT/N`.",
        metavar="STORE",
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            given = getattr(self, item.name)
            if given is not None or item.default is not None:
                object.__setattr__(self, item.name, item.metadata["read"](item.name, given))
        if self.recordings_only and self.recordings is None:
            raise SettingsError("recordings_only needs recordings, the folder to replay", "recordings_only")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Settings:
        """Make settings from names and values.

        Raises:
            SettingsError: a name is unknown (with the nearest known one) or a value is not allowed.
        """
        values = with_current_names(values)
        check_names("setting", values, setting_names())
        return cls(**values)

    def replace(self, **changes: Any) -> Settings:
        """Return a copy with other values; unknown names raise `SettingsError`."""
        current = {item.name: getattr(self, item.name) for item in fields(self)}
        return Settings.from_mapping(current | with_current_names(changes))

    def with_more(self, values: Mapping[str, Any]) -> Settings:
        """Return a copy with additional values for settings of `AT_RUN_TIME`.

        Raises:
            SettingsError: it is another setting, or a value is not allowed.
        """
        _check_run_time_names(values)
        more = self.replace(**values)
        hosts = dict.fromkeys((*self.allow_callback_host, *more.allow_callback_host))
        rewrites = {**self.callback_rewrite, **more.callback_rewrite}
        return self.replace(allow_callback_host=tuple(hosts), callback_rewrite=rewrites)

    def with_fewer(self, values: Mapping[str, Any]) -> Settings:
        """Return a copy without these hosts, and without the rewrites of these URL prefixes.

        Raises:
            SettingsError: it is another setting, or a value cannot be one of its values.
        """
        _check_run_time_names(values)
        hosts = several(readers.host_name)("allow_callback_host", values.get("allow_callback_host", ()))
        sources = several(readers.rewrite_source)("callback_rewrite", values.get("callback_rewrite", ()))
        return self.replace(
            allow_callback_host=tuple(each for each in self.allow_callback_host if each not in hosts),
            callback_rewrite={each: to for each, to in self.callback_rewrite.items() if each not in sources},
        )

    def new_clock(self) -> Clock:
        """Return a clock as these settings describe it."""
        stands = self.clock in {"manual", "auto"}
        return Clock.start(self.clock, speed=self.speed, at=readers.first_moment(self.start_time) if stands else None)

    @property
    def callback_patience(self) -> float:
        """The former name of `callback_timeout`."""
        return self.callback_timeout

    def as_dict(self) -> dict[str, object]:
        """Return all settings as plain data, without secrets."""
        values: dict[str, object] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            values[item.name] = _plain(value)
            if item.metadata.get("secret") and value is not None:
                values[item.name] = "…"
        values["api_key"] = [key_label(key) for key in self.api_key]
        values["store"] = readers.public_store(self.store)
        return values

    def __eq__(self, other: object) -> bool:
        """Compare all settings. For a generated `__eq__` pytest shows each value that differs, also of a secret."""
        return isinstance(other, Settings) and vars(self) == vars(other)

    def __repr__(self) -> str:
        """Return the settings for logs and failed tests, without secrets."""
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.as_dict().items())})"


def setting_names() -> list[str]:
    """Return the names of all settings, in documented order."""
    return [item.name for item in fields(Settings)]


def with_current_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of settings with each former name replaced.

    Raises:
        SettingsError: a setting is given under both names.
    """
    current: dict[str, Any] = {}
    for given, value in values.items():
        name = FORMER_NAMES.get(given, given)
        if name in current:
            former = next(each for each in FORMER_NAMES if FORMER_NAMES[each] == name)
            raise SettingsError(f"{former} is the former name of {name}: give only {name}", name)
        current[name] = value
    return current


def _check_run_time_names(values: Mapping[str, Any]) -> None:
    check_names("setting", values, setting_names())
    for name in values:
        if name not in AT_RUN_TIME:
            known = " and ".join(AT_RUN_TIME)
            raise SettingsError(f"{name} is set when the server starts; at run time {known} take more values")


def _plain(value: object) -> object:
    if isinstance(value, Timings):
        return value.as_dict()
    if isinstance(value, Rate):
        return str(value)
    if isinstance(value, tuple):
        return [as_dict(item) if isinstance(item, Scenario) else item for item in value]
    return dict(value) if isinstance(value, Mapping) else value
