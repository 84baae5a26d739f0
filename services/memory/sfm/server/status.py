"""What each error is on the wire: a gRPC status, and for a bad field google.rpc.BadRequest as its details."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from common.utils.auth_client import KeysUnavailable, TokenRefused
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from sfm import errors
from sfm.server.refusals import DeadlinePassed, Denied, Overloaded, RateExceeded, TooLarge, UnknownService

Code = grpc.StatusCode
DETAILS = "grpc-status-details-bin"
RETRY = "retry-after-seconds"
CODES: dict[type[Exception], grpc.StatusCode] = {
    errors.InvalidField: Code.INVALID_ARGUMENT,
    errors.MemoryNotFound: Code.NOT_FOUND,
    errors.IdempotencyConflict: Code.ALREADY_EXISTS,
    errors.NotReady: Code.UNAVAILABLE,
    errors.Unconfigured: Code.FAILED_PRECONDITION,
    errors.Damaged: Code.DATA_LOSS,
    TokenRefused: Code.UNAUTHENTICATED,
    KeysUnavailable: Code.UNAVAILABLE,
    Denied: Code.PERMISSION_DENIED,
    RateExceeded: Code.RESOURCE_EXHAUSTED,
    Overloaded: Code.RESOURCE_EXHAUSTED,
    TooLarge: Code.RESOURCE_EXHAUSTED,
    UnknownService: Code.NOT_FOUND,
    DeadlinePassed: Code.DEADLINE_EXCEEDED,
}
MESSAGE_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class Status:
    """How a call ends that went wrong.

    Attributes:
        expected: whether the error is one of those that callers are told of; any other is a defect of the server.
    """

    code: grpc.StatusCode
    message: str
    trailing: tuple[tuple[str, str | bytes], ...] = ()
    expected: bool = True


def of(error: Exception) -> Status:
    """The status of an error. Of one that was not foreseen nothing is told but that it is in the log."""
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), None)
    if code is None:
        return Status(Code.INTERNAL, "the server has a defect; its log says more", expected=False)
    message = str(error)[:MESSAGE_CHARACTERS]
    if isinstance(error, TokenRefused):
        return Status(code, f"the token is refused: {message}")
    if isinstance(error, RateExceeded):
        return Status(code, message, ((RETRY, f"{error.retry_after_seconds:.3f}"),))
    if isinstance(error, errors.InvalidField):
        return Status(code, message, ((DETAILS, _details(error, message)),))
    return Status(code, message)


def _details(error: errors.InvalidField, message: str) -> bytes:
    violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.problem)
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    status = status_pb2.Status(code=Code.INVALID_ARGUMENT.value[0], message=message, details=[detail])
    found: bytes = status.SerializeToString()
    return found
