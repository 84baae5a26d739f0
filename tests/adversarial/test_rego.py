"""Hostile policies: each trap ends in a bounded refusal that says why, and the rest is examined."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from rego import Seen, collect, rego
from subjects import lay

from strictreal.cache import Cache
from strictreal.facts.policies import Negation, PolicyModule, PolicySuite, PolicyTest, RegoFile, Unportable
from strictreal.policy import load
from strictreal.policy.test import run_suite
from strictreal.session import Session
from strictreal.subject import open_tree

GOOD = {
    "good/p.rego": rego('deny contains "port" if input.port < 1024'),
    "good/p_test.rego": rego('package p_test\n\ntest_p if data.p.deny == {"port"} with input as {"port": 1}'),
}


def is_examined(seen: Seen) -> bool:
    """Whether the good policy beside the hostile one was read and its test run."""
    return "good/p_test.rego" in {suite.path for suite in seen.all(PolicySuite)}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"package e\n" + b"# padding\n" * 150_000, "bound: policy size"),
        (b"package e\nx := " + b"[" * 2000 + b"]" * 2000, "bound: policy nesting"),
        (b"package e\nx := " + b'{"a": ' * 500 + b"1" + b"}" * 500, "bound: policy nesting"),
        (b"package e\nx := " + b"f(" * 5000 + b"1" + b")" * 5000, "bound: policy nesting"),
        (b"package e\nx := " + b"(" * 5000 + b"1" + b")" * 5000, "bound: policy nesting"),
        (b"package e\nx := 1" + b" + 1" * 500, "bound: policy depth"),
        (b"package e\nx := input" + b".a" * 500, "bound: policy depth"),
        (b"package e\nx := 1" + b" +\n1" * 15_000, "bound: unit memory"),
        (b"package e\nx := a" + b"[0]" * 15_000, "bound: unit memory"),
        (b'package e\nx := "' + b"a" * 100_000 + b'"', "bound: policy columns"),
        (b"package e\n" + b"x := 1\n" * 30_000, "bound: policy lines"),
        (b"package e\nx := not not not not 1\n", ""),
        (b"package e\x00\nx := 1\n", "NUL"),
        (b"package e\nx := '\xff\xfe'\n", "UTF-8"),
        (b"\xef\xbb\xbfpackage e\nx := 1\n", ""),
        (b"", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else str(len(value)),
)
def test_a_file_that_is_not_readable_is_refused_and_the_rest_is_read(tmp_path: Path, source: bytes, reason: str):
    lay(tmp_path, {**GOOD, "evil.rego": source})
    seen = Seen(tmp_path)
    read = {module.path for module in seen.all(PolicyModule)}
    refused = seen.gaps("PolicyModule") | {f.path: f.problem for f in seen.all(RegoFile) if f.problem}
    assert "evil.rego" in refused or "evil.rego" in read
    assert reason in (refused.get("evil.rego", "") or reason)
    assert is_examined(seen)


@pytest.mark.parametrize(
    "name", ["http.send", "net.lookup_ip_addr", "opa.runtime", "rand.intn", "time.now_ns", "uuid.rfc4122"]
)
def test_what_reaches_out_is_never_evaluated(tmp_path: Path, name: str):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        argument = f'{{"method": "get", "url": "{url}"}}' if name == "http.send" else '"a", 3' if "rand" in name else ""
        argument = '"localhost"' if "lookup" in name else '"a"' if "uuid" in name else argument
        lay(
            tmp_path,
            {
                **GOOD,
                "e.rego": rego(f"package e\n\nx := {name}({argument})"),
                "e_test.rego": rego("package e_test\n\ntest_x if data.e.x"),
            },
        )
        seen = Seen(tmp_path)
        assert f"calls {name}" in seen.gaps("PolicySuite")["e_test.rego"]
        assert name in {use.name for use in seen.all(Unportable)}
        assert not {test.path for test in seen.all(PolicyTest)} & {"e_test.rego"}
        assert is_examined(seen)
        with pytest.raises(TimeoutError):
            server.accept()


ENDLESS = {
    "time": "x := count([1 | some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a == b])",
    "memory": "x := count([[a, b] | some a in numbers.range(1, 100000); some b in numbers.range(1, 100000)])",
    "a list without end": "x := count(numbers.range(1, 1000000000000))",
    "recursion": "f(n) := f(n + 1)\n\nx := f(1)",
    "recursion of rules": "x if y\n\ny if x",
    "a growing string": 'x := count([s | some a in numbers.range(1, 30); s := concat("", [y | some y in z])])\n\n'
    'z := [sprintf("%01000000d", [i]) | some i in numbers.range(1, 100000)]',
    "a large pattern": 'x if regex.match("((((a{1,1000}){1,1000}){1,1000}){1,1000})", "aaaa")',
}


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_a_rule_without_end_is_stopped(tmp_path: Path, body: str):
    lay(
        tmp_path,
        {
            "e.rego": rego(f"package e\n\n{body}"),
            "e_test.rego": rego("package e_test\n\ntest_x if data.e.x > 0"),
            **GOOD,
        },
    )
    tree = open_tree(tmp_path)
    with Session(Cache(None), jobs=2) as session:
        suites = load.load(tree, tree, session).suites
        evil, good = session.bounded(run_suite, suites, seconds=3)
    assert isinstance(evil, str) or evil.undecided(suites[0])
    assert not isinstance(good, str)
    assert good.passed


def test_a_pattern_that_backtracks_elsewhere_does_not_here(tmp_path: Path):
    hostile = "a" * 20_000 + "!"
    lay(
        tmp_path,
        {
            "e_test.rego": rego(f'package e_test\n\ntest_x if not regex.match("^(a+)+$", "{hostile}")'),
            **GOOD,
        },
    )
    assert {test.outcome for test in collect(tmp_path, PolicyTest)} == {"passed"}


def test_an_endless_test_costs_the_other_tests_nothing(tmp_path: Path):
    lay(
        tmp_path,
        {
            **GOOD,
            "e.rego": rego(f'package e\n\n{ENDLESS["time"]}\n\ny if not startswith(input.a, "b")'),
            "e_test.rego": rego("package e_test\n\ntest_x if data.e.x with input as {}"),
        },
    )
    seen = Seen(tmp_path)
    assert re.search("bound: (unit|opa) time", seen.gaps("PolicySuite")["e_test.rego"])
    assert "e_test.rego" in seen.gaps("PolicyComparison")
    assert [negation.rule for negation in seen.all(Negation)] == ["y"]
    assert is_examined(seen)


@pytest.mark.parametrize(
    "data",
    [
        "a: &a [x, x, x, x, x, x, x, x]\n"
        + "\n".join(
            f"{c}: &{c} [*{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}]"
            for p, c in zip("abcdefghij", "bcdefghijk", strict=True)
        ),
        "- a list\n",
        "a: [",
        "a: &a {b: *a}\n",
        "[" * 5000,
    ],
    ids=["aliases", "list", "broken", "cycle", "deep"],
)
def test_data_that_is_no_document_is_refused(tmp_path: Path, data: str):
    lay(tmp_path, {**GOOD, "good/data.yaml": data})
    seen = Seen(tmp_path)
    assert list(seen.gaps("PolicyData")) == ["good/data.yaml"]
    assert is_examined(seen)


def test_one_package_in_two_files_that_contradict_each_other(tmp_path: Path):
    lay(
        tmp_path,
        {
            **GOOD,
            "e/a.rego": "package e\n\ndefault x := 1\n",
            "e/b.rego": "package e\n\ndefault x := 2\n\nx := 3\n\nx := 4\n",
            "e/e_test.rego": rego("package e_test\n\ntest_x if data.e.x == 1"),
        },
    )
    seen = Seen(tmp_path)
    assert "e/e_test.rego" in seen.gaps("PolicySuite")
    assert is_examined(seen)


def test_metadata_is_never_more_than_a_mapping(tmp_path: Path):
    bomb = "\n".join(["# METADATA", "# a: &a [1, 1]", *(f"# {c}: &{c} [*a, *a, *a]" for c in "bcd"), "x := 1"])
    tag = "# METADATA\n# title: !!python/object/apply:os.system ['touch /tmp/x']\ny := 1"
    lay(tmp_path, {**GOOD, "e.rego": f"package e\n\n{bomb}\n\n{tag}\n"})
    assert "e.rego" in {module.path for module in collect(tmp_path, PolicyModule)}


def test_a_file_name_is_never_a_path_or_an_option(tmp_path: Path):
    lay(
        tmp_path,
        {
            "--data=x/p.rego": GOOD["good/p.rego"],
            "--data=x/p_test.rego": GOOD["good/p_test.rego"],
            "a:b/data.json": '{"x": 1}',
        },
    )
    assert {test.outcome for test in collect(tmp_path, PolicyTest)} == {"passed"}
