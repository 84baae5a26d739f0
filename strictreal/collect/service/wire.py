"""The wire of a service, read from its .proto: plain records become messages, and messages plain records.

Nothing of the service is imported: its .proto is compiled to descriptors, and messages are made from these. Plain
records are written as strictreal/facts/memory.py says: doubles as shortest decimals, vectors as decimals with spaces
between, moments as whole microseconds, bytes as hexadecimal digits.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from strictreal.errors import StrictRealError

TIMESTAMP, STRUCT = "google.protobuf.Timestamp", "google.protobuf.Struct"
MICROSECONDS = 1_000_000
_NUMBERS = {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}


def compile_proto(source: bytes) -> bytes:
    """Compile .proto sources"""
    from grpc_tools import protoc

    include = Path(protoc.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory(prefix="strictreal-proto-") as folder:
        proto, compiled = os.path.join(folder, "subject.proto"), os.path.join(folder, "descriptors")
        Path(proto).write_bytes(source)
        arguments = [f"-I{folder}", f"-I{include}", "--include_imports", f"--descriptor_set_out={compiled}", proto]
        if protoc.main(["protoc", *arguments]):
            raise StrictRealError("protoc refuses it")
        return Path(compiled).read_bytes()


class Wire:
    """The methods of one service, and how its messages are written.

    Args:
        descriptors: a serialised FileDescriptorSet with all imports.
        service: its full name.

    Raises:
        StrictRealError: the descriptors have no such service.
    """

    def __init__(self, descriptors: bytes, service: str) -> None:
        pool = DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors).file:
            pool.AddSerializedFile(file.SerializeToString())
        try:
            found = pool.FindServiceByName(service)
        except KeyError:
            raise StrictRealError(f"it declares no service {service}") from None
        self.service = service
        self.methods: Mapping[str, MethodDescriptor] = found.methods_by_name

    def path(self, method: str) -> str:
        """The HTTP/2 path of a method."""
        return f"/{self.service}/{method}"

    def encode(self, method: str, record: Mapping[str, Any]) -> bytes:
        """The request of a method, serialised.

        Raises:
            StrictRealError: the message has no such field.
        """
        message = message_factory.GetMessageClass(self.methods[method].input_type)()
        _fill(message, record)
        return message.SerializeToString()

    def decode(self, method: str, data: bytes) -> dict[str, Any]:
        """The response of a method as a plain record; a field without presence is always there."""
        return _plain(message_factory.GetMessageClass(self.methods[method].output_type).FromString(data))


def _fill(message: Message, record: Mapping[str, Any]) -> None:
    for name, value in record.items():
        field = message.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            raise StrictRealError(f"{message.DESCRIPTOR.full_name} has no field {name!r}")
        target = getattr(message, name)
        if _is_map(field):
            target.update({key: float(item) for key, item in value.items()})
        elif field.message_type is None:
            setattr(message, name, _scalar(field, value))
        elif field.message_type.full_name == TIMESTAMP:
            target.seconds, target.nanos = value // MICROSECONDS, value % MICROSECONDS * 1000
        elif field.message_type.full_name == STRUCT:
            json_format.ParseDict(value, target)
        elif vector := _vector(field.message_type):
            target.SetInParent()
            getattr(target, vector).extend(map(float, value.split()))
        else:
            target.SetInParent()
            _fill(target, value)


def _scalar(field: Any, value: Any) -> Any:
    if field.type in _NUMBERS:
        return float(value)
    return bytes.fromhex(value) if field.type == FieldDescriptor.TYPE_BYTES else value


def _plain(message: Message) -> dict[str, Any]:
    return {
        field.name: _value(message, field)
        for field in message.DESCRIPTOR.fields
        if not field.has_presence or message.HasField(field.name)
    }


def _value(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if _is_map(field):
        return {key: repr(float(value[key])) for key in sorted(value)}
    if field.is_repeated:
        return [_item(field, item) for item in value]
    return _item(field, value)


def _item(field: Any, value: Any) -> Any:
    if field.type in _NUMBERS:
        return repr(float(value))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes(value).hex()
    if field.message_type is None:
        return value
    if field.message_type.full_name == TIMESTAMP:
        return value.seconds * MICROSECONDS + value.nanos // 1000
    if field.message_type.full_name == STRUCT:
        return _numbers_as_text(json_format.MessageToDict(value))
    if vector := _vector(field.message_type):
        return " ".join(repr(float(component)) for component in getattr(value, vector))
    return _plain(value)


def _vector(kind: Any) -> str:
    """The name of the one field of a message that is nothing but a list of numbers; "" for other messages."""
    only = kind.fields[0] if len(kind.fields) == 1 else None
    return str(only.name) if only is not None and only.is_repeated and only.type in _NUMBERS else ""


def _is_map(field: Any) -> bool:
    return bool(field.message_type is not None and field.message_type.GetOptions().map_entry)


def _numbers_as_text(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {key: _numbers_as_text(item) for key, item in value.items()}
    return [_numbers_as_text(item) for item in value] if isinstance(value, list) else value
