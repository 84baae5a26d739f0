"""Which modules and data belong to a file of tests."""

from __future__ import annotations

import pytest

from strictreal.policy import link
from strictreal.policy.link import Document, Suite, Unit


def unit(path: str, package: str, *refers: str) -> Unit:
    return Unit(path, package, refers, path.endswith("_test.rego"))


def suite(units: list[Unit], *documents: Document, of: str = "") -> Suite:
    test = of or next(u.path for u in units if u.tests)
    [found] = link.link(units, documents, {test})
    return found


def test_a_suite_is_what_its_tests_lead_to():
    units = [
        unit("a/x_test.rego", "x_test", "x"),
        unit("a/x.rego", "x", "lib.k8s"),
        unit("lib/k8s.rego", "lib.k8s"),
        unit("a/y.rego", "y"),
        unit("a/y_test.rego", "y_test", "y"),
    ]
    assert suite(units, of="a/x_test.rego").modules == ("a/x.rego", "a/x_test.rego", "lib/k8s.rego")


def test_policies_of_one_package_in_other_folders_stay_apart():
    units = [unit(f"{f}/{n}", "main") for f in ("a", "b") for n in ("deny.rego", "deny_test.rego")]
    found = suite(units, of="a/deny_test.rego")
    assert (found.root, found.modules) == ("a", ("a/deny.rego", "a/deny_test.rego"))


def test_the_nearest_library_is_used():
    units = [
        unit("a/x_test.rego", "x_test", "lib"),
        unit("a/lib.rego", "lib"),
        unit("b/lib.rego", "lib"),
    ]
    assert suite(units).modules == ("a/lib.rego", "a/x_test.rego")


def test_a_reference_to_a_branch_leads_to_every_package_on_it():
    units = [
        unit("main_test.rego", "main_test", "main"),
        unit("main.rego", "main", "kubernetes"),
        unit("k/a.rego", "kubernetes.a"),
        unit("k/b.rego", "kubernetes.b"),
        unit("k/b_test.rego", "kubernetes.b_test", "kubernetes.b"),
    ]
    assert suite(units, of="main_test.rego").modules == ("k/a.rego", "k/b.rego", "main.rego", "main_test.rego")


def test_fixtures_of_tests_are_loaded_where_they_are_named():
    units = [
        unit("x_test.rego", "x_test", "lib.fixtures.pod"),
        unit("lib/fixtures_test.rego", "lib.fixtures"),
        unit("lib/other_test.rego", "lib.other"),
    ]
    assert suite(units, of="x_test.rego").modules == ("lib/fixtures_test.rego", "x_test.rego")


def test_tests_of_one_package_share_their_helpers_with_their_neighbours_only():
    units = [unit("a/x_test.rego", "main"), unit("a/y_test.rego", "main"), unit("a/b/z_test.rego", "main")]
    assert suite(units, of="a/x_test.rego").modules == ("a/x_test.rego", "a/y_test.rego")


def test_data_is_found_in_a_folder_above_and_keeps_its_path():
    units = [unit("p/k/x_test.rego", "x_test", "x"), unit("p/k/x.rego", "x", "settings.max", "lib.names")]
    found = suite(units, Document("p/data.yaml", ("settings",)), Document("p/lib/data.json", ("names",)))
    assert (found.root, found.data) == ("p", (("p/data.yaml", ()), ("p/lib/data.json", ("lib",))))


def test_a_reference_that_leads_nowhere_is_told():
    found = suite([unit("a/x_test.rego", "x_test", "x", "inventory.pods"), unit("a/x.rego", "x")])
    assert (found.modules, found.missing) == (("a/x.rego", "a/x_test.rego"), ("inventory.pods",))


def test_what_leads_to_an_unread_module_cannot_be_run():
    units = [unit("x_test.rego", "x_test", "x"), Unit("x.rego", "x", (), tests=False, problem="it was not read")]
    assert suite(units).problem == "x.rego: it was not read"


def test_a_suite_has_a_bound():
    units = [unit("x_test.rego", "x_test", "lib"), *(unit(f"{n}.rego", f"lib.n{n}") for n in range(600))]
    assert "bound: linked modules" in suite(units).problem


def test_suites_have_a_bound():
    units = [unit(f"{n:05}_test.rego", f"p{n}") for n in range(link.MAX_SUITES + 1)]
    found = link.link(units, [], {u.path for u in units})
    assert [bool(s.problem) for s in found[-2:]] == [False, True]


def test_data_documents_are_merged_at_their_places():
    merged = link.merge([((), {"a": {"b": 1}}), (("a", "c"), {"d": 2})])
    assert merged == {"a": {"b": 1, "c": {"d": 2}}}


def test_data_documents_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match=r"data\.a\.b"):
        link.merge([((), {"a": {"b": 1}}), (("a",), {"b": 2})])
