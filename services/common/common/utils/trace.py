"""OpenTelemetry: spans that continue the caller's W3C trace, exported by OTLP where settings say so."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from common.config.settings import CommonSettings

CARRIED = ("traceparent", "tracestate")
_W3C = TraceContextTextMapPropagator()


class Tracing:
    """The tracer of one service. Without an endpoint spans are made, for the ids in the logs, and not exported.

    Args:
        service: name of the service.
        settings: otlp_endpoint and trace_ratio.
    """

    def __init__(self, service: str, settings: CommonSettings) -> None:
        self._provider = TracerProvider(
            resource=Resource({"service.name": service}), sampler=ParentBased(TraceIdRatioBased(settings.trace_ratio))
        )
        if settings.otlp_endpoint:
            plain = not settings.otlp_endpoint.startswith("https://")
            exporter = OTLPSpanExporter(endpoint=settings.otlp_endpoint, insecure=plain)
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(service)

    def serving(self, name: str, metadata: Iterable[tuple[str, str | bytes]]) -> AbstractContextManager[Span]:
        """The span of one call that is served, a child of the caller's span if the metadata names one."""
        return self._tracer.start_as_current_span(
            name, context_of(metadata), SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        )

    def close(self) -> None:
        """Export what is left; waits for at most the exporter's own timeout."""
        self._provider.shutdown()


def context_of(metadata: Iterable[tuple[str, str | bytes]]) -> Context:
    """The caller's trace, from W3C traceparent and tracestate; empty when there is none or it is malformed."""
    carrier = {key: value for key, value in metadata if key in CARRIED and isinstance(value, str)}
    return _W3C.extract(carrier, Context())


def headers() -> dict[str, str]:
    """The W3C headers that carry the current span to the service that is called."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier
