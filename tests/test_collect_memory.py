"""The memory service as the audit meets it: what is run, what is refused, how messages become plain records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect import memory
from strictreal.collect.service import scenario
from strictreal.collect.service.wire import Wire, compile_proto
from strictreal.config import Config, settings
from strictreal.errors import StrictRealError
from strictreal.facts.memory import ACTS, MemoryService
from strictreal.gather import session
from strictreal.model import Gap, Inventory, Observation
from strictreal.subject import open_tree

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "services/memory/proto/sfm/memory/v1/memory.proto"
PROJECT = '[project]\nname = "soma-memory"\nversion = "1"\nscripts = {sfm = "sfm.cli:main"}\n'
MANY = st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire(compile_proto(PROTO.read_bytes()), memory.SERVICE)


def collected(root: Path) -> list[Observation]:
    with session(settings({"HOME": str(root.parent)}), cached=False) as shared:
        return list(memory.collect(open_tree(root), Config(), shared))


def subject(folder: Path, *, project: str = PROJECT, proto: bytes = PROTO.read_bytes()) -> Path:
    root = folder / "subject"
    (root / "service/proto").mkdir(parents=True)
    (root / "service/pyproject.toml").write_text(project)
    (root / "service/proto/memory.proto").write_bytes(proto)
    return root


def test_a_subject_without_the_service_has_nothing_to_tell(tmp_path: Path):
    (tmp_path / "subject").mkdir()
    (tmp_path / "subject/README.md").write_text("none here")
    assert collected(tmp_path / "subject") == []


def test_a_copy_of_the_proto_alone_is_no_service(tmp_path: Path):
    assert collected(subject(tmp_path, project='[project]\nname = "client"\nversion = "1"\n')) == []


@pytest.mark.parametrize(
    ("project", "reason"),
    [
        (PROJECT, "another folder's than the subject's"),
        (PROJECT.replace("soma-memory", "never-installed"), "pip install service"),
    ],
)
def test_a_service_that_is_not_the_subjects_own_is_not_run_and_every_act_is_a_gap(
    tmp_path: Path, project: str, reason: str
):
    (observation,) = collected(subject(tmp_path, project=project))
    gaps = [fact for fact in observation.facts if isinstance(fact, Gap)]
    assert {gap.of for gap in gaps} == set(memory.UNITS)
    assert all(reason in gap.reason for gap in gaps)
    assert {fact.of: fact.count for fact in observation.facts if isinstance(fact, Inventory)} == dict.fromkeys(
        memory.UNITS, 1
    )


def test_a_transcript_in_a_subject_is_no_evidence(tmp_path: Path):
    root = subject(tmp_path)
    specimen = ROOT / "checks/specimens/memory.ties/good" / memory.TRANSCRIPT
    (root / memory.TRANSCRIPT).write_bytes(specimen.read_bytes())
    facts = [fact for observation in collected(root) for fact in observation.facts]
    assert not [fact for fact in facts if isinstance(fact, (*ACTS, MemoryService))]


def test_a_proto_that_does_not_compile_names_itself(tmp_path: Path):
    with pytest.raises(StrictRealError, match="protoc"):
        compile_proto(b'syntax = "proto3"; package sfm.memory.v1; message {')


def test_a_proto_of_another_service_is_told(tmp_path: Path):
    with pytest.raises(StrictRealError, match="declares no service"):
        Wire(compile_proto(b'syntax = "proto3"; package sfm.memory.v1;'), memory.SERVICE)


@given(vector=MANY, importance=st.floats(allow_nan=False), moment=st.integers(0, 2**51), payload=st.binary())
def test_a_request_is_what_its_record_says(
    wire: Wire, vector: list[float], importance: float, moment: int, payload: bytes
):
    record = {
        "tenant": "t",
        "id": "a",
        "vector": " ".join(map(repr, vector)),
        "importance": repr(importance),
        "created_at": moment,
        "payload": payload.hex(),
        "metadata": {"deep": {"er": ["a", True, None]}},
        "features": {"salience": "0.5"},
    }
    from google.protobuf import message_factory

    from strictreal.collect.service.wire import _plain  # the inverse, which is for responses only otherwise

    kind = message_factory.GetMessageClass(wire.methods["Store"].input_type)
    assert _plain(kind.FromString(wire.encode("Store", record))) == record | {"idempotency_key": ""}


def test_an_unknown_field_is_named(wire: Wire):
    with pytest.raises(StrictRealError, match=r"StoreRequest has no field 'colour'"):
        wire.encode("Store", {"colour": "red"})


def test_the_scenario_is_the_same_each_time_and_its_vectors_are_exact_in_single_precision():
    import struct

    shape = scenario.EMBEDDED
    first, second = shape.vector(scenario.seeded("x")), shape.vector(scenario.seeded("x"))
    assert first == second != shape.vector(scenario.seeded("y"))
    assert struct.unpack(f"<{len(first)}f", struct.pack(f"<{len(first)}f", *first)) == tuple(first)


def test_facts_of_a_transcript_hold_no_floating_point_number():
    floats: list[str] = []
    paths = sorted((ROOT / "checks/specimens").glob("memory.*/*/transcript.json"))
    for path in paths:
        json.loads(path.read_text(), parse_float=floats.append)
    assert len(paths) == 38
    assert not floats
