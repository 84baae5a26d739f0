"""The one reader of settings and environment. Everything it returns is frozen.

Two sources, kept apart because they are trusted differently: `Settings` come from whoever runs the audit (environment,
home), `Config` comes from the audited repository and is a claim like any other.
"""

from __future__ import annotations

import difflib
import os
import tomllib
import types
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from strictreal.errors import ConfigurationError
from strictreal.subject import Tree

STRICT_VARIABLE = "SOMABRAIN_STRICT_REAL"
CONFIG_FILE = "strictreal.toml"
MAX_WAIVER_DAYS = 365
MAX_EXCLUDE_PERCENT = 90
_BEARING = ("STRICTREAL_", "SOMABRAIN_", "XDG_", "CI", "GITHUB_SHA", "SOURCE_DATE_EPOCH")
_SECRET_WORDS = ("TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY")
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


class Secrets(dict[str, str]):
    """Values by name that must not be shown; its own text hides them."""

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self))})"


class ClusterAccess(msgspec.Struct, frozen=True, kw_only=True):
    """How the user reaches a cluster, for the lane `kind`. None of it is taken from the audited repository."""

    kubeconfig: tuple[Path, ...] = ()
    """STRICTREAL_KUBECONFIG, else KUBECONFIG, separated by `:`; ~/.kube/config without either."""
    context: str = ""
    """STRICTREAL_KUBE_CONTEXT; the kubeconfig's current one when it is empty."""
    images: Path | None = None
    """STRICTREAL_IMAGES: a JSON file with the images that were built, which is also how `kind status` prints them."""
    seconds: int = 10
    """STRICTREAL_CLUSTER_SECONDS: that one request to the API server may take, at least 1."""
    faults: bool = False
    """STRICTREAL_CLUSTER_FAULTS: whether a pod of the subject's may be deleted, to see what outlives it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the person or CI job that runs the audit has set."""

    strict: bool
    """SOMABRAIN_STRICT_REAL: anything that is not proven fails the audit."""
    config_home: Path
    """Where the development key and the trusted public keys live: $XDG_CONFIG_HOME/strictreal."""
    cache_home: Path
    """Where facts are cached: $XDG_CACHE_HOME/strictreal."""
    state_home: Path
    """Where the last seen head of each ledger is kept: $XDG_STATE_HOME/strictreal."""
    signing_key: Path | None
    """STRICTREAL_SIGNING_KEY: a PEM file with an Ed25519 private key; the development key is used without it."""
    trusted_keys: tuple[Path, ...]
    """STRICTREAL_TRUSTED_KEYS: PEM files of the public keys that `evidence verify` trusts, separated by `:`."""
    ci: bool
    """True on a CI machine (CI=true): no colours, no spinners."""
    cluster: ClusterAccess = ClusterAccess()
    trivy_cache: Path | None = None
    """STRICTREAL_TRIVY_CACHE: the folder with trivy's databases; its own default without it."""
    variables: tuple[str, ...] = ()
    """Names of the set environment variables that bear on an audit; their values stay out of every bundle."""
    secrets: Secrets = Secrets()
    """Values by name of environment variables that sound like secrets: no file of a bundle may hold one."""


