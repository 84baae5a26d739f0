"""`sfm`: the server and its tools.

Exit codes: 0 done; 1 the service refused or failed; 2 wrong usage; 3 unusable settings; 4 strict mode refuses to start;
5 the server cannot listen or its memory cannot start.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from common.config.settings import SettingsError, SMFSettings, load

from sfm.client import SERVING, AsyncClient, Client, Tls
from sfm.domain import NewMemory
from sfm.errors import MemoryServiceError
from sfm.server.auth import TOKEN_FILE
from sfm.store.failures import Away

FAILED, UNUSABLE_SETTINGS, STRICT_REFUSED, CANNOT_START = 1, 3, 4, 5
STANDARD = Path("-")
"""Standard input or output in place of a file."""
REPORT_SECONDS = 1.0
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


def main() -> None:
    """Run the command, with errors as one line each and an exit code."""
    try:
        app()
    except SettingsError as error:
        _end(error, UNUSABLE_SETTINGS)
    except (MemoryServiceError, Away) as error:
        _end(error, FAILED)
    except OSError as error:
        _end(f"{error.filename}: {error.strerror}", FAILED)


def _end(error: object, code: int) -> None:
    for line in str(error).splitlines():
        typer.echo(f"sfm: {line}", err=True)
    sys.exit(code)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="gRPC port; 0 takes a free one.")] = None,
    side_port: Annotated[int | None, typer.Option(help="HTTP port; 0 takes a free one.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where data is kept.")] = None,
) -> None:
    """Serve until SIGTERM. The first line on standard output says where, as JSON."""
    from sfm.server.app import StrictModeRefused, serve
    from sfm.server.listen import CannotListen

    given = {"host": host, "port": port, "side_port": side_port, "data_dir": data_dir}
    settings = load(**{name: value for name, value in given.items() if value is not None})
    try:
        asyncio.run(serve(settings))
    except StrictModeRefused as error:
        _end(error, STRICT_REFUSED)
    except (CannotListen, MemoryServiceError) as error:
        _end(error, CANNOT_START)


Target = Annotated[str | None, typer.Option("--target", help="host:port of the server; the settings' own if absent.")]
Token = Annotated[Path | None, typer.Option("--token-file", help="File with the bearer token.")]
Roots = Annotated[Path | None, typer.Option("--tls-ca", help="PEM roots; given, the connection is by TLS.")]
Certificate = Annotated[Path | None, typer.Option("--tls-cert", help="PEM chain of the client (mTLS).")]
Key = Annotated[Path | None, typer.Option("--tls-key", help="PEM key of the client (mTLS).")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds that a call may take.")]
Vector = Annotated[str | None, typer.Option(help="JSON list of numbers.")]
Text = Annotated[str | None, typer.Option(help="Text, for a server with an embedder.")]
Tenant = Annotated[str, typer.Argument(help="The namespace.")]
Id = Annotated[str, typer.Argument(help="The memory's id in its tenant.")]
Alpha = Annotated[float | None, typer.Option(help="Exponent of importance.")]
Beta = Annotated[float | None, typer.Option(help="Exponent of similarity.")]
Tau = Annotated[float | None, typer.Option(help="Half-life in seconds.")]


@app.callback()
def connection(
    context: typer.Context,
    target: Target = None,
    token_file: Token = None,
    tls_ca: Roots = None,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    timeout: Timeout = 30.0,
) -> None:
    """The server that the tools speak to."""
    context.obj = {
        "target": target,
        "token_file": token_file,
        "tls": Tls(roots=tls_ca, certificate=tls_cert, key=tls_key) if tls_ca or tls_cert else None,
        "timeout_seconds": timeout,
    }


def _arguments(context: typer.Context, settings: SMFSettings, *, token: str | None = None) -> dict[str, Any]:
    """What a client takes, from the options or else the settings."""
    given: dict[str, Any] = dict(context.obj)
    named: Path | None = given.pop("token_file")
    given["target"] = given["target"] or f"{settings.host}:{settings.port}"
    if given["tls"] is None and settings.tls_cert:
        given["tls"] = Tls(roots=settings.tls_cert)
    return given | {"token": token if token is not None else _token(named, settings)}


def _token(named: Path | None, settings: SMFSettings) -> str:
    """The token of the named file, the settings, or the file that the server left in its folder."""
    if named is None and settings.auth_dev_token:
        return settings.auth_dev_token.get_secret_value()
    path = named or settings.data_dir / TOKEN_FILE
    try:
        return path.read_text().strip()
    except OSError as error:
        raise SettingsError(f"--token-file: {path}: {error.strerror}") from None


def _client(context: typer.Context) -> Client:
    return Client(**_arguments(context, load()))


def _content(vector: str | None, text: str | None) -> list[float] | str:
    if (vector is None) == (text is None):
        raise typer.BadParameter("give either --vector or --text")
    if vector is None:
        return str(text)
    return [float(value) for value in _json(vector, "--vector", list)]


def _json(value: str, option: str, kind: type) -> Any:
    try:
        found = json.loads(value)
    except ValueError as error:
        raise typer.BadParameter(f"{option} is no JSON: {error}") from None
    if not isinstance(found, kind):
        raise typer.BadParameter(f"{option} must be a JSON {'list' if kind is list else 'object'}")
    return found


def _show(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    """Arrays as lists, payloads as base64."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value.tolist()


