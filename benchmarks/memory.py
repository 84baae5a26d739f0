"""The memory engine's exact search against exact and approximate peers, in one run, one thread each.

    python benchmarks/memory.py [--sizes N …] [--dims D …] [--slow-peers N] [--plot FILE.svg] [--strict]

Every engine finds the top 10 of the same memories by similarity · importance · decay. Ours works from vectors, importances
and times; the peers are given vectors that are scaled by importance and decay already, so theirs is the plain inner product,
and their answer holds for one instant only. Answers are compared with float64 brute force before times. Engines take turns
round by round, and times are processor time of the one thread, so that a busy machine is busy for all alike (a peer in
another process has wall time). Peers that are not installed are reported as absent.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # read when the libraries are loaded

import argparse
import importlib
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

try:
    import numpy as np
except ImportError:
    print("numpy is absent: install services/memory to run this benchmark")
    sys.exit(0)

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "services" / "memory"))

from sfm.engine import scoring
from sfm.engine.scoring import Parameters
from sfm.engine.space import Space

K = 10
QUERIES = 24
ROUNDS = 5
SPAN = 30.0
"""Ages are uniform over this many units; with decay, τ is one of them."""
TARGETS = {"no decay": 3.0, "tau = span/30": 25.0}
"""Least ratio to FAISS IndexFlatIP and to numpy, at the largest N."""
RECALL = 0.99
"""What a graph index must find of the exact top 10 for its time to count."""
Search = Callable[[Any], list[int]]


class Job(NamedTuple):
    """Memories, queries and what is to be found."""

    title: str
    vectors: Any
    importance: Any
    created: Any
    parameters: Parameters
    queries: Any
    expected: list[list[int]]
    scaled: Any


def make(n: int, d: int, tau: float, title: str, seed: int = 1) -> Job:
    """Random unit rows, logistic importances spread over (0, 1), uniform ages; the truth by float64 brute force."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n, d), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    importance = scoring.importance(rng.normal(0.0, 2.0, n), 1.0, 0.0)
    created = rng.uniform(0.0, SPAN, n)
    queries = rng.standard_normal((QUERIES, d)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    weight = importance * (1.0 if math.isinf(tau) else np.exp2(-(SPAN - created) / tau))
    wide = queries.astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    found = np.empty((QUERIES, n))
    for start in range(0, n, 20_000):
        part = slice(start, start + 20_000)
        found[:, part] = np.maximum(wide @ vectors[part].astype(np.float64).T, 0.0) * weight[part]
    best = np.argpartition(found, n - K, axis=1)[:, n - K :]
    expected = [row[np.argsort(-scores[row])].tolist() for row, scores in zip(best, found, strict=True)]
    scaled = vectors * weight.astype(np.float32)[:, None]
    return Job(title, vectors, importance, created, Parameters(tau=tau), queries, expected, scaled)


def ours(job: Job) -> Search:
    """The engine, filled in batches as a service fills it, maintained until nothing is due."""
    space = Space(job.vectors.shape[1], job.parameters)
    for start in range(0, len(job.vectors), 10_000):
        part = slice(start, start + 10_000)
        ids = [str(row) for row in range(len(job.vectors))[part]]
        space.put(ids, job.vectors[part], job.importance[part], job.created[part])
        while space.maintain():
            pass
    return lambda query: [int(hit.id) for hit in space.search(query, K, now=SPAN)]


def numpy_flat(job: Job) -> Search:
    """Matrix times vector, argpartition."""

    def search(query: Any) -> list[int]:
        scores = job.scaled @ query
        best = np.argpartition(scores, len(scores) - K)[len(scores) - K :]
        return best[np.argsort(-scores[best])].tolist()

    return search


def faiss_flat(job: Job) -> Search:
    """FAISS IndexFlatIP."""
    faiss = importlib.import_module("faiss")
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(job.scaled.shape[1])
    index.add(job.scaled)
    return lambda query: index.search(query[None], K)[1][0].tolist()


def usearch_graph(job: Job) -> Search:
    """usearch, its search width doubled until it finds enough."""
    module = importlib.import_module("usearch.index")
    index = module.Index(ndim=job.scaled.shape[1], metric="ip", connectivity=16, expansion_add=128)
    index.add(np.arange(len(job.scaled)), job.scaled, threads=1)

    def at(width: int) -> Search:
        index.expansion_search = width
        return lambda query: index.search(query, K, threads=1).keys.tolist()

    return widened(job, at)


def hnswlib_graph(job: Job) -> Search:
    """hnswlib, its search width doubled until it finds enough."""
    module = importlib.import_module("hnswlib")
    index = module.Index(space="ip", dim=job.scaled.shape[1])
    index.init_index(len(job.scaled), M=16, ef_construction=128, random_seed=1)
    index.set_num_threads(1)
    index.add_items(job.scaled, np.arange(len(job.scaled)))

    def at(width: int) -> Search:
        index.set_ef(width)
        return lambda query: index.knn_query(query, k=K)[0][0].tolist()

    return widened(job, at)


def widened(job: Job, at: Callable[[int], Search]) -> Search:
    """The search of the least width, by doubling, that reaches RECALL; of the largest tried when none does."""
    width = 64
    while recall(job, search := at(width)) < RECALL and width < len(job.scaled):
        width *= 2
    return search


def milvus_flat(job: Job) -> Search:
    """milvus-lite, FLAT index."""
    client = importlib.import_module("pymilvus").MilvusClient(str(Path(tempfile.mkdtemp()) / "bench.db"))
    client.create_collection("b", dimension=job.scaled.shape[1], metric_type="IP", auto_id=False)
    for start in range(0, len(job.scaled), 1000):
        part = range(len(job.scaled))[start : start + 1000]
        client.insert("b", [{"id": row, "vector": job.scaled[row].tolist()} for row in part])
    client.load_collection("b")
    return lambda query: [hit["id"] for hit in client.search("b", [query.tolist()], limit=K)[0]]


def qdrant_local(job: Job) -> Search:
    """qdrant-client's local mode."""
    module = importlib.import_module("qdrant_client")
    client, models = module.QdrantClient(":memory:"), module.models
    size, distance = job.scaled.shape[1], models.Distance.DOT
    client.create_collection("b", vectors_config=models.VectorParams(size=size, distance=distance))
    for start in range(0, len(job.scaled), 1000):
        part = range(len(job.scaled))[start : start + 1000]
        points = models.Batch(ids=list(part), vectors=job.scaled[part.start : part.stop].tolist())
        client.upsert("b", points)
    return lambda query: [point.id for point in client.query_points("b", query=query.tolist(), limit=K).points]


EXACT = {"ours": ours, "faiss flat": faiss_flat, "numpy": numpy_flat}
SLOW = {"usearch": usearch_graph, "hnswlib": hnswlib_graph, "milvus-lite": milvus_flat, "qdrant local": qdrant_local}
"""Peers that take long to fill or to search; only up to --slow-peers memories."""
OTHER_PROCESS = {"milvus-lite"}
"""Peers whose work is not done by the calling thread."""


def recall(job: Job, search: Search) -> float:
    """Share of the true top 10 that a search finds."""
    found = sum(len(set(search(query)) & set(truth)) for query, truth in zip(job.queries, job.expected, strict=True))
    return found / (K * QUERIES)


def measure(searches: dict[str, Search], job: Job) -> dict[str, float]:
    """Median seconds of each over some rounds; in a round each answers all queries, and the engines take turns."""
    times: dict[str, list[float]] = {title: [] for title in searches}
    for _ in range(ROUNDS):
        for title, search in searches.items():
            clock = time.perf_counter if title in OTHER_PROCESS else time.thread_time
            for query in job.queries:
                start = clock()
                search(query)
                times[title].append(clock() - start)
    return {title: statistics.median(found) for title, found in times.items()}


def bandwidth() -> float:
    """Bytes a second that one thread reads from memory: the fastest of some passes over 1 GiB."""
    block = np.ones(2**28, np.float32)
    times = []
    for _ in range(5):
        start = time.thread_time()
        np.dot(block, block)  # one stream: both arguments are the same memory
        times.append(time.thread_time() - start)
    return block.nbytes / min(times)


def compare(job: Job, slow: int, limit: float) -> dict[str, float]:
    """Fill, verify, time and print one job; median seconds by engine."""
    n, d = job.vectors.shape
    print(f"\n{job.title}, N = {n:,}, D = {d}", flush=True)
    searches: dict[str, Search] = {}
    found: dict[str, float] = {}
    for title, engine in {**EXACT, **(SLOW if n <= slow else {})}.items():
        try:
            searches[title] = engine(job)
        except ImportError as error:
            print(f"  {title:<14} absent ({error.name})")
            continue
        except Exception as error:  # a peer that fails is no reason to be silent about the others
            print(f"  {title:<14} failed: {type(error).__name__}: {str(error)[:120]}")
            continue
        found[title] = recall(job, searches[title])
    if [searches["ours"](query) for query in job.queries] != job.expected:
        raise SystemExit("the engine's answer differs from float64 brute force")
    times = measure(searches, job)
    for title, seconds in times.items():
        ratio = f"ours is {seconds / times['ours']:6.1f}x faster" if title != "ours" else "exact: verified in float64"
        share = "" if found[title] >= RECALL else f"; recall only {found[title]:.3f}"
        print(f"  {title:<14}{seconds * 1e3:9.3f} ms  {ratio}{share}")
    for title, size in (("int8", n * d), ("float32", 4 * n * d)):
        print(f"  limit {title:<8}{size / limit * 1e3:9.3f} ms  to read all rows once at {limit / 1e9:.1f} GB/s")
    return times


def draw(results: dict[tuple[str, int, int], dict[str, float]], limit: float, path: str) -> None:
    """Cost by N for each D and setting, with the time to read all rows once, as an SVG or PNG."""
    try:
        matplotlib = importlib.import_module("matplotlib")
    except ImportError:
        print("matplotlib is absent: no plot")
        return
    matplotlib.use("Agg")
    plots = importlib.import_module("matplotlib.pyplot")
    panels = sorted({(title, d) for title, _, d in results})
    figure, axes = plots.subplots(1, len(panels), figsize=(5 * len(panels), 4.2), squeeze=False, sharey=True)
    for axis, (title, d) in zip(axes[0], panels, strict=True):
        sizes = sorted(n for t, n, dim in results if (t, dim) == (title, d))
        for engine in EXACT:
            costs = [results[title, n, d].get(engine, math.nan) * 1e3 for n in sizes]
            axis.plot(sizes, costs, marker="o", label=engine)
        for name, width, style in (("int8, all rows", 1, ":"), ("float32, all rows", 4, "--")):
            axis.plot(sizes, [n * d * width / limit * 1e3 for n in sizes], style, color="grey", label=f"limit: {name}")
        axis.set(xscale="log", yscale="log", title=f"{title}, D = {d}", xlabel="memories", ylabel="ms a query")
        axis.grid(visible=True, alpha=0.3)
    axes[0][0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path)
    print(f"plot: {path}")


def main() -> int:
    """Print every table; with --strict 1 when a target is missed at the largest N."""
    parser = argparse.ArgumentParser(description="exact recall against peers, ratios in one run")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--dims", type=int, nargs="+", default=[256, 768])
    parser.add_argument("--slow-peers", type=int, default=10_000, help="largest N for graph indexes and databases")
    parser.add_argument("--plot", help="file to draw the costs into, .svg or .png")
    parser.add_argument("--strict", action="store_true", help="fail when a target is missed")
    options = parser.parse_args()
    limit = bandwidth()
    print(f"one thread reads {limit / 1e9:.1f} GB/s here; k = {K}, medians of {ROUNDS} rounds of {QUERIES} queries")
    results: dict[tuple[str, int, int], dict[str, float]] = {}
    missed = []
    for d in options.dims:
        for n in options.sizes:
            needed = n * d * (4 + 4 + 4 + 4 + 1 + 8)  # vectors, scaled, one copy each in a peer and a growing slab
            if needed > os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
                print(f"\nN = {n:,}, D = {d}: left out, needs about {needed / 2**30:.0f} GiB")
                continue
            for title, tau in (("no decay", math.inf), ("tau = span/30", SPAN / 30)):
                times = compare(make(n, d, tau, title), options.slow_peers, limit)
                results[title, n, d] = times
                ratios = {peer: times[peer] / times["ours"] for peer in ("faiss flat", "numpy") if peer in times}
                if n == max(options.sizes) and any(ratio < TARGETS[title] for ratio in ratios.values()):
                    missed.append(f"{title}, N = {n:,}, D = {d}: {ratios} below {TARGETS[title]}")
    if options.plot:
        draw(results, limit, options.plot)
    print(*(f"target missed: {line}" for line in missed), sep="\n")
    return int(options.strict and bool(missed))


if __name__ == "__main__":
    sys.exit(main())