class Exclude(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files that the audit passes over, and why; each is named in the bundle."""

    path: str
    reason: str


class Unread(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Code that is not read, and why that is as it should be; what it accepts is named in the bundle.

    Either a language that no rule reads, or modules that load or run code which the audit cannot know.
    """

    language: str = ""
    """As the gap calls it: `shell`, `C++`, `minified JavaScript`, …; capitals do not matter."""
    path: str = ""
    """A glob of modules that run text or load files which are not read: a shell, a loader of plugins."""
    reason: str


class Charts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How charts are rendered and judged."""

    kubernetes: str = ""
    """The Kubernetes version, `major.minor`, whose schemas judge the manifests and that templates shall see. When it is
    empty, the schemas of 1.34 judge, and templates see the version that the embedded Helm has."""
    namespace: str = "default"
    release: str = "release"
    overlays: tuple[str, ...] = ("values-*.yaml", "values/*.yaml", "ci/*-values.yaml")
    """Globs, relative to a chart, of values files that are each rendered on top of values.yaml."""


class Cluster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the running cluster is judged, in the lane `kind`."""

    namespaces: tuple[str, ...] = ()
    """Those in which releases are looked for; all when it is empty."""
    probe_image: str = ""
    """An image with python3 from which connections are tried. It must be one that a release runs; the first that can
    be used when it is empty."""
    memory: str = ""
    """`namespace/name` of the Service that speaks sfm.memory.v1, where the releases have several for gRPC."""
    metrics: dict[str, tuple[str, ...]] = {}
    """By the name of a release's workload, the metrics that its pods must export."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the subject says of itself: `[tool.strictreal]` in pyproject.toml, or strictreal.toml."""

    settings: tuple[str, ...] = ()
    """Globs of the modules that may read the environment; recognised by name when empty."""
    exclude: tuple[Exclude, ...] = ()
    require: tuple[str, ...] = ()
    """Globs of check ids that must be proven even where the subject has nothing of their kind."""
    waivers: str = "waivers.toml"
    waiver_days: int = 90
    """Days, 1 to 365, that a waiver may still last when it is used; a longer one covers nothing."""
    sprints: str = "sprints"
    evidence: str = "evidence"
    exclude_percent: int = 50
    """Percent, 1 to 90, of the lines of source code that exclusions may take out together."""
    unread: tuple[Unread, ...] = ()
    charts: Charts = Charts()
    cluster: Cluster = Cluster()
    source: str = ""
    """Not to be set: the file that this configuration was read from."""


def settings(environ: typing.Mapping[str, str] | None = None) -> Settings:
    """Read the environment, once.

    Raises:
        ConfigurationError: a variable holds something that it cannot mean.
    """
    env = os.environ if environ is None else environ
    home = _home(env.get("HOME", ""))

    def folder(variable: str, default: str) -> Path:
        named = env.get(variable, "")  # the XDG specification has relative paths ignored
        return (Path(named) if os.path.isabs(named) else home / default) / "strictreal"

    key = env.get("STRICTREAL_SIGNING_KEY")
    return Settings(
        strict=_flag(STRICT_VARIABLE, env.get(STRICT_VARIABLE, "")),
        config_home=folder("XDG_CONFIG_HOME", ".config"),
        cache_home=folder("XDG_CACHE_HOME", ".cache"),
        state_home=folder("XDG_STATE_HOME", ".local/state"),
        signing_key=Path(key) if key else None,
        trusted_keys=tuple(Path(p) for p in env.get("STRICTREAL_TRUSTED_KEYS", "").split(os.pathsep) if p),
        ci=_flag("CI", env.get("CI", "")),
        cluster=_cluster(env, home),
        trivy_cache=Path(env["STRICTREAL_TRIVY_CACHE"]) if env.get("STRICTREAL_TRIVY_CACHE") else None,
        variables=tuple(sorted(name for name in env if name.startswith(_BEARING))),
        secrets=Secrets((n, v) for n, v in env.items() if any(word in n.upper() for word in _SECRET_WORDS)),
    )


def _cluster(env: typing.Mapping[str, str], home: Path) -> ClusterAccess:
    """How the user reaches a cluster."""
    named = env.get("STRICTREAL_KUBECONFIG") or env.get("KUBECONFIG", "")
    seconds = env.get("STRICTREAL_CLUSTER_SECONDS", "10")
    if not (seconds.isdecimal() and 1 <= len(seconds) <= 4 and int(seconds)):
        raise ConfigurationError(f"STRICTREAL_CLUSTER_SECONDS={seconds!r} is not a number of seconds; set it to 10")
    images = env.get("STRICTREAL_IMAGES")
    return ClusterAccess(
        kubeconfig=tuple(Path(p) for p in named.split(os.pathsep) if p) or (home / ".kube/config",),
        context=env.get("STRICTREAL_KUBE_CONTEXT", ""),
        images=Path(images) if images else None,
        seconds=int(seconds),
        faults=_flag("STRICTREAL_CLUSTER_FAULTS", env.get("STRICTREAL_CLUSTER_FAULTS", "")),
    )


def _home(named: str) -> Path:
    """The home folder; without one, a place in which nothing can be kept."""
    if os.path.isabs(named):
        return Path(named)
    try:
        return Path.home()
    except RuntimeError:  # a user without an entry in the password file, as in many containers
        return Path(os.devnull)


@contextmanager
def without_pytest_options() -> Iterator[None]:
    """Hide pytest's options and plugins that the environment asks for, which are not meant for the audit suite."""
    names = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _flag(name: str, value: str) -> bool:
    word = value.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ConfigurationError(f"{name}={value!r} is neither true nor false; set it to 1 or 0")


def load(tree: Tree) -> Config:
    """The subject's configuration; the defaults when it has none.

    Raises:
        ConfigurationError: a file does not parse, both files configure strictreal, or a key or value is wrong. The
            message names the file and the field, and the nearest known key.
    """
    found: list[tuple[str, Any]] = []
    if CONFIG_FILE in tree.paths:
        found.append((CONFIG_FILE, _toml(tree, CONFIG_FILE)))
    if "pyproject.toml" in tree.paths:
        table = _toml(tree, "pyproject.toml").get("tool")
        if isinstance(table, dict) and "strictreal" in table:
            found.append(("pyproject.toml [tool.strictreal]", table["strictreal"]))
    if len(found) > 1:
        raise ConfigurationError(f"both {found[0][0]} and {found[1][0]} configure strictreal; keep one")
    if not found:
        return Config()
    source, table = found[0]
    if not isinstance(table, dict):
        raise ConfigurationError(f"{source}: must be a table")
    _refuse_unknown_keys(table, Config, source)
    try:
        config = msgspec.convert({**table, "source": source}, Config)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{source}: {error}") from error
    _refuse_unusable(config, table, tree)
    return config


def _refuse_unusable(config: Config, table: dict[str, Any], tree: Tree) -> None:
    """Raise for a value of the right type that can mean nothing good."""
    runs = tuple(each.path for each in config.unread if each.path)
    globs = (*config.settings, *(e.path for e in config.exclude), *runs, *config.charts.overlays)
    for path in (*globs, config.waivers, config.sprints, config.evidence):
        if path.startswith("/") or ".." in path.split("/"):
            raise ConfigurationError(f"{config.source}: {path!r} leaves the repository; use a path inside it")
        if not path.strip("./ "):
            raise ConfigurationError(f"{config.source}: {path!r} names no path; use one inside the repository")
    for exclude in config.exclude:
        if not exclude.reason.strip():
            raise ConfigurationError(f"{config.source}: exclude of {exclude.path!r}: reason is empty; say why")
    for unread in config.unread:
        if bool(unread.language.strip()) == bool(unread.path.strip()) or not unread.reason.strip():
            named = unread.language or unread.path
            raise ConfigurationError(f"{config.source}: unread: {named!r} needs a language or a path, and a reason")
    if not 1 <= config.waiver_days <= MAX_WAIVER_DAYS:
        named = f"{config.source}: waiver_days: {config.waiver_days}"
        raise ConfigurationError(f"{named} is not from 1 to {MAX_WAIVER_DAYS}")
    if not 1 <= config.exclude_percent <= MAX_EXCLUDE_PERCENT:
        named = f"{config.source}: exclude_percent: {config.exclude_percent}"
        raise ConfigurationError(f"{named} is not from 1 to {MAX_EXCLUDE_PERCENT}")
    if "waivers" in table and config.waivers not in tree.paths:
        raise ConfigurationError(f"{config.source}: waivers: {config.waivers!r} is not a file of the repository")


def _toml(tree: Tree, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(tree.read(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from error


def _refuse_unknown_keys(table: dict[str, Any], kind: type[msgspec.Struct], where: str) -> None:
    hints = typing.get_type_hints(kind)
    for key, value in table.items():
        if key not in hints or key == "source":
            known = [name for name in hints if name != "source"]
            near = difflib.get_close_matches(key, known, 1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ConfigurationError(f"{where}: unknown key {key!r}; {hint}")
        nested = _struct_inside(hints[key])
        for item in value if isinstance(value, list) else [value]:
            if nested and isinstance(item, dict):
                _refuse_unknown_keys(item, nested, f"{where}.{key}")


def _struct_inside(hint: Any) -> type[msgspec.Struct] | None:
    if isinstance(hint, type) and not isinstance(hint, types.GenericAlias) and issubclass(hint, msgspec.Struct):
        return hint
    return next((found for part in typing.get_args(hint) if (found := _struct_inside(part))), None)
