"""Sprints: a roadmap is read without trust, and a criterion is proven only by every check that is bound to it."""

from __future__ import annotations

import fnmatch
import json
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal import facts, sprint, suite
from strictreal.check import load
from strictreal.errors import ConfigurationError
from strictreal.facts.sprints import LANES, Criterion, Roadmap, Sprint
from strictreal.model import Gap, Inventory, Location, Outcome, Result
from strictreal.plainyaml import MAX_BYTES, MAX_DEPTH, PlainYamlError, read
from strictreal.sprint import State
from strictreal.subject import Tree, open_tree

KNOWN = ("claims.done", "code.env-access", "code.stub", "policies.parity")
GOOD = """\
id: plan
title: A plan
source: The plan of somebody
sprints:
  - id: sprint-1
    title: First
    goal: Something
    criteria:
      - id: one
        text: The first thing holds.
        checks: [code.stub, "policies.*"]
      - id: two
        text: The second thing holds.
        lane: kind
        note: Nobody looks yet.
  - id: sprint-2
    title: Second
    goal: More
    lane: local
    criteria:
      - id: one
        text: The third thing holds.
"""


def subject(folder: Path, **files: str) -> Tree:
    (folder / "sprints").mkdir()
    for name, text in files.items():
        (folder / "sprints" / f"{name}.yaml").write_text(text)
    return open_tree(folder)


# -- reading -----------------------------------------------------------------------------------------------------------


def test_a_roadmap_is_read_with_lanes_and_lines(tmp_path):
    [roadmap] = sprint.load(subject(tmp_path, plan=GOOD), "sprints", KNOWN)
    first, second = roadmap.sprints
    assert (roadmap.id, roadmap.where.path, first.id, first.line) == ("plan", "sprints/plan.yaml", "sprint-1", 5)
    assert first.criteria == (
        Criterion(id="one", text="The first thing holds.", checks=("code.stub", "policies.*"), line=9),
        Criterion(id="two", text="The second thing holds.", lane="kind", note="Nobody looks yet.", line=12),
    )
    assert second.criteria[0].lane == "local"


def test_a_subject_without_roadmaps_has_none(tmp_path):
    assert sprint.load(open_tree(tmp_path), "sprints", KNOWN) == ()


WRONG = {
    "an unknown check": (
        "code.stub",
        "code.stubs",
        r"plan.yaml:11: sprints\[0\].criteria\[0\].checks\[0\]: there is no",
    ),
    "its nearest name": ("code.stub", "code.stubs", "did you mean 'code.stub'"),
    "a glob that fits none": (
        '"policies.*"',
        '"polices.*"',
        "there is no check 'polices.*'; did you mean 'policies.parity'",
    ),
    "an unknown key": ("        note:", "        remark:", "plan.yaml:15: .*unknown key 'remark'"),
    "a misspelt key": ("        note:", "        notes:", "did you mean 'note'"),
    "an unknown lane": ("lane: kind", "lane: kindd", r"criteria\[1\].lane: 'kindd' is none of .*did you mean 'kind'"),
    "a missing key": ("    goal: More\n", "", r"plan.yaml:16: sprints\[1\]: .goal. is a required property"),
    "an empty text": ("The first thing holds.", "''", r"sprints\[0\].criteria\[0\].text"),
    "another id": ("id: plan", "id: plans", "plan.yaml:1: id: 'plans' is not the file's name"),
    "an id twice": (
        "id: sprint-2",
        "id: sprint-1",
        r"plan.yaml:16: sprints\[1\].id: another sprint is called 'sprint-1'",
    ),
    "a criterion twice": ("id: two", "id: one", "plan.yaml:12: .*another criterion of sprint-1 is called 'one'"),
    "a key twice": ("title: First", "title: First\n    title: Last", "plan.yaml:7: the key 'title' is given twice"),
    "an alias": ("title: First", "title: &t First", "plan.yaml:6: anchors and aliases are not allowed"),
    "a tag": ("title: First", "title: !!python/name:os.system First", "plan.yaml:6: the tag .*python.* is not allowed"),
    "two documents": ("id: plan", "---\nid: plan\n---\nid: plan", "a second document begins here"),
    "no YAML": ("id: plan", "id: [plan", "plan.yaml:.: not valid YAML"),
    "a list": (GOOD, "- a\n", "plan.yaml:1: the file: .* is not of type"),
    "nothing": (GOOD, "", "plan.yaml:1: the file: "),
}


@pytest.mark.parametrize(("old", "new", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_roadmap_is_refused_with_file_line_field_and_fix(tmp_path, old, new, message):
    assert old in GOOD
    tree = subject(tmp_path, plan=GOOD.replace(old, new, 1))
    with pytest.raises(ConfigurationError, match=message):
        sprint.load(tree, "sprints", KNOWN)


SEVERAL = """\
id: plans
title: A plan
source: The plan of somebody
sprints:
  - id: one
    title: First
    goal: Something
    criteria:
      - id: real
        text: The first thing holds.
        checks: [code.stubs, code.stub]
        lane: kindd
        remark: None.
  - id: one
    title: Second
    criteria: []
"""


def test_every_error_of_every_roadmap_is_told_with_its_line(tmp_path):
    tree = subject(
        tmp_path, plan=SEVERAL, other=GOOD.replace("id: plan", "id: other").replace("    title: First\n", "")
    )
    with pytest.raises(ConfigurationError) as raised:
        sprint.load(tree, "sprints", KNOWN)
    told = [line.split(": ")[:2] for line in str(raised.value).split("\n")]
    assert told == [
        ["sprints/other.yaml:5", "sprints[0]"],
        ["sprints/plan.yaml:1", "id"],
        ["sprints/plan.yaml:11", "sprints[0].criteria[0].checks[0]"],
        ["sprints/plan.yaml:12", "sprints[0].criteria[0].lane"],
        ["sprints/plan.yaml:13", "sprints[0].criteria[0].remark"],
        ["sprints/plan.yaml:14", "sprints[1]"],
        ["sprints/plan.yaml:14", "sprints[1].id"],
        ["sprints/plan.yaml:16", "sprints[1].criteria"],
    ]


def test_a_roadmap_of_errors_without_end_is_told_up_to_a_bound(tmp_path):
    odd = "".join(f"odd{number}: x\n" for number in range(sprint.MAX_FAULTS + 7))
    with pytest.raises(ConfigurationError) as raised:
        sprint.load(subject(tmp_path, plan=GOOD + odd), "sprints", KNOWN)
    lines = str(raised.value).split("\n")
    assert (len(lines), lines[-1]) == (sprint.MAX_FAULTS + 1, "sprints/plan.yaml: 7 more errors")


def test_a_wrong_roadmap_is_a_gap_where_nobody_asked_for_a_sprint(tmp_path):
    tree = subject(tmp_path, plan=GOOD, foreign="- [ ] buy milk\n")
    observations = sprint.observe(tree, "sprints", KNOWN)
    seen = [fact for observation in observations for fact in observation.facts]
    assert [type(fact) for fact in seen] == [Inventory, Gap, Roadmap]
    assert seen[0].count == 2
    assert seen[1].where.path == "sprints/foreign.yaml"
    assert [o.digest for o in observations[1:]] == [tree.digests[o.source] for o in observations[1:]]


def test_roadmaps_survive_the_bundle(tmp_path):
    observations = sprint.observe(subject(tmp_path, plan=GOOD), "sprints", KNOWN)
    again = list(facts.decode(facts.encode(observations), "facts.jsonl"))
    assert [o.facts for o in again] == [o.facts for o in observations]


def test_the_schema_accepts_what_load_accepts_and_is_a_schema():
    schema = json.loads((suite.root() / "sprints" / "schema.json").read_text())
    jsonschema_rs.meta.validate(schema)
    assert jsonschema_rs.validator_for(schema).is_valid(read(GOOD.encode()).value)


def test_our_own_roadmap_binds_only_checks_of_the_suite_and_says_what_it_lacks():
    tree = open_tree(Path(__file__).parents[1])
    [roadmap] = sprint.load(tree, "sprints", load(suite.root() / "checks"))
    assert [s.id for s in roadmap.sprints] == [f"sprint-{n}" for n in range(8)]
    for each in roadmap.sprints:
        for criterion in each.criteria:
            assert criterion.checks or criterion.note, f"{each.id} {criterion.id} has neither check nor note"


# -- plain YAML --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no\nb: 1.10\nc: 2026-01-31\nd:\n", {"a": "no", "b": "1.10", "c": "2026-01-31", "d": ""}),
        ("- x\n- [y, {z: '1'}]\n", ["x", ["y", {"z": "1"}]]),
        ("plain", "plain"),
        ("", None),
    ],
)
def test_every_scalar_is_its_own_text(text, value):
    assert read(text.encode()).value == value


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "bound: nesting"),
        (b"[" * 100_000, "bound: nesting"),
        (b"a" * (MAX_BYTES + 1), "bound: file size"),
        (b"a: &a [x]\nb: *a\n", "anchors and aliases"),
        (b"? [a]\n: b\n", "a key must be a plain text"),
        (b"\xff\xfe\xfa", "not valid"),
        (b"a: b: c", "not valid YAML"),
        (b"a: \x00", "not valid YAML"),
    ],
)
def test_hostile_yaml_is_refused_with_the_bound_that_it_hits(data, message):
    with pytest.raises(PlainYamlError, match=message):
        read(data)


