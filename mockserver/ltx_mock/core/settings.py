"""Every setting of the fake, once; the command line, the environment, the config file and `MockServer` read it here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from ltx_mock.core.clock import FIXED_START, LATEST, MINUTE, MODES, SECOND, Clock
from ltx_mock.core.hosts import ORIGIN
from ltx_mock.core.keys import key_label
from ltx_mock.errors import SettingsError, suggestion
from ltx_mock.scenarios import Scenario, as_dict, from_dict, named
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.validation.findings import show
from ltx_mock_contracts.validation.urls import is_http_url

_DEFAULT_PORT = re.compile(r"^(http://.*):80$|^(https://.*):443$")
UNIT_MS = {"second": SECOND, "minute": MINUTE, "hour": 60 * MINUTE}
MAX_PATIENCE = 3600
MEBIBYTE = 1024 * 1024
MAX_RESULT_BYTES = 128 * MEBIBYTE
OF_THE_SERVER = ("host", "port", "api_key", "admin_token", "fetch_assets", "ca_file", "journal_memory")
"""Settings that a world cannot have for itself."""
AT_RUN_TIME = ("allow_callback_host", "callback_rewrite")
"""Settings to which a server that runs takes more values."""
DEFAULT_PRICES = {each.name: each.price for each in MODEL.resolutions.values()}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many milliseconds."""

    count: int
    window_ms: int

    @classmethod
    def parse(cls, text: str | Rate) -> Rate:
        """Read `10000/minute`, `5/second` or `100/hour`."""
        if isinstance(text, Rate):
            return text
        match = re.fullmatch(r"(\d{1,12})/(second|minute|hour)", str(text).strip())
        if match is None:
            raise SettingsError(f"rate_limit must look like 10000/minute (or /second, /hour), not {text!r}")
        return cls(int(match[1]), UNIT_MS[match[2]])

    def __str__(self) -> str:
        unit = next(name for name, length in UNIT_MS.items() if length == self.window_ms)
        return f"{self.count}/{unit}"


