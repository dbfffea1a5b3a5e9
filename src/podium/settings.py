"""Every setting of the server: its name, type, default, environment name and meaning.

The fields of `Settings` are the one table; the command line, the environment, the file and the reference page follow
from it. Reads the environment and the file that it is given, and nothing else of the machine.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from podium.model import retention

ENVIRONMENT_PREFIX = "PODIUM_"
CONFIG_VARIABLE = "PODIUM_CONFIG"
CLIENT_VARIABLES = frozenset({CONFIG_VARIABLE, "PODIUM_SERVER"})
POSTGRES = ("postgresql://", "postgres://")
CONFIG_BYTES_MAX = 1 << 20
HIDDEN = frozenset({"secret_key"})
MASK = "***"
TEXT_CHARS_MAX = 60  # of a bad value in a message
# Conductor's names that others read: the clients, the stores of secrets and of the environment.
FOREIGN_PREFIXES = ("CONDUCTOR_SECRET_", "CONDUCTOR_ENV_", "CONDUCTOR_AUTH_", "CONDUCTOR_SERVER_", "CONDUCTOR_CLIENT_")

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "console", "json"]


class BadSetting(Exception):
    """A setting can't be used; the message says which one, where it stands, and what was expected."""


def _about(meaning: str, low: int | None = None, high: int | None = None, **aliases: str) -> msgspec.Meta:
    """Describe a field; *aliases* are Conductor's environment names with the unit of their bare numbers."""
    return msgspec.Meta(description=meaning, ge=low, le=high, extra={"aliases": aliases})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one server process."""

    host: Annotated[str, _about("Address to listen on. One that others can reach needs `insecure`.")] = "127.0.0.1"
    port: Annotated[int, _about("Port to listen on; 0 takes a free one.", 0, 65_535, SERVER_PORT="")] = 8080
    workers: Annotated[
        int, _about("Server processes behind the one port; more than one need a PostgreSQL database.", 1, 64)
    ] = 1
    insecure: Annotated[
        bool, _about("Listen on any address without authentication: whoever reaches the port may do everything.")
    ] = False
    database: Annotated[
        str,
        _about(
            "Where the state lies: `sqlite:///FILE` (relative to the working directory), `sqlite:////FILE` (absolute), "
            "`postgresql://USER:PASSWORD@HOST:PORT/NAME`, or `memory:`, which forgets everything at the end."
        ),
    ] = "sqlite:///podium.db"
    database_connections: Annotated[int, _about("Most connections to a PostgreSQL server.", 2, 1_000)] = 8
    start_wait_ms_max: Annotated[
        int,
        _about("Longest expected wait of a start for its commit; beyond it starts are refused (429).", 10, 600_000),
    ] = 3_000
    cache_mb: Annotated[int, _about("Estimated memory for workflows that are kept at hand.", 1, 1 << 20)] = 64
    body_kb_max: Annotated[int, _about("Largest request body.", 64, 1 << 20)] = 20_480
    task_payload_kb_max: Annotated[
        int,
        _about(
            "Largest input or output of a task; beyond it the task fails.",
            1,
            1 << 20,
            CONDUCTOR_APP_MAXTASKINPUTPAYLOADSIZETHRESHOLD="kb",
            CONDUCTOR_APP_MAXTASKOUTPUTPAYLOADSIZETHRESHOLD="kb",
        ),
    ] = 10_240
    workflow_payload_kb_max: Annotated[
        int,
        _about(
            "Largest input or output of a workflow; beyond it the start is refused, or the workflow fails.",
            1,
            1 << 20,
            CONDUCTOR_APP_MAXWORKFLOWINPUTPAYLOADSIZETHRESHOLD="kb",
            CONDUCTOR_APP_MAXWORKFLOWOUTPUTPAYLOADSIZETHRESHOLD="kb",
        ),
    ] = 10_240
    variables_kb_max: Annotated[
        int,
        _about(
            "Largest sum of the variables of a workflow; beyond it SET_VARIABLE fails.",
            1,
            1 << 20,
            CONDUCTOR_APP_MAXWORKFLOWVARIABLESPAYLOADSIZETHRESHOLD="kb",
        ),
    ] = 256
    fork_width_max: Annotated[int, _about("Most branches of one dynamic fork.", 1, 1_000_000)] = 50_000
    loop_iterations_max: Annotated[int, _about("Most iterations of one DO_WHILE.", 1, 1_000_000_000)] = 1_000_000
    nats_url: Annotated[
        str,
        _about(
            "Server of NATS JetStream (`nats://USER:PASSWORD@HOST:4222`), several with commas between them: event "
            "queues `nats:SUBJECT`. Needs the extra `podium[nats]`."
        ),
    ] = ""
    archive: Annotated[
        str,
        _about(
            "Directory to which an ended workflow is written, as a compressed JSON line, before retention removes it, "
            "or a call with `archiveWorkflow=true`. Without one it is only deleted."
        ),
    ] = ""
    retention: Annotated[
        str,
        _about(
            "How long ended workflows stay, like `completed=7d, failed=30d`, also `timed_out`, `terminated` (both as "
            "`failed` unless given) and `forever`; definitions may say otherwise. Without it they stay."
        ),
    ] = ""
    event_days: Annotated[int, _about("Days for which executions of event handlers are kept.", 1, 36_500)] = 7
    secret_key: Annotated[
        str,
        _about(
            "Text that stored secrets are encrypted with; without one, secrets are only read from variables of the "
            "process. Several with commas between them: the first encrypts, all decrypt. Give it in the environment or "
            "in the file, not on the command line."
        ),
    ] = ""
    script_processes: Annotated[int, _about("Processes that evaluate the scripts of definitions.", 1, 64)] = 2
    script_time_ms: Annotated[
        int,
        _about("Longest evaluation of one script.", 10, 600_000, CONDUCTOR_SCRIPT_MAX_EXECUTION_SECONDS="s"),
    ] = 4_000
    script_heap_mb: Annotated[int, _about("Most memory of one script.", 1, 4_096)] = 64
    script_output_kb_max: Annotated[int, _about("Largest result of one script.", 1, 1 << 20)] = 1_024
    http_slots: Annotated[
        int,
        _about(
            "HTTP tasks, and others that the server runs itself, at work at once (of each type).",
            1,
            10_000,
            CONDUCTOR_APP_SYSTEMTASKWORKERTHREADCOUNT="",
        ),
    ] = 64
    http_body_kb_max: Annotated[int, _about("Largest response to an HTTP task.", 1, 1 << 20)] = 10_240
    http_allow_private: Annotated[
        bool, _about("Let HTTP tasks reach private and loopback addresses. Link-local ones are never reached.")
    ] = True
    log_level: Annotated[LogLevel, _about("Least level that is logged.")] = "info"
    log_format: Annotated[LogFormat, _about("`auto` is `console` on a terminal and `json` elsewhere.")] = "auto"
    metrics: Annotated[bool, _about("Serve metrics at `/metrics` and `/actuator/prometheus`.")] = True


class Setting(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    type: Any
    default: Any
    meaning: str
    low: int | None
    high: int | None
    aliases: dict[str, str]

    @property
    def environment(self) -> str:
        """The name of its environment variable."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def option(self) -> str:
        """Its option on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def unit(self) -> str:
        """`kb`, `mb` or `ms`, as the name says, else nothing."""
        found = re.search(r"_(kb|mb|ms)(_max)?$", self.name)
        return found.group(1) if found else ""

    @property
    def expected(self) -> str:
        """What a value must be, for messages and the reference."""
        if get_origin(self.type) is Literal:
            return ", ".join(get_args(self.type)[:-1]) + f" or {get_args(self.type)[-1]}"
        if self.type is bool:
            return "true or false"
        if self.type is str:
            return "text"
        return f"whole number from {self.low} to {self.high}"


def shown(name: str, value: Any) -> Any:
    """Return *value* as it may be shown: the key of the secrets is not."""
    if name == "database":
        return without_password(str(value))
    if name == "nats_url":
        return re.sub(r"(?<=://)[^/@]*@", "***@", str(value))
    return MASK if value and name in HIDDEN else value


def without_password(url: str) -> str:
    """Return the URL of a database as it may be shown."""
    return re.sub(r"(?<=://)([^/@:]*):[^@]*@", r"\1:***@", url)


def _row(field: Any) -> Setting:
    plain, meta = get_args(field.type)
    return Setting(field.name, plain, field.default, meta.description, meta.ge, meta.le, meta.extra["aliases"])


TABLE: dict[str, Setting] = {field.name: _row(field) for field in msgspec.structs.fields(Settings)}


# ---- values


_UNITS: dict[str, dict[str, int]] = {
    "": {},
    "kb": {"kb": 1, "mb": 1024, "gb": 1024**2},
    "mb": {"mb": 1, "gb": 1024},
    "ms": {"ms": 1, "s": 1_000, "m": 60_000},
}
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_NUMBER = re.compile(r"([0-9][0-9_]{0,18})\s*([A-Za-z]*)", re.ASCII)


def read_value(setting: Setting, value: Any, where: str, bare_unit: str = "") -> Any:
    """Return *value* (text, or what a TOML file holds) as the type of *setting*; `BadSetting` names *where*."""
    found = _parsed(setting, value, bare_unit or setting.unit)
    if found is None:
        given = repr(shown(setting.name, value))[:TEXT_CHARS_MAX]
        raise BadSetting(f"{where}: expected {setting.expected}, not {given}")
    return found


def _parsed(setting: Setting, value: Any, bare_unit: str) -> Any:
    """Return the value, or None when it does not fit."""
    if get_origin(setting.type) is Literal:
        return value if value in get_args(setting.type) else None
    if setting.type is bool:
        text = str(value).lower()
        return True if text in _TRUE else False if text in _FALSE else None
    if setting.type is str:
        return value if isinstance(value, str) and value and value.isprintable() else None
    number = _number(setting.unit, value, bare_unit)
    return number if number is not None and (setting.low or 0) <= number <= (setting.high or 0) else None


def _number(unit: str, value: Any, bare_unit: str) -> int | None:
    if isinstance(value, bool):
        return None
    match = _NUMBER.fullmatch(str(value).strip())
    if match is None:
        return None
    given = match.group(2).lower() or bare_unit
    factor = _UNITS[unit].get(given) if given else 1
    return None if factor is None else int(match.group(1)) * factor


# ---- sources


def load(
    environment: Mapping[str, str], options: Mapping[str, Any] | None = None, config: str | Path | None = None
) -> Settings:
    """Return the settings: *options* of the command line win over the environment, and that over the file.

    The file is *config*, or what PODIUM_CONFIG names. Raises `BadSetting`.
    """
    path = config or environment.get(CONFIG_VARIABLE)
    values = from_file(Path(path)) if path else {}
    values |= from_environment(environment)
    for name, value in (options or {}).items():
        setting = TABLE[name]
        values[name] = read_value(setting, value, setting.option)
    settings = Settings(**values)
    check(settings)
    return settings


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the values that PODIUM_ variables, or Conductor's own names, give."""
    values = {}
    for setting in TABLE.values():
        text = environment.get(setting.environment)
        if text is not None and not _is_service_link(text):
            values[setting.name] = read_value(setting, text, f"environment variable {setting.environment}")
            continue
        found = [
            read_value(setting, environment[name], f"environment variable {name}", unit)
            for name, unit in setting.aliases.items()
            if name in environment
        ]
        if found:
            values[setting.name] = max(found)  # one setting stands for several of Conductor's
    return values


