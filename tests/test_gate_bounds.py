"""Scripts whose ways multiply, and files with very many audits, are read in bounded work, and told from others by their text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect import gateaudits
from strictreal.collect.shell.reached import MAX_ENDS, MAX_WAYS
from strictreal.collect.shell.runs import MAX_RUNS, Run, runs
from strictreal.collect.shell.work import MAX_WORK, Work
from strictreal.collect.strictevasion import Evasion
from strictreal.collect.strictstatus import swallowed

AUDIT = "strictreal audit ."


def tower(levels: int, calls: int, condition: str = "") -> str:
    """Functions of which each calls the one below so many times; the lowest audits."""
    called = [f"f{level}() {{\n" + f"{condition}f{level - 1}\n" * calls + "}\n" for level in range(1, levels)]
    return f"f0() {{ {AUDIT}; }}\n{''.join(called)}f{levels - 1}\n"


def spent(text: str, **options: bool) -> int:
    """The steps that a script takes."""
    work = Work(1_000 * MAX_WORK)
    before = work.left
    assert runs(text, work=work, **options)
    return before - work.left


def value(found: list[Run]) -> set[tuple[frozenset[str], frozenset[str]]]:
    return {(run.asks, run.guards) for run in found}


@pytest.mark.parametrize("condition", ["", "[ $A ] && ", "x || "])
@pytest.mark.parametrize(("levels", "calls"), [(6, 20), (9, 20), (9, 200), (40, 3)])
def test_ways_that_multiply_cost_no_more_than_the_calls_that_are_written(levels: int, calls: int, condition: str):
    text = tower(levels, calls, condition)
    assert spent(text) < 60 * MAX_WAYS * levels * calls
    assert 0 < len(runs(text)) <= MAX_RUNS + 1


@pytest.mark.parametrize("errexit", [False, True])
def test_ways_that_are_all_different_are_bounded_as_well(errexit: bool):
    levels = [f"f{n}() {{\n" + "".join(f"[ {m} ] && f{n - 1}\n" for m in range(20)) + "}\n" for n in range(1, 9)]
    text = f"f0() {{ {AUDIT}; }}\n{''.join(levels)}f8\n"
    assert spent(text, errexit=errexit) < MAX_WORK
    assert all(any(guard.startswith("unread: ") for guard in run.guards) for run in runs(text, errexit=errexit))


def test_where_the_ways_are_too_many_another_text_is_another_gate():
    text = tower(6, 20)
    changed = text.replace("f3\n", "true\n", 1)
    assert value(runs(text)) != value(runs(changed))
    assert value(runs(text)) == value(runs("# A remark.\n" + text))


def test_functions_that_call_each_other_end():
    text = f"a() {{ {AUDIT}; b; b; }}\nb() {{ a; a; }}\na\n"
    assert spent(text) < 100_000
    assert any(
        not any(guard.startswith("in a function") for guard in run.guards) for run in runs("a() { :; }\n" + AUDIT)
    )


def test_every_way_counts_where_they_are_few():
    text = f"gate() {{ {AUDIT}; }}\n[ $A ] && gate\n" + "gate\n" * 30
    assert len(runs(text)) == 31
    assert len({run.guards for run in runs(text)}) == 2


def test_ends_before_audits_cost_no_more_than_the_text():
    def text(count: int) -> str:
        return "x && exit 0\n" * count + f"{AUDIT}\n" * 400

    assert spent(text(1600)) < 2 * spent(text(800))
    few, many = runs(text(MAX_ENDS)), runs(text(MAX_ENDS + 1))
    assert len(many) == len(few) == 400
    assert value(many) != value(runs(text(MAX_ENDS + 1).replace("x &&", "y &&", 1)))


def test_a_script_with_too_many_audits_is_told_by_its_text():
    text = f"{AUDIT}\n" * (MAX_RUNS + 50)
    assert len(runs(text)) == MAX_RUNS + 1
    assert value(runs(text)) != value(runs(text + "true\n"))


def test_a_script_that_takes_too_much_work_is_told_by_its_text():
    work = Work(50)
    [run] = runs(f"{AUDIT}\n" * 10, work=work)
    [other] = runs(f"{AUDIT}\n" * 11, work=Work(50))
    assert not run.asks
    assert run.guards != other.guards


def test_an_aliased_script_is_read_once():
    lines = "".join(f"  - {AUDIT}\n" for _ in range(200))
    text = f"x: &s\n{lines}" + "".join(f"j{n}:\n  script: *s\n" for n in range(400))
    found = gateaudits.audits({".gitlab-ci.yml": text})
    assert {frozenset(audit.asks) for audit in found} == {frozenset()}
    assert found != gateaudits.audits({".gitlab-ci.yml": text.replace("j7:", "j8888:")})


def test_a_pipeline_of_very_many_values_is_told_by_its_text():
    text = f"gate:\n  script: [{AUDIT}]\n" + "".join(f"k{n}: v\n" for n in range(3000))
    [audit] = gateaudits.audits({".gitlab-ci.yml": text})
    [other] = gateaudits.audits({".gitlab-ci.yml": text.replace("k7: v", "k7: w")})
    assert len(audit.guards) == 1
    assert audit.guards != other.guards


def test_jobs_that_wait_for_each_other_in_a_long_row_are_read():
    jobs = "".join(
        f"  j{n}:\n    needs: [j{n + 1}]\n    if: a == {n}\n    steps: [{{run: make}}]\n" for n in range(1500)
    )
    text = f"on: push\njobs:\n  gate:\n    needs: j0\n    steps: [{{run: {AUDIT}}}]\n{jobs}"
    [audit] = gateaudits.audits({".github/workflows/c.yml": text})
    [other] = gateaudits.audits({".github/workflows/c.yml": text.replace("a == 1400\n", "a == x\n")})
    assert audit.guards != other.guards


def test_each_target_that_needs_an_audit_is_found_once_however_long_the_row():
    rules = "".join(f"t{n}: t{n + 1}\n\t@true\n" for n in range(2000))
    found = gateaudits.audits({"Makefile": f"{rules}t2000:\n\t{AUDIT}\n"})
    assert len(found) == 2001
    assert {audit.line for audit in found} == {*range(1, 4001, 2), 4002}


def test_a_file_with_too_many_audits_is_told_by_its_text():
    names = " ".join(f"t{n}" for n in range(80))
    text = f"{names}:\n" + f"\t{AUDIT}\n" * 70
    found = gateaudits.audits({"Makefile": text})
    assert len(found) == 80
    assert {audit.asks for audit in found} == {frozenset()}
    assert found != gateaudits.audits({"Makefile": text + "\ttrue\n"})


@pytest.mark.parametrize("kind", ["shell", "make", "docker"])
def test_scripts_in_strings_that_are_run_again_and_again_are_bounded(kind: str):
    start = {"make": "\t", "docker": "RUN "}.get(kind, "")
    line = f"{start}X='{AUDIT} # {'x' * 3_000}'; " + 'bash -c "$X"; ' * 200
    few, many = [line], [line] * (MAX_WORK // 3_000 // 100)
    assert all(isinstance(found, Evasion) for found in swallowed(few, kind=kind))
    with pytest.raises(ValueError, match="bound: work on a script"):
        list(swallowed(many, kind=kind))


@given(st.lists(st.sampled_from(["f", "g", "h", "a() {", "}", AUDIT, "f() {", "g() {", "x &&"]), max_size=40))
def test_any_functions_are_followed_in_bounded_work(parts: list[str]):
    assert all(run.line >= 1 for run in runs("\n".join([*parts, AUDIT])))