def setting(default: object, text: str, **metadata: object) -> Any:
    """Declare a setting: its default, what it is for, and how a command line spells it."""
    metadata["help"] = text
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a fake behaves. Immutable; `replace` makes a changed copy.

    Raises:
        SettingsError: a value is not allowed; the text names the setting, what was given and what is allowed.
    """

    host: str = setting("127.0.0.1", "Address to listen on.")
    port: int = setting(8219, "Port to listen on; 0 takes a free one and prints it.")
    clock: str = setting(
        "real", "`real`; `manual` stands until it is advanced; `auto` jumps ahead when a status is read.", choices=MODES
    )
    speed: float = setting(1.0, "Run the clock so many times faster; 60 is a minute a second.")
    start_time: str = setting(
        "fixed",
        "First moment of a clock that stands: `fixed` (the same in every run), `now`, or an ISO 8601 time.",
    )
    api_key: tuple[str, ...] = setting((), "Accept only this key (may be repeated). Without it any key is good.")
    rate_limit: Rate = setting(Rate(10_000, MINUTE), "Requests a key may make (LIM-1).", metavar="N/UNIT")  # noqa: RUF009 - a Rate is immutable
    max_concurrent: int = setting(1000, "Unfinished tasks a key may have (LIM-2).")
    credits: int | None = setting(None, "Credits a key starts with (GEN-15). Without it there is no end of them.")
    price: Mapping[str, int] = setting(
        DEFAULT_PRICES.copy,
        "Credits for a second of video at a resolution (may be repeated). The prices are ours.",
        metavar="RESOLUTION=N",
    )
    seed: int = setting(0, "All ids, timings and pictures are drawn from it.")
    strict: bool = setting(False, "Refuse with 400 what the documents only advise against (GEN-16).")
    fetch_assets: bool = setting(False, "Fetch images and LoRAs from every host, not only from loopback.")
    callback_rewrite: Mapping[str, str] = setting(
        dict, "Send callbacks for one URL prefix to another (may be repeated).", metavar="FROM=TO"
    )
    allow_callback_host: tuple[str, ...] = setting(
        (), "Call back to this host too (may be repeated). By default only loopback is called.", metavar="HOST"
    )
    allow_origin: tuple[str, ...] = setting(
        (),
        "Pages of this origin may have this machine called (may be repeated). By default only its own pages may.",
        metavar="ORIGIN",
    )
    ca_file: str | os.PathLike[str] | None = setting(  # noqa: RUF009 - a path is immutable
        None, "Trust the certificates in this PEM file too, in callbacks and image fetches.", metavar="FILE"
    )
    callback_patience: float = setting(
        5.0, "Real seconds that a callback receiver gets at least, however fast the clock."
    )
    public_url: str | None = setting(
        None, "Root of result URLs. By default the host that the client asked.", metavar="URL"
    )
    admin_token: str | None = setting(
        None, "Ask for this token on /__admin; needed there on any address but loopback.", secret=True
    )
    scenario: tuple[Scenario, ...] = setting(
        (), "A scenario by name, or a file of them, active for each key (may be repeated).", metavar="NAME|FILE"
    )
    result_bytes: int = setting(0, "Pad result videos to so many bytes, for tests of downloads.")
    journal_entries: int = setting(10_000, "Exchanges kept for each key; the oldest go first.")
    journal_bytes: int = setting(32 * MEBIBYTE, "Bytes of exchanges kept for each key; the oldest go first.")
    journal_memory: int = setting(
        256, "MiB of exchanges kept for all keys together; those without a good key, and of idle keys, go first."
    )

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "rate_limit", Rate.parse(self.rate_limit))
        set_(self, "api_key", _strings("api_key", self.api_key))
        set_(self, "allow_callback_host", _host_names(self.allow_callback_host))
        set_(self, "ca_file", _plain_path(self.ca_file))
        set_(self, "allow_origin", _origins(self.allow_origin))
        set_(self, "scenario", _scenarios(self.scenario))
        set_(self, "price", DEFAULT_PRICES | _prices(self.price))
        set_(self, "callback_rewrite", _rewrites(self.callback_rewrite))
        _at_least("port", self.port, 0, 65535)
        _at_least("max_concurrent", self.max_concurrent, 0)
        _at_least("result_bytes", self.result_bytes, 0, MAX_RESULT_BYTES)
        _at_least("journal_entries", self.journal_entries, 0)
        _at_least("journal_bytes", self.journal_bytes, 0)
        _at_least("journal_memory", self.journal_memory, 1)
        if self.credits is not None:
            _at_least("credits", self.credits, 0)
        if self.admin_token == "":
            raise SettingsError("admin_token must not be empty")
        if self.public_url is not None:
            set_(self, "public_url", root_of("public_url", self.public_url))
        _number("speed", self.speed)
        _number("callback_patience", self.callback_patience)
        if not 0 < self.callback_patience <= MAX_PATIENCE:
            raise SettingsError(
                f"callback_patience must be more than 0 and at most {MAX_PATIENCE}, not {self.callback_patience!r}"
            )
        _moment(self.start_time)
        for name in ("host", "clock", "start_time"):
            _text(name, getattr(self, name))
        for name in ("admin_token", "ca_file"):
            _text(name, getattr(self, name), optional=True)
        for name in ("strict", "fetch_assets"):
            if not isinstance(getattr(self, name), bool):
                raise SettingsError(f"{name} must be true or false, not {getattr(self, name)!r}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise SettingsError(f"seed must be a whole number, not {self.seed!r}")
        self.new_clock()

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Settings:
        """Make settings from names and values.

        Raises:
            SettingsError: a name is unknown (with the nearest known one) or a value is not allowed.
        """
        check_names(values, setting_names())
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise SettingsError(str(error)) from error

    def replace(self, **changes: Any) -> Settings:
        """Return a copy with other values; unknown names raise `SettingsError`."""
        current = {item.name: getattr(self, item.name) for item in fields(self)}
        return Settings.from_mapping(current | changes)

    def with_more(self, values: Mapping[str, Any]) -> Settings:
        """Return a copy with more values for settings of `AT_RUN_TIME`; what was there stays.

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
        hosts = _host_names(values.get("allow_callback_host", ()))
        sources = [_rewrite_source(each) for each in _strings("callback_rewrite", values.get("callback_rewrite", ()))]
        return self.replace(
            allow_callback_host=tuple(each for each in self.allow_callback_host if each not in hosts),
            callback_rewrite={each: to for each, to in self.callback_rewrite.items() if each not in sources},
        )

    def new_clock(self) -> Clock:
        """Return a clock as these settings describe it."""
        stands = self.clock in {"manual", "auto"}
        return Clock.start(self.clock, speed=self.speed, at=_moment(self.start_time) if stands else None)

    def as_dict(self) -> dict[str, object]:
        """Return all settings as plain data, secrets left out."""
        shown: dict[str, object] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            shown[item.name] = _plain(value)
            if item.metadata.get("secret") and value is not None:
                shown[item.name] = "…"
        shown["api_key"] = [key_label(key) for key in self.api_key]
        return shown


def setting_names() -> list[str]:
    """Return the names of all settings in the order in which they are documented."""
    return [item.name for item in fields(Settings)]