_TEXTS = st.text(alphabet="abc xyz", min_size=1, max_size=8).map(str.strip).filter(bool)
_VALUES = st.recursive(_TEXTS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4))


@given(_VALUES)
def test_texts_lists_and_mappings_come_back_as_they_were_written(value):
    assert read(json.dumps(value).encode()).value == value


# -- choosing ----------------------------------------------------------------------------------------------------------


def test_a_sprint_is_chosen_by_its_id_or_its_full_name(tmp_path):
    roadmaps = sprint.load(subject(tmp_path, plan=GOOD, other=GOOD.replace("id: plan", "id: other")), "sprints", KNOWN)
    assert sprint.choose(roadmaps, "other/sprint-2").path == "other/sprint-2"
    assert sprint.choose(roadmaps[:1], "sprint-2").path == "other/sprint-2"
    with pytest.raises(ConfigurationError, match="several sprints are called 'sprint-1': say other/sprint-1 or plan/"):
        sprint.choose(roadmaps, "sprint-1")
    with pytest.raises(ConfigurationError, match="did you mean 'sprint-1'"):
        sprint.choose(roadmaps[:1], "sprnt-1")
    with pytest.raises(ConfigurationError, match="the subject has no roadmap"):
        sprint.choose((), "sprint-1")


def test_a_sprint_demands_the_checks_that_the_lane_can_prove(tmp_path):
    text = GOOD.replace("        lane: kind\n", "        lane: kind\n        checks: [claims.done]\n")
    choice = sprint.choose(sprint.load(subject(tmp_path, plan=text), "sprints", KNOWN), "sprint-1")
    assert [(d.check, d.by) for d in sprint.demands(choice, "embedded")] == [
        ("code.stub", "plan/sprint-1: one"),
        ("policies.*", "plan/sprint-1: one"),
    ]
    assert [d.check for d in sprint.demands(choice, "kind")] == ["code.stub", "policies.*", "claims.done"]


# -- joining -----------------------------------------------------------------------------------------------------------

IDS = ("a.one", "a.two", "b.one", "b.two")
GLOBS = (*IDS, "a.*", "*.one", "c.none")
criteria = st.builds(
    Criterion,
    id=st.just("c"),
    text=st.just("It holds."),
    checks=st.lists(st.sampled_from(GLOBS), unique=True, max_size=4).map(tuple),
    lane=st.sampled_from(LANES),
    note=st.sampled_from(["", "Nobody looks yet."]),
)
outcomes = st.dictionaries(st.sampled_from(IDS), st.sampled_from(Outcome))


