"""Recipes of make are read with the variables that one Makefile settles; what it leaves open stays open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.chart import recipes
from strictreal.collect.chart.given import UNKNOWN
from strictreal.collect.chart.helmlines import deployments

UP = "up:\n\t@helm upgrade web charts/web $(F)\n"


def given_by(text: str) -> tuple[list[str], list[str]]:
    """The texts that the one deployment of a Makefile gives, and what is not told of it."""
    [found] = deployments("Makefile", text, make=True)
    return [piece.text for piece in found.pieces], list(found.unknown)


@pytest.mark.parametrize(
    "text",
    [
        f"F := --set a=b --set priv=true\n{UP}",
        f"F := --set a=b\nF += --set priv=true\n{UP}",
        f"F = --set a=b\n{UP}override F+=--set priv=true # so\n",
        f"F += --set a=b \\\n  --set priv=true\n{UP}",
        f"export F ?= $(A) --set priv=true\nA := --set a=$(B)\nB = b\n{UP}",
        f"ifdef X\n  F = --set a=b --set priv=true\nendif\n{UP}",
    ],
)
def test_what_a_variable_comes_to_is_given(text):
    assert given_by(text) == (["a=b", "priv=true"], [])


@pytest.mark.parametrize(
    "text",
    [
        f"F := --set a=b\nifdef PRIV\nF += --set priv=true\nendif\n{UP}",
        f"ifeq ($(X),1)\nF := --set a=b\nelse\nF := --set priv=true\nendif\n{UP}",
        f"F := --set a=b\nprod: F += --set priv=true\n{UP}",
        f"F := --set a=b\nprod test: export F=--set priv=true\n{UP}",
        f"F := --set a=b\nF != cat options\n{UP}",
        f"F = --set a=b\nF := $(F) --set priv=true\n{UP}",
        f"F = {'--set a=b ' * 500}\n{UP}",
        f"define F\n--set priv=true\nendef\n{UP}",
        f"F = $(F)\n{UP}",
        f"F = $(if $(PRIV),--set priv=$(or $(PRIV),true))\n{UP}",
        UP.replace("$(F)", "${if ${PRIV},\\\n--set priv=true}"),
        UP.replace("$(F)", "$(call options,(a) prod"),
    ],
)
def test_what_several_texts_or_another_run_settles_is_not_told(text):
    assert given_by(text) == ([], ["options of a variable"])


def test_lines_of_recipes_and_definitions_are_no_assignments():
    text = "up:\n\tcd x && \\\n  A=1 \\\n  helm upgrade web charts/web --set priv=true\n"
    assert given_by(text) == (["priv=true"], [])
    text = "define UP\nA=1 helm upgrade web charts/web --set priv=true\nendef\n"
    assert given_by(text) == (["priv=true"], [])


def test_a_line_stays_on_its_line():
    text = f"A = b \\\n c \\\n d\n# x\nF = --set a=$(A)\n{UP}"
    [found] = deployments("Makefile", text, make=True)
    assert found.line == 7
    assert recipes.of_make(text).count("\n") == text.count("\n")


BOMBS = {
    "variables of make": "".join(f"A{n} := {f'$(A{n + 1})' * 60}\n" for n in range(8)) + "A8 := x\nF = $(A0)\n",
    "nested variables": "".join(f"A{n} := $(A{n + 1})\n" for n in range(5_000)) + "F = $(A0)\n",
}


@pytest.mark.parametrize(("bound", "text"), BOMBS.items())
def test_variables_that_come_to_too_much_are_a_deployment_of_which_nothing_is_told(bound, text):
    [found] = deployments("Makefile", text + UP.replace("helm", "$(HELM)"), make=True)
    assert (found.chart, found.pieces) == (UNKNOWN, ())
    assert f"(bound: {bound})" in found.unknown[0]


def test_what_nothing_uses_costs_nothing():
    assert given_by(BOMBS["variables of make"] + UP.replace("$(F)", "--set a=b")) == (["a=b"], [])


def test_what_stands_behind_a_function_is_given():
    assert given_by(UP.replace("$(F)", "--set a=$(or $(A),b) --set priv=true")) == (["priv=true"], ["--set a"])
    assert given_by(UP.replace("$(F)", "--set a=$(shell git rev-parse HEAD)"))[1] == []


@pytest.mark.parametrize("call", ["$(call run, {})", "$(if $(X),{})", "$(foreach e,a b,{};)", "${{strip {}}}"])
def test_a_command_of_helm_in_a_function_is_not_lost(call):
    [found] = deployments(
        "Makefile", f"up:\n\t{call.format('helm upgrade web charts/web --set priv=true')}\n", make=True
    )
    assert found.pieces or found.unknown


def test_functions_without_end_are_passed_once():
    assert recipes.of_make("\t" + "$(if (" * 300_000) == "${_}"
    assert recipes.of_make("\t$(if x\n" * 100_000) == "${_}\n" * 100_000


def test_blanks_and_conditions_without_end_are_passed_once():
    text = (
        f"A ={' ' * 300_000}#{'x' * 300_000}\n" + "ifdef A\n" * 100_000 + "A +=\\\n" * 100_000 + "define A\n" * 100_000
    )
    assert recipes.of_make(text).replace("ifdef A\n", "").replace("define A\n", "").strip() == ""


@given(
    st.lists(
        st.sampled_from(
            [
                "A",
                "B",
                "=",
                "+=",
                ":",
                "$(A)",
                "$(B)",
                "$$",
                "\\\n",
                "\n",
                "\t",
                " ",
                "#",
                "$(if ",
                ")",
                "define ",
                "endif",
            ]
        )
    )
)
def test_any_text_is_read_line_for_line(parts):
    text = "".join(parts)
    assert recipes.of_make(text).count("\n") == text.count("\n")
