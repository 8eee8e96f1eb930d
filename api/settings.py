"""Every setting, read once: from ``MNEME_...`` variables, then ``settings.toml`` in the home folder."""

import ipaddress
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from api.auth_settings import AuthSettings
from api.home_folder import CATALOGUE, SETTINGS
from api.setting_kinds import LOOPBACK, SettingsGroup, Several, is_confidential
from memory.errors import InvalidSettings


class CatalogueSettings(SettingsGroup):
    """Where everything known is kept."""

    url: SecretStr = Field(
        SecretStr(""),
        description="SQLAlchemy URL; empty: a SQLite file in the home folder. PostgreSQL (tested with 15) is"
        ' `postgresql+psycopg://USER@HOST/NAME`, with `pip install "mneme[postgresql]"`.',
    )


class IndexSettings(SettingsGroup):
    """Where passages are searched."""

    url: str = Field(
        "",
        description="Address of a Qdrant server (not verified against a live server); empty: the embedded index in the home folder.",
    )
    collection: str = Field("mneme", description="The collection on the Qdrant server.")
    api_key: SecretStr = Field(SecretStr(""), description="Key for the Qdrant server.")


class EmbeddingSettings(SettingsGroup):
    """The model that turns text into vectors."""

    model: str = Field(
        "builtin",
        description="`builtin` (multilingual-e5-small), `hash` (no model, for trials), or a sentence-transformers name (with `@` and a commit where it is downloaded) or folder.",
    )
    allow_download: bool = Field(False, description="Whether a named model may be downloaded.")
    nice: Annotated[int, Field(ge=0, le=19)] = Field(
        19,
        description="How far documents' embedding steps back from whatever else needs the processors, 0 (like all) to 19 (only what is idle).",
    )


class SearchSettings(SettingsGroup):
    """How results are ranked."""

    weight: Annotated[float, Field(ge=0, le=1)] = Field(
        0.45,
        description="Weight of meaning against words where a passage has many of the question's words and meaning did not find the same; it rises to 1 the less this holds.",
    )
    own_statistics: bool = Field(
        False,
        description="Whether it is counted for each reader over what they may see how rare a word is: slower, and nothing moves with what is hidden; holds from the next sync on.",
    )
    at_once: Annotated[int, Field(ge=1, le=36)] = Field(
        32, description="Searches that run or wait at a time; whoever comes then is told to come back (503)."
    )


class ParsingSettings(SettingsGroup):
    """The worker processes that read files."""

    workers: Annotated[int, Field(ge=1, le=64)] = Field(2, description="How many files are read at a time.")
    timeout_s: Annotated[float, Field(gt=0)] = Field(60, description="Seconds one file may take.")
    memory_mb: Annotated[int, Field(ge=256)] = Field(1024, description="Megabytes one worker may use.")
    tika_url: str = Field("", description="Address of a Tika server; empty: the built-in Tika.")


class OcrSettings(SettingsGroup):
    """Recognising the text of pages that are pictures."""

    on: bool = Field(
        True, description="Whether text is recognised on pictures, where Tesseract is installed."
    )
    tesseract: str = Field("tesseract", description="Tesseract: a command, or its path.")
    languages: Several = Field(
        (),
        description="Tesseract's names of languages, with commas; empty: eng, deu, fra and dan as far as installed.",
    )
    minutes: Annotated[float, Field(ge=0)] = Field(
        30,
        description="Minutes that one sync recognises pages for; the next one goes on. 0: until all are done.",
    )


class SyncSettings(SettingsGroup):
    """What a sync takes in."""

    max_file_mb: Annotated[int, Field(ge=1)] = Field(200, description="Larger files are skipped.")
    sources_at_once: Annotated[int, Field(ge=1)] = Field(
        4,
        description="Sources that may begin to be read within the same five seconds; those that are slow hold up no other.",
    )
    stop_after_failures: Annotated[int, Field(ge=0)] = Field(
        10, description="A source's sync stops after so many new failures in a row; 0: never."
    )
    stop_at_failure_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.15, description="A source's sync stops when this share of the last 100 documents failed; 0: never."
    )


class EventSettings(SettingsGroup):
    """What is remembered of searches."""

    keep_days: Annotated[int, Field(ge=0)] = Field(365, description="Days searches are kept; 0: not at all.")


class AuditSettings(SettingsGroup):
    """What is kept of who saw what, by name."""

    keep_days: Annotated[int, Field(ge=0)] = Field(
        0, description="Days it is kept who asked what and saw which documents; 0: not at all."
    )