@app.command()
def health(context: typer.Context) -> None:
    """Ask the server's gRPC health service once; 0 if it serves."""
    with Client(**_arguments(context, load(), token="")) as client:
        found = client.health()
    typer.echo(found)
    if found != SERVING:
        raise typer.Exit(FAILED)


@app.command()
def store(  # noqa: PLR0913, PLR0917 -- the fields of a memory
    context: typer.Context,
    tenant: Tenant,
    id: Id,
    vector: Vector = None,
    text: Text = None,
    importance: Annotated[float, typer.Option(help="Raw importance.")] = 0.0,
    payload: Annotated[str, typer.Option(help="Kept as it is, as UTF-8.")] = "",
    metadata: Annotated[str, typer.Option(help="JSON object.")] = "{}",
    features: Annotated[str, typer.Option(help="JSON object of channel and value.")] = "{}",
) -> None:
    """Store one memory."""
    with _client(context) as client:
        stored = client.store(
            tenant,
            id,
            _content(vector, text),
            importance=importance,
            payload=payload.encode(),
            metadata=_json(metadata, "--metadata", dict),
            features=_json(features, "--features", dict),
        )
    _show(asdict(stored))


@app.command()
def recall(  # noqa: PLR0913, PLR0917 -- the fields of a query
    context: typer.Context,
    tenant: Tenant,
    vector: Vector = None,
    text: Text = None,
    k: Annotated[int, typer.Option("-k", help="How many.")] = 10,
    alpha: Alpha = None,
    beta: Beta = None,
    tau: Tau = None,
    filter: Annotated[str, typer.Option(help="JSON object of metadata entries.")] = "{}",
    min_score: Annotated[float, typer.Option(help="Leave lower scores out.")] = 0.0,
    payloads: Annotated[bool, typer.Option("--payloads", help="With payloads, as base64.")] = False,  # noqa: FBT002
) -> None:
    """Show the memories of largest score, a JSON line each."""
    with _client(context) as client:
        found = client.recall(
            tenant,
            _content(vector, text),
            k=k,
            alpha=alpha,
            beta=beta,
            tau_seconds=tau,
            filter=_json(filter, "--filter", dict),
            min_score=min_score,
            with_payloads=payloads,
        )
    for hit in found.hits:
        memory = asdict(hit.memory)
        del memory["vector"]
        _show({"score": hit.score} | memory)


@app.command()
def explain(
    context: typer.Context,
    tenant: Tenant,
    id: Id,
    vector: Vector = None,
    text: Text = None,
    alpha: Alpha = None,
    beta: Beta = None,
    tau: Tau = None,
) -> None:
    """Show every factor of the score that a memory has for a query."""
    with _client(context) as client:
        found = client.explain(tenant, id, _content(vector, text), alpha=alpha, beta=beta, tau_seconds=tau)
    _show(asdict(found))