def _is_service_link(text: str) -> bool:
    # Kubernetes gives PODIUM_PORT=tcp://... to every pod beside a service of that name.
    return text.startswith("tcp://")


def from_file(path: Path) -> dict[str, Any]:
    """Return the values of a TOML file; a key that is no setting is an error that names the nearest one."""
    try:
        if path.stat().st_size > CONFIG_BYTES_MAX:
            raise BadSetting(f"{path} is larger than {CONFIG_BYTES_MAX // 1024} KB: is it the right file?")
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(f"The configuration file {path} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path} is not TOML: {error}") from error
    return {name: read_value(_known(name, path), value, f"{path}: {name}") for name, value in found.items()}


def _known(name: str, path: Path) -> Setting:
    setting = TABLE.get(name)
    if setting is None:
        near = nearest(name)
        hint = f"did you mean {near}?" if near else "`podium settings` lists all of them."
        raise BadSetting(f"{path}: there is no setting {name[:TEXT_CHARS_MAX]}; {hint}")
    return setting


def nearest(name: str) -> str | None:
    """Return the setting whose name is most like *name*."""
    plain = name.lower().replace("-", "_").removeprefix(ENVIRONMENT_PREFIX.lower())
    return next(iter(difflib.get_close_matches(plain, TABLE, 1)), None)


def unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each variable with podium's or Conductor's prefix that has no effect."""
    known = {setting.environment for setting in TABLE.values()} | CLIENT_VARIABLES
    known |= {alias for setting in TABLE.values() for alias in setting.aliases}
    for name in sorted(environment):
        if name in known or name.startswith(FOREIGN_PREFIXES):
            continue
        if name.startswith(ENVIRONMENT_PREFIX) and not _is_of_kubernetes(name):
            near = nearest(name)
            hint = f"; did you mean {TABLE[near].environment}?" if near else ""
            yield f"environment variable {name} is no setting and has no effect{hint}"
        elif name.startswith("CONDUCTOR_"):
            yield f"environment variable {name} has no effect here"


def _is_of_kubernetes(name: str) -> bool:
    return name.startswith(("PODIUM_SERVICE_", "PODIUM_PORT_"))


# ---- checks


def check(settings: Settings) -> None:
    """Refuse what must not be started: rules that can't be read, several processes over a database for one, or an
    address that others can reach while nobody has to prove who they are.
    """
    try:
        retention.parse(settings.retention)
    except ValueError as error:
        raise BadSetting(f"retention: {error}") from None
    if settings.workers > 1 and not settings.database.startswith(POSTGRES):
        raise BadSetting(
            f"workers {settings.workers}: several processes need a database that they can share, "
            f"postgresql://USER@HOST/NAME, and not {without_password(settings.database)}."
        )
    if settings.insecure or is_loopback(settings.host):
        return
    raise BadSetting(
        f"host {settings.host} can be reached by others, and podium has no authentication yet: whoever reaches the "
        "port may start workflows and read all data. Listen on 127.0.0.1 behind a proxy that authenticates, or say "
        "--insecure (PODIUM_INSECURE=true) if the network is closed."
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches *host*."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


# ---- reference

_HEAD = """# Settings

Each setting has one name. It can be given on the command line of `podium serve` (`--cache-mb 128`), as an environment
variable (`PODIUM_CACHE_MB=128`), or in a TOML file (`cache_mb = 128`) that `--config FILE` or `PODIUM_CONFIG` names;
the first of these that gives it wins. A key of the file that is no setting is an error. A number whose name ends in a
unit also takes another unit: `task_payload_kb_max = "5MB"`, `script_time_ms = "2s"`. `podium settings` prints what is
in effect.

The last column has names of Conductor's own settings that are understood as environment variables; where two of them
mean one setting, the larger value counts.

| Setting | Type | Default | Environment | Meaning | Conductor's name |
|---|---|---|---|---|---|
"""


def reference() -> str:
    """Return docs/reference/settings.md."""
    return _HEAD + "".join(_reference_row(setting) for setting in TABLE.values())


def _reference_row(setting: Setting) -> str:
    default = str(setting.default).lower() if isinstance(setting.default, bool) else setting.default
    aliases = ", ".join(f"`{name}`" for name in setting.aliases)
    names = f"`{setting.name}` | {setting.expected} | `{default}` | `{setting.environment}`"
    return f"| {names} | {setting.meaning} | {aliases} |\n"