class ServeSettings(SettingsGroup):
    """Where the service listens."""

    host: str = Field(
        "127.0.0.1", description="Address to listen on; all but loopback are refused while nobody logs in."
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8377, description="Port of the pages and the API.")
    url: str = Field(
        "", description="Address that others reach it by, through TLS: `https://memory.example.com`."
    )

    metrics: bool = Field(
        False,
        description="Whether /metrics answers whoever reaches the service; else only whoever may run it.",
    )
    proxies: Several = Field(
        (), description="Addresses or networks of proxies whose headers are believed, with commas."
    )

    per_minute: Annotated[int, Field(ge=0)] = Field(
        1200, description="Requests that one caller other than the owner may send in a minute; 0: any number."
    )

    @field_validator("proxies")
    @classmethod
    def _networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for each in proxies:
            if ipaddress.ip_network(each).prefixlen == 0:
                raise ValueError(f"{each} is everybody; name the proxies only")
        return proxies

    @field_validator("url")
    @classmethod
    def _origin(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (
            parts.path.rstrip("/") or parts.query or parts.fragment or parts.username or not parts.hostname
        ):
            raise ValueError("give scheme and host only, as in https://memory.example.com")
        if url and not is_confidential(parts):
            raise ValueError("passwords and keys would travel readable by others; give an https address")
        return _as_browsers_write(url) if url else ""


class Settings(BaseSettings):
    """All settings. A group's setting is given as ``MNEME_GROUP__NAME``, for instance ``MNEME_SERVE__PORT``."""

    model_config = SettingsConfigDict(
        env_prefix="MNEME_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    home: Path = Field(default_factory=lambda: user_data_path("mneme"), description="The folder of all data.")
    catalogue: CatalogueSettings = CatalogueSettings()
    index: IndexSettings = IndexSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    search: SearchSettings = SearchSettings()
    parsing: ParsingSettings = ParsingSettings()
    ocr: OcrSettings = OcrSettings()
    sync: SyncSettings = SyncSettings()
    events: EventSettings = EventSettings()
    audit: AuditSettings = AuditSettings()
    serve: ServeSettings = ServeSettings()
    auth: AuthSettings = AuthSettings()
    log: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much the service logs."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Its log for people (`text`), or a JSON object a line for programs (`json`)."
    )

    traces: str = Field(
        "", description="Where an OpenTelemetry collector takes traces, OTLP over HTTP; empty: none are made."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments before variables before the file."""
        del dotenv_settings, file_secret_settings
        file = _home() / SETTINGS
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file))

    @model_validator(mode="after")
    def _nobody_listens_unasked(self) -> Self:
        host = self.serve.host
        if "proxy" in self.auth.methods and not self.serve.proxies:
            raise ValueError(
                "proxy is among the methods; set MNEME_SERVE__PROXIES to the addresses of the proxies"
            )
        if host in LOOPBACK:
            return self
        if not self.auth.methods:
            raise ValueError(
                f"{host or 'every address'} can be reached from other machines and no authentication is configured; "
                "use 127.0.0.1, or set MNEME_AUTH__METHODS"
            )
        if not self.serve.url:
            raise ValueError(
                f"{host or 'every address'} can be reached from other machines; set MNEME_SERVE__URL to the https address "
                "that they use"
            )
        return self

    def portable(self) -> dict[str, Any]:
        """What was set and is as true on another machine, by group and name; secrets and places are left out."""
        given = self.model_dump(exclude_defaults=True, exclude=_OF_THIS_MACHINE)
        return {
            name: kept for name, value in given.items() if (kept := _without_secrets(value)) not in ({}, None)
        }

    @property
    def catalogue_url(self) -> str:
        """The catalogue's URL, with the default filled in."""
        return self.catalogue.url.get_secret_value() or f"sqlite:///{self.home / CATALOGUE}"


def _as_browsers_write(url: str) -> str:
    """An origin in small letters and without the port that its scheme has anyway (RFC 6454, 6.2)."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, usual) else "")


_OF_THIS_MACHINE = {"home", "catalogue", "index", "serve", "log", "log_format", "traces"}


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: _without_secrets(inner) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner is not None}
    return None if isinstance(value, SecretStr) else value


def load(**given: Any) -> Settings:
    """Read the settings.

    :param given: settings that go before everything else.
    :raises InvalidSettings: where one cannot work, naming it and saying why.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'settings'}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        ]
        raise InvalidSettings(f"The settings cannot be used: {'; '.join(problems)}.") from error
    except (tomllib.TOMLDecodeError, OSError) as error:
        raise InvalidSettings(f"settings.toml cannot be read: {error}.") from error


def prepare_environment(allow_download: bool = False) -> None:
    """Keep libraries from the network and from taking more threads than there are; call it before they load."""
    quiet = {
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        "DO_NOT_TRACK": "true",
        "SCARF_NO_ANALYTICS": "true",
        "UNSTRUCTURED_DISABLE_NOTICE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    if not allow_download:
        quiet |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    for name, value in quiet.items():
        os.environ.setdefault(name, value)


def _home() -> Path:
    return Path(os.environ.get("MNEME_HOME") or user_data_path("mneme"))
