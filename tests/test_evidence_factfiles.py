"""Fact files: what is written is read back, and what is not facts is refused."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.errors import StrictRealError
from strictreal.evidence import factfiles
from strictreal.facts.code import Module
from strictreal.model import Gap, Inventory, Location, Observation, RunTime, canonical

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
locations = st.builds(Location, path=text, line=st.integers(0, 9), text=text)
facts = (
    st.builds(Module, where=locations, lines=st.integers(0, 10**9))
    | st.builds(Gap, where=locations, of=st.just("Module"), reason=text)
    | st.builds(Inventory, of=st.just("Module"), count=st.integers(0, 99))
    | st.builds(RunTime, now=text, waivers_until=text)
)
observations = st.lists(
    st.builds(
        Observation,
        collector=text,
        source=text,
        digest=text,
        tools=st.dictionaries(text, text, max_size=2),
        cached=st.booleans(),
        facts=st.lists(facts, max_size=4).map(tuple),
    ),
    max_size=4,
)
specimens = st.dictionaries(st.tuples(text, st.sampled_from(["bad", "good"])), observations, max_size=3)


@given(observations, specimens, st.none() | observations)
def test_what_is_written_is_read_back(tmp_path_factory, subject, shown, base):
    folder = tmp_path_factory.mktemp("facts")
    factfiles.write(folder, subject, shown, base)
    assert canonical(list(factfiles.observations(folder, factfiles.FACTS))) == canonical(subject)
    case = factfiles.read(folder)
    assert case.subject.all(Module) == [f for o in subject for f in o.facts if isinstance(f, Module)]
    assert case.specimens.keys() == shown.keys()
    for key, found in shown.items():
        assert case.specimens[key].all(Gap) == [f for o in found for f in o.facts if isinstance(f, Gap)]
    assert (case.base is None) == (base is None)


@given(observations)
def test_the_same_facts_have_the_same_bytes(tmp_path_factory, subject):
    one, other = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    factfiles.write(one, subject, {})
    factfiles.write(other, list(factfiles.observations(one, factfiles.FACTS)), {})
    assert (one / factfiles.FACTS).read_bytes() == (other / factfiles.FACTS).read_bytes()


@pytest.fixture
def folder(tmp_path):
    factfiles.write(tmp_path, [], {})
    return tmp_path


@pytest.mark.parametrize("name", [factfiles.FACTS, factfiles.SPECIMENS])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (os.mkfifo, "a named pipe, not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "a symbolic link, not a regular file"),
        (lambda path: path.mkdir(), "a folder, not a regular file"),
        (lambda path: path.unlink(missing_ok=True), "missing"),
        (lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 1 << 40), "bound: evidence file"),
    ],
    ids=["pipe", "link", "folder", "nothing", "vast"],
)
def test_a_fact_file_that_is_none_is_refused_without_being_read(folder, name, make, message):
    (folder / name).unlink()
    make(folder / name)
    with pytest.raises(StrictRealError, match=f"{name}: .*{message}|{name}: {message}"):
        factfiles.read(folder)
