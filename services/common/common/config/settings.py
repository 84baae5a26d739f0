"""Every setting of the services, and the only reader of the environment.

A setting `x` is read from the variable SOMA_X, or from the file `x` or `soma_x` in the folder that SOMA_SECRETS_DIR names, which is how Vault
and Kubernetes hand over secrets; the variable wins. Nothing else reads the environment, and no `.env` file is read.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AliasChoices,
    Field,
    FiniteFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

Port = Annotated[int, Field(ge=0, le=65535)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Names = Annotated[tuple[str, ...], NoDecode]
SECRETS_DIR = "SOMA_SECRETS_DIR"


class SettingsError(Exception):
    """The settings are not usable; the message names each and what it should be, and never its value."""


def _check_url(url: str, *schemes: str) -> SplitResult:
    """The parts of a URL; what is refused is not repeated, for it may hold a password."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname or (parts.scheme == "unix" and parts.path))
        usable = usable and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"must be a URL of {' or '.join(schemes)}; a password in it must be percent-encoded")
    return parts


class CommonSettings(BaseSettings):
    """What every service needs. A service that is not configured (its address is None) is absent, never simulated."""

    model_config = SettingsConfigDict(env_prefix="SOMA_", frozen=True, extra="forbid", hide_input_in_errors=True)

    strict_real: bool = Field(
        default=False, validation_alias=AliasChoices("SOMA_STRICT_REAL", "SOMABRAIN_STRICT_REAL", "strict_real")
    )
    """Refuse to start with anything missing that production needs."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    drain_seconds: PositiveFloat = 10.0
    """Time that running calls get after SIGTERM."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    otlp_endpoint: str | None = None
    """Where traces go: host:port of an OpenTelemetry collector (gRPC)."""
    trace_ratio: Ratio = 1.0
    """Share of traces that start here and are sampled."""

    redis_url: SecretStr | None = None
    """redis://[user:password@]host:port/db, rediss:// for TLS, or unix://path. Version 6.2 or later."""
    redis_timeout_seconds: PositiveFloat = 0.25
    """How long one question to Redis may take; then it counts as a miss."""
    redis_retry_seconds: PositiveFloat = 1.0
    """How long Redis is not asked after it was away."""
    redis_connections: PositiveInt = 16
    """Questions to Redis at once."""
    cache_value_bytes: PositiveInt = 64 * 1024
    """Size from which an answer is not kept."""
    cache_bytes: PositiveInt = 64 * 1024 * 1024
    """Size of all answers that are kept in process."""
    kafka_brokers: Names = ()
    """host:port of each bootstrap broker, separated by commas."""
    kafka_timeout_seconds: PositiveFloat = 10.0
    """How long brokers may take to confirm what was sent; then the connection is given up and made anew."""
    kafka_batch: PositiveInt = 500
    """Messages that are sent, or fetched, at once: no more of them are under way."""
    kafka_attempts: PositiveInt = 5
    """Times that a message is handled before it goes to the dead letters."""
    kafka_retry_first_seconds: PositiveFloat = 0.1
    """First wait before brokers, or a message, are tried again; each further wait is twice as long."""
    kafka_retry_longest_seconds: PositiveFloat = 10.0
    dead_letter_suffix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]+$")] = ".dlq"
    """What a topic's name is given to make the name of its topic of dead letters."""
    etcd_url: str | None = None
    """http://host:port of etcd's JSON gateway."""
    etcd_timeout_seconds: PositiveFloat = 2.0
    """Deadline of one request to etcd, with all its tries."""
    etcd_retry_first_seconds: PositiveFloat = 0.05
    """First wait before etcd is tried again; each further wait is twice as long."""
    etcd_retry_longest_seconds: PositiveFloat = 5.0
    etcd_watch_idle_seconds: PositiveFloat = 300.0
    """How long a watch may be silent before it is begun anew, so that a connection that died unseen is noticed."""
    flags_prefix: Annotated[str, Field(min_length=1)] = "/soma/flags/"
    """Where feature flags lie in etcd."""
    flags_topic: str = "config.updates"
    """Topic whose messages say that flags have changed."""
    flags_ttl_seconds: PositiveFloat = 30.0
    """How long a flag is believed when nothing says that it changed."""
    flags_most: PositiveInt = 1000
    """Keys that may lie under flags_prefix."""

    auth_jwks_url: str | None = None
    """Key set of the auth service, by which bearer tokens are verified."""
    auth_issuer: str | None = None
    auth_audience: str = "soma"
    auth_tenants_claim: str = "tenants"
    """Claim that lists the tenants a token may act for: a list, or names separated by spaces; dots descend."""
    auth_roles_claim: str = "roles"
    """Claim that lists the roles, in the same form; Keycloak's is realm_access.roles."""
    auth_jwks_refresh_seconds: PositiveFloat = 300.0
    """Age from which the key set is fetched again."""
    auth_jwks_max_age_seconds: PositiveFloat = 3600.0
    """Age from which the key set is no longer believed, when it cannot be fetched again."""
    auth_jwks_cooldown_seconds: PositiveFloat = 10.0
    """Least time between two fetches for tokens of unknown keys."""
    auth_timeout_seconds: PositiveFloat = 5.0
    auth_leeway_seconds: Annotated[float, Field(ge=0, le=300)] = 30.0
    """Difference of clocks that exp and nbf allow for."""
    auth_cached_tokens: PositiveInt = 10_000
    """Verified tokens that are remembered until they expire."""
    auth_dev_token: SecretStr | None = None
    """A fixed token for development, refused in strict mode. It may act for every tenant."""
    opa_url: str | None = None
    """http://host:port of the OPA that decides each call."""
    policy_dir: Path | None = None
    """Folder of Rego policies judged in process, where no OPA is configured."""
    policy_timeout_seconds: PositiveFloat = 1.0

    tls_cert: Path | None = None
    """PEM chain of the server."""
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    """PEM roots of client certificates; set, clients must show one (mTLS)."""

    @field_validator("kafka_brokers", mode="before", check_fields=False)
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _check_url(value.get_secret_value(), "redis", "rediss", "unix")
        return value

    @field_validator("etcd_url")
    @classmethod
    def _etcd(cls, value: str | None) -> str | None:
        if value is not None and _check_url(value, "http", "https").username is not None:
            raise ValueError("must not carry a name or a password")
        return value

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together: set both or neither")
        if self.tls_client_ca and not self.tls_cert:
            raise ValueError("tls_client_ca asks for client certificates, which needs tls_cert and tls_key")
        if self.opa_url and self.policy_dir:
            raise ValueError("opa_url and policy_dir are two judges: set one")
        if self.auth_jwks_url and not self.auth_issuer:
            raise ValueError("auth_jwks_url needs auth_issuer, so that tokens of others are refused")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- no .env file is read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- replaced by the folder that the environment names
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then files of secrets."""
        folder = os.environ.get(SECRETS_DIR)
        files = (SecretsSettingsSource(settings_cls, secrets_dir=folder, env_prefix=""),) if folder else ()
        return init_settings, env_settings, *files

    def missing_in_strict_mode(self) -> list[str]:
        """What strict mode asks for and these settings lack, as sentences; empty when all is there."""
        lacks = []
        if not self.auth_jwks_url:
            lacks.append("auth_jwks_url: calls would not be authenticated")
        if self.auth_dev_token:
            lacks.append("auth_dev_token: a fixed token is for development only; unset it")
        if not self.tls_cert:
            lacks.append("tls_cert and tls_key: calls would travel in clear text")
        if not (self.opa_url or self.policy_dir):
            lacks.append("opa_url or policy_dir: calls would not be decided by a policy")
        return lacks

    @property
    def cache_place(self) -> Literal["redis", "process"]:
        """Where answers are kept: in Redis when it is configured, and in the process that made them otherwise."""
        return "redis" if self.redis_url else "process"

    def absent_parts(self) -> dict[str, str]:
        """The optional parts that are not configured, and what is done without each."""
        without = {
            "redis": (self.redis_url, "redis_url: answers and flags are kept in process only"),
            "etcd": (self.etcd_url, "etcd_url: every feature flag has its default"),
            "kafka": (self.kafka_brokers, "kafka_brokers: no events are published, and none are followed"),
        }
        return {name: lack for name, (configured, lack) in without.items() if not configured}


class SMFSettings(CommonSettings):
    """The fractal memory service."""

    port: Port = 50053
    """gRPC. 0 takes a free port, which the first line on standard output then names."""
    side_port: Port = 9053
    """HTTP: /metrics, /healthz, /ready. 0 takes a free port."""
    data_dir: Path = Path("sfm-data")
    """Snapshots, and the database when none is configured."""
    database_url: SecretStr | None = None
    """postgresql+asyncpg://… ; SQLite in data_dir when absent."""

    dimension: Annotated[int, Field(ge=1, le=65536)] = 256
    """Components of every vector."""
    feature_names: Names = ()
    """Feature channels that memories may carry, separated by commas."""
    embedder_url: str | None = None
    """An OpenAI-compatible /v1/embeddings endpoint for requests with text."""
    embedder_model: str = ""

    importance_slope: PositiveFloat = 1.0
    """k of the logistic function."""
    importance_centre: FiniteFloat = 0.0
    """c of the logistic function."""
    alpha: Annotated[float, Field(ge=0, le=16)] = 1.0
    beta: Annotated[float, Field(gt=0, le=16)] = 1.0
    tau_seconds: Annotated[float, Field(gt=0)] = math.inf
    """Half-life; infinity switches decay off."""
    log_epsilon: Annotated[float, Field(gt=0, le=1e-3)] = 1e-12
    """ε of the log form."""

    max_k: PositiveInt = 1000
    max_message_bytes: PositiveInt = 4 * 1024 * 1024
    max_payload_bytes: PositiveInt = 1024 * 1024
    max_metadata_bytes: PositiveInt = 64 * 1024
    max_concurrent_calls: PositiveInt = 1024
    rate_per_second: PositiveFloat = 10_000.0
    """Calls a second that one tenant may make, on average."""
    rate_burst: PositiveInt = 20_000
    """Calls that one tenant may make at once."""
    rate_tenants: PositiveInt = 10_000
    """Tenants whose rate is remembered at once; the one that called longest ago is forgotten first."""
    default_timeout_seconds: PositiveFloat = 30.0
    """Deadline of a call that brings none."""
    max_text_bytes: PositiveInt = 64 * 1024
    max_metadata_depth: Annotated[int, Field(ge=1, le=64)] = 16
    """Levels of lists and objects in metadata."""
    stream_in_flight: PositiveInt = 64
    """Memories of one stream that are stored at once; the stream is read no faster."""
    stream_refusals: PositiveInt = 1000
    """Refused memories after which a stream is broken off."""
    embedder_timeout_seconds: PositiveFloat = 10.0
    readiness_seconds: PositiveFloat = 0.25
    """How often readiness is looked at for the health service."""

    commit_batch: PositiveInt = 512
    """Changes that one durable commit may carry."""
    snapshot_every_changes: PositiveInt = 100_000
    idempotency_days: PositiveInt = 7
    """How long a key of Store is remembered."""
    retry_first_seconds: PositiveFloat = 0.05
    """First wait before a database that is away is tried again; each further wait is twice as long."""
    retry_longest_seconds: PositiveFloat = 5.0
    upkeep_seconds: PositiveFloat = 5.0
    """How often access counts are persisted, the hot tier is chosen anew, and the database is looked for."""
    search_threads: PositiveInt = 1
    """Passes over memory at once, each for up to 8 recalls that wait. On two processors one is the fastest."""
    cache_ttl_seconds: PositiveFloat = 300.0
    """How long a recall may be answered from the cache."""
    cache_entries: NonNegativeInt = 10_000
    """Answers kept in process when no Redis is configured, which keeps as many as it has room for; 0 switches the cache off."""
    events_topic: str = "memory.events"
    """Where changes are told, when there are brokers."""
    events_linger_seconds: Annotated[float, Field(ge=0)] = 0.01
    """How long a change waits for others that are told with it."""
    events_note_seconds: PositiveFloat = 1.0
    """How often it is noted which changes the brokers have; after a crash the ones since then are told again."""

    float16: bool = False
    """Keep vectors in half precision (gate G4)."""
    projection_dimension: NonNegativeInt = 0
    """Dimensions of a random projection; 0 is none (gate G4)."""
    ann: Literal["", "usearch", "hnswlib"] = ""
    """Approximate search behind a recall guard; empty is exact (gate G5)."""
    ann_recall: Ratio = 0.98
    """Recall below which approximate answers are not given."""
    hot_tier_rows: NonNegativeInt = 0
    """Rows kept hot by retention score; 0 is no hot tier (gate G1)."""
    retention_gammas: Annotated[tuple[float, float, float, float], NoDecode] = (0.5, 0.3, 0.2, 0.0)
    """γ₁ to γ₄: importance, recency, frequency, cost."""
    retention_tau_seconds: PositiveFloat = 604_800.0

    gate_vectors: PositiveInt = 200_000
    gate_p95_seconds: PositiveFloat = 0.025
    gate_importance_skew: Ratio = 0.8
    """Distance of the 99th percentile of importance from the median."""
    gate_tie_ratio: Ratio = 0.1
    gate_memory_bytes: PositiveInt = 8 * 1024**3

    @field_validator("feature_names", "retention_gammas", mode="before")
    @classmethod
    def _split_features(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def database(self) -> str:
        """The database's URL for SQLAlchemy."""
        if self.database_url:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.data_dir / 'memories.db'}"


def load(**overrides: object) -> SMFSettings:
    """The settings of the memory service.

    Raises:
        SettingsError: names each setting that is unusable; its value is not repeated.
    """
    try:
        return SMFSettings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = (
            f"{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError("\n".join(lines)) from None