def standing(criterion: Criterion, given: dict[str, Outcome], lane: str) -> sprint.Standing:
    one = Sprint(id="s", title="S", goal="G", criteria=(criterion,))
    roadmap = Roadmap(where=Location("sprints/r.yaml"), id="r", title="R", source="X", sprints=(one,), sha256="")
    results = [Result(check=id, outcome=outcome, examined=1) for id, outcome in given.items()]
    [found] = sprint.status([roadmap], results, lane)
    return found


@given(criteria, outcomes, st.sampled_from(LANES))
def test_a_criterion_is_proven_if_and_only_if_every_one_of_its_checks_is(criterion, given, lane):
    bearing = {glob: [given[id] for id in given if fnmatch.fnmatchcase(id, glob)] for glob in criterion.checks}
    every = all(found and set(found) == {Outcome.PROVEN} for found in bearing.values())
    reached = LANES.index(lane) >= LANES.index(criterion.lane)
    assert (standing(criterion, given, lane).state is State.PROVEN) == (bool(bearing) and every and reached)


@given(criteria, outcomes, st.sampled_from(LANES))
def test_what_is_not_proven_says_why(criterion, given, lane):
    found = standing(criterion, given, lane)
    if found.state in {State.NOT_PROVEN, State.WAIVED, State.NEEDS_LANE}:
        assert found.reason
    if found.state is State.NOT_PROVEN:
        guilty = [id for id, o in found.outcomes if o not in {Outcome.PROVEN, Outcome.WAIVED}]
        assert all(id in found.reason for id in guilty)
        assert guilty or "did not run" in found.reason


@given(criteria, outcomes, st.sampled_from(LANES), st.sampled_from(IDS), st.sampled_from(Outcome))
def test_a_worse_outcome_never_makes_a_criterion_better(criterion, given, lane, id, worse):
    """From proven to waived to anything else, a criterion can but lose."""
    rank = {State.PROVEN: 2, State.WAIVED: 1, State.NOT_PROVEN: 0}
    order = {Outcome.PROVEN: 2, Outcome.WAIVED: 1}
    if given.get(id) is None or order.get(worse, 0) > order.get(given[id], 0):
        return
    before, after = standing(criterion, given, lane), standing(criterion, {**given, id: worse}, lane)
    assert rank.get(after.state, 0) <= rank.get(before.state, 0)


@given(criteria, outcomes)
def test_a_larger_lane_never_needs_a_lane_more(criterion, given):
    states = [standing(criterion, given, lane).state for lane in LANES]
    needy = [state is State.NEEDS_LANE for state in states]
    assert needy == sorted(needy, reverse=True)
    assert states[-1] is not State.NEEDS_LANE


@given(outcomes)
def test_a_criterion_without_checks_has_no_check_yet_in_any_lane(given):
    for lane in LANES:
        for needed in LANES:
            criterion = Criterion(id="c", text="It holds.", lane=needed, note="Nobody looks yet.")
            found = standing(criterion, given, lane)
            assert (found.state, found.reason) == (State.NO_CHECK, "Nobody looks yet.")


def test_a_waived_check_makes_the_criterion_waived_and_says_so():
    criterion = Criterion(id="c", text="It holds.", checks=("a.*",))
    found = standing(criterion, {"a.one": Outcome.PROVEN, "a.two": Outcome.WAIVED}, "embedded")
    assert (found.state, found.reason) == (State.WAIVED, "a.two waived")


def test_a_tally_counts_every_criterion_once(tmp_path):
    [roadmap] = sprint.load(subject(tmp_path, plan=GOOD), "sprints", KNOWN)
    results = [Result(check=id, outcome=Outcome.PROVEN, examined=1) for id in KNOWN]
    first, second = sprint.tally(sprint.status([roadmap], results, "embedded"))
    assert (first.sprint, first.criteria, first.counts) == ("sprint-1", 2, {State.PROVEN: 1, State.NO_CHECK: 1})
    assert not first.proven
    assert (second.sprint, second.counts) == ("sprint-2", {State.NO_CHECK: 1})