def check_names(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise `SettingsError` with a suggestion for the first name that is not known."""
    known = list(known)
    for name in given:
        if name not in known:
            raise SettingsError(f"unknown setting {name!r}{suggestion(name, known)}; known are {', '.join(known)}")


def parse_pairs(name: str, pairs: object) -> dict[str, str]:
    """Read `LEFT=RIGHT` strings."""
    result = {}
    for pair in pairs if isinstance(pairs, Iterable) else [pairs]:
        if not isinstance(pair, str):
            raise SettingsError(f"{name} must look like LEFT=RIGHT, not {show(pair)}")
        left, equals, right = pair.partition("=")
        if not (left and equals and right):
            raise SettingsError(f"{name} must look like LEFT=RIGHT, not {pair!r}")
        result[left] = right
    return result


def _strings(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, Iterable):
        raise SettingsError(f"{name} must be strings, not {value!r}")
    items: tuple[object, ...] = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(item, str) and item and item.isprintable() for item in items):
        raise SettingsError(f"{name} must be non-empty strings, not {value!r}")
    return tuple(map(str, items))


def _scenarios(value: object) -> tuple[Scenario, ...]:
    """Read scenarios as Python and the control plane give them: a name, a table, or a list of either."""
    items = value if isinstance(value, list | tuple) else (value,)
    return tuple(
        item if isinstance(item, Scenario) else named(item) if isinstance(item, str) else from_dict(item)
        for item in items
    )


def _prices(value: object) -> dict[str, int]:
    pairs = dict(value) if isinstance(value, Mapping) else parse_pairs("price", value)
    check = {}
    for resolution, price in pairs.items():
        if resolution not in DEFAULT_PRICES:
            allowed = ", ".join(DEFAULT_PRICES)
            raise SettingsError(
                f"price: unknown resolution {resolution!r}{suggestion(resolution, DEFAULT_PRICES)}; known are {allowed}"
            )
        try:
            check[resolution] = int(str(price))
        except ValueError:
            raise SettingsError(f"price of {resolution} must be a whole number of credits, not {price!r}") from None
        _at_least(f"price of {resolution}", check[resolution], 0)
    return check


def _rewrites(value: object) -> dict[str, str]:
    pairs = dict(value) if isinstance(value, Mapping) else parse_pairs("callback_rewrite", value)
    return {_rewrite_source(source): root_of("callback_rewrite", to) for source, to in pairs.items()}


def _check_run_time_names(values: Mapping[str, Any]) -> None:
    check_names(values, setting_names())
    for name in values:
        if name not in AT_RUN_TIME:
            known = " and ".join(AT_RUN_TIME)
            raise SettingsError(f"{name} is set when the server starts; at run time {known} take more values")


def _rewrite_source(url: object) -> str:
    """Return the URL with its scheme and host in lower case, as they are compared."""
    root = root_of("callback_rewrite", url)
    scheme, _, rest = root.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}".lower() + slash + path


def _host_names(value: object) -> tuple[str, ...]:
    names = tuple(name.lower().rstrip(".") for name in _strings("allow_callback_host", value))
    for name in names:
        if not re.fullmatch(r"[^\s/?#@:]+|\[?[0-9a-f:]+\]?", name):
            raise SettingsError(f"allow_callback_host must be a host name without scheme, port and path, not {name!r}")
    return tuple(name.strip("[]") for name in names)


def _origins(value: object) -> tuple[str, ...]:
    """Return origins as browsers send them: lower case, no slash at the end; `null` is that of a file or a sandbox."""
    given = (origin.lower().rstrip("/") for origin in _strings("allow_origin", value))
    origins = tuple(_DEFAULT_PORT.sub(r"\1\2", origin) for origin in given)
    for origin in origins:
        if origin != "null" and not ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"allow_origin must be scheme, host and port of a page, such as https://app.example.com, not {origin!r}"
            )
    return origins


def _plain_path(path: object) -> object:
    return os.fspath(path) if isinstance(path, os.PathLike) else path


def root_of(name: str, url: object) -> str:
    """Return an absolute http or https URL without the slash at its end.

    Raises:
        SettingsError: it is none; the text says of what, by `name`.
    """
    if not (str(url).isprintable() and is_http_url(str(url))):
        raise SettingsError(f"{name} must be an absolute http or https URL, not {url!r}")
    return str(url).rstrip("/")


def _at_least(name: str, value: object, low: int, high: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        span = f"from {low} to {high}" if high is not None else f"of at least {low}"
        raise SettingsError(f"{name} must be a whole number {span}, not {value!r}")


def _text(name: str, value: object, *, optional: bool = False) -> None:
    if value is None and optional:
        return
    if not isinstance(value, str) or not value or not value.isprintable():
        raise SettingsError(f"{name} must be a non-empty string of printable characters, not {value!r}")


def _number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"{name} must be a number, not {value!r}")


def _moment(text: str) -> int | None:
    if text == "fixed":
        return FIXED_START
    if text == "now":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise SettingsError(f"start_time must be fixed, now or an ISO 8601 time, not {text!r}") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    milliseconds = round(moment.timestamp() * SECOND)
    if not 0 <= milliseconds < LATEST:
        raise SettingsError(f"start_time must be from 1970 to 9998, not {text!r}")
    return milliseconds


def _plain(value: object) -> object:
    if isinstance(value, Rate):
        return str(value)
    if isinstance(value, tuple):
        return [as_dict(item) if isinstance(item, Scenario) else item for item in value]
    return dict(value) if isinstance(value, Mapping) else value