@app.command()
def bench(
    context: typer.Context,
    tenant: Annotated[str, typer.Option(help="Its memories bench-0, bench-1 … are replaced.")] = "bench",
    count: Annotated[int, typer.Option(min=1, help="Stores, and then recalls.")] = 5000,
    concurrency: Annotated[int, typer.Option(min=1, help="How many at once.")] = 32,
    seconds: Annotated[float, typer.Option(min=0.0, help="End each of the two parts after this time.")] = 60.0,
    k: Annotated[int, typer.Option("-k", help="Memories to recall.")] = 10,
) -> None:
    """Store and recall under load, and print rates, p50, p95, p99 and histograms as JSON."""
    from sfm import load as driver

    settings = load()
    what = driver.Load(
        tenant=tenant, dimension=settings.dimension, count=count, concurrency=concurrency, seconds=seconds, k=k
    )

    async def run() -> dict[str, Any]:
        async with AsyncClient(**_arguments(context, settings)) as client:
            return await driver.run(client, what)

    found = asyncio.run(run())
    _show(found)
    if any(part["failed"] for part in found.values()):
        raise typer.Exit(FAILED)


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSON lines, as `sfm export` writes them; - is standard input.")],
    tenant: Annotated[str | None, typer.Option(help="Store into this one, whatever the lines say.")] = None,
) -> None:
    """Store memories from JSON lines as one stream; those that are refused are named on standard error."""
    from sfm.lines import imported

    reading = contextlib.nullcontext(sys.stdin) if file == STANDARD else file.open(encoding="utf-8")
    with reading as source, _client(context) as client:
        result = client.store_batch(_counted(imported(source, tenant), "read"))
    for refusal in result.refusals:
        typer.echo(f"sfm: memory {refusal.index} {refusal.id!r}: {refusal.error}", err=True)
    _show({"stored": result.stored, "refused": len(result.refusals)})
    if result.refusals:
        raise typer.Exit(FAILED)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where the JSON lines go; - is standard output.")],
    tenant: Annotated[str | None, typer.Option(help="This one alone.")] = None,
) -> None:
    """Write memories as JSON lines, from the database of the settings; a running server is not disturbed."""
    from sfm.lines import exported

    async def run() -> int:
        count = 0
        async with contextlib.aclosing(exported(load(), tenant)) as lines:
            with _whole(file) as target:
                async for line in lines:
                    target.write(line + "\n")
                    count += 1
                    progress(count)
        return count

    progress = _Progress("written")
    typer.echo(f"sfm: {asyncio.run(run())} memories written", err=True)


@app.command()
def migrate() -> None:
    """Bring the database of the settings to the newest schema, and end. No server may be running on it."""
    from sfm.store.database import Database

    settings = load()
    settings.data_dir.mkdir(parents=True, exist_ok=True)

    async def run() -> None:
        database = Database(settings.database)
        try:
            await database.open(settings.dimension)
        finally:
            await database.close()

    asyncio.run(run())


@contextlib.contextmanager
def _whole(file: Path) -> Iterator[TextIO]:
    """Standard output, or a file that is there when all of it has been written."""
    if file == STANDARD:
        yield sys.stdout
        return
    partial = file.with_name(file.name + ".partial")
    with partial.open("w", encoding="utf-8") as target:
        yield target
    partial.replace(file)


class _Progress:
    """Says on standard error, now and then, how far something is."""

    def __init__(self, done: str) -> None:
        self._done = done
        self._started = self._said = time.monotonic()

    def __call__(self, count: int) -> None:
        now = time.monotonic()
        if now - self._said >= REPORT_SECONDS:
            self._said = now
            rate = count / (now - self._started)
            typer.echo(f"sfm: {count} memories {self._done}, {rate:.0f} a second", err=True)


def _counted(memories: Iterable[NewMemory], done: str) -> Iterator[NewMemory]:
    progress = _Progress(done)
    for count, one in enumerate(memories, 1):
        progress(count)
        yield one
