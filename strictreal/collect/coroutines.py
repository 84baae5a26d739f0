"""Whether a subject has its tests that are coroutines run without a mark on each: by a mode, a plugin or a hook.

pytest itself awaits nothing: without a plugin that is told to, such a test is skipped or fails, by its version.
"""

from __future__ import annotations

import re

import msgspec

from strictreal.collect.python.collected import UNAWAITED
from strictreal.errors import StrictRealError
from strictreal.facts.code import TestFunction
from strictreal.model import Fact
from strictreal.subject import Tree

MAX_BYTES = 1024 * 1024
MAX_FILES = 2_000
_SETTINGS = re.compile(r"(?:^|/)(?:\.?pytest\.(?:ini|toml)|[^/]*\.cfg|[^/]*\.toml|tox\.ini|noxfile\.py|Makefile)$")
_NEEDS = re.compile(r"(?:^|/)(?:[^/]*requirements[^/]*\.(?:txt|in)|setup\.py|requirements/[^/]*)$")
_MODE = re.compile(rb"(?:asyncio|anyio|trio)[_-]mode[\s\"']{0,8}=?[\s\"']{0,8}(?:auto|true)", re.IGNORECASE)
_PLUGIN = re.compile(
    rb"pytest[_-](?:aiohttp|tornasync|tornado|sanic|twisted|curio|async\b)|alt[_-]pytest[_-]asyncio|aiounittest"
)
_HOOK = re.compile(
    rb"\bpytest_(?:pyfunc_call|collection_modifyitems|itemcollected|pycollect_makeitem|generate_tests)\b"
)


def waits(fact: Fact) -> bool:
    """Whether a fact is a test that is a coroutine without a mark."""
    return isinstance(fact, TestFunction) and fact.weakness == UNAWAITED


def run(fact: Fact) -> Fact:
    """The fact of a subject whose coroutines are run."""
    return msgspec.structs.replace(fact, weakness="") if waits(fact) and isinstance(fact, TestFunction) else fact


def are_run(tree: Tree) -> bool:
    """Whether settings ask for it, a plugin that always does is needed, or a conftest.py has a hook that may."""
    looked = 0
    for entry in tree:
        hooks = entry.path.rpartition("/")[2] == "conftest.py"
        named = hooks or _SETTINGS.search(entry.path) or _NEEDS.search(entry.path)
        if not named or entry.size > MAX_BYTES or looked >= MAX_FILES:
            continue
        looked += 1
        try:
            data = tree.read(entry.path)
        except StrictRealError:
            continue
        if (hooks and (_HOOK.search(data) or b"pytest_plugins" in data)) or _MODE.search(data) or _PLUGIN.search(data):
            return True
    return False
