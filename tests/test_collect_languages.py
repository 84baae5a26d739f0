"""Which files are source code, in which language, and for what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.languages import is_settings, language_of, not_source, role, unread

JQUERY = b"!function(e,t){'use strict';t.exports=e.document?t(e,!0):function(e){return t(e)}}(window,this);" * 200


@pytest.mark.parametrize(
    ("path", "first_line", "language"),
    [
        ("a/b.py", b"", "python"),
        ("a.test.tsx", b"", "typescript"),
        ("Rakefile", b"", "ruby"),
        ("bin/tool", b"#!/usr/bin/env node\n", "javascript"),
        ("bin/tool", b"#! /usr/bin/python3.11 -E\n", "python"),
        ("bin/tool", b"#!/usr/bin/env -S A=1 ruby -w\n", "ruby"),
        ("bin/tool", b"#!/bin/sh\n", ""),
        ("bin/tool", b"\x7fELF", ""),
        ("README.md", b"", ""),
        (".js", b"", ""),
        ("a.JS", b"", "javascript"),
        ("a.PY", b"", "python"),
        ("a.py3", b"", "python"),
        ("app.wsgi", b"", "python"),
        ("a.pyw", b"", "python"),
        ("SConstruct", b"", "python"),
        ("site/SConscript", b"", "python"),
        ("BUILD.bzl", b"", ""),
        ("a.cgi", b"#!/usr/bin/python3\n", "python"),
        ("a.cgi", b"#!/bin/sh\n", ""),
        ("bin/tool", b"#!/usr/bin/env -S uv run --script\n# /// script\n", "python"),
        ("bin/tool", b"#!/usr/bin/env -S uv run --quiet --script", "python"),
        ("bin/tool", b"#!/usr/bin/env -S python3 -u\n", "python"),
        ("bin/tool", b"#!/usr/bin/env -Spython3 -u\n", "python"),
        ("bin/tool", b"#!/usr/bin/env --split-string=python3 -u\n", "python"),
        ("bin/tool", b"#!/usr/bin/env -i PATH=/bin python3\n", "python"),
        ("bin/tool", b"#!/usr/bin/env pypy3.10\n", "python"),
        ("bin/tool", b"#!/usr/bin/env -S pipx run\n", "python"),
        ("bin/tool", b"#!/usr/bin/env -S poetry run python\n", "python"),
        ("bin/tool", b"#!/srv/venv/bin/python3.13t\n", "python"),
        ("bin/tool", b"#!/usr/bin/env nix-shell\n#! nix-shell -i python3 -p python3\n", "python"),
        ("bin/tool", b"#!/bin/sh\n'''exec' /a/long/path/to/python \"$0\" \"$@\"\n' '''\n", "python"),
        ("bin/tool", b'#!/bin/sh\n"exec" "python3" "$0" "$@"\n', "python"),
        ("bin/tool", b"#!/bin/sh\nexec python3 tool.py\n", ""),
        ("bin/tool", b"#!/usr/bin/env -S deno run --allow-net\n", "typescript"),
    ],
)
def test_a_file_has_the_language_of_its_name_or_interpreter(path: str, first_line: bytes, language: str):
    assert language_of(path, first_line) == language


def test_source_that_no_rule_reads_is_named():
    assert unread("src/core.cpp") == "C++"
    assert unread("src/core.py") == ""


@pytest.mark.parametrize(
    ("path", "opening", "language"),
    [
        ("deploy.sh", b"", "shell"),
        ("t/all.bats", b"", "shell"),
        ("run", b"#!/usr/bin/env bash\n", "shell"),
        ("run", b"#!/bin/sh\n", "shell"),
        ("run", b"#!/usr/bin/perl -w\n", "Perl"),
        ("run", b"#!/usr/bin/env Rscript\n", "R"),
        ("run", b"#!/usr/bin/env python3\n", ""),
        ("run", b"#!/usr/bin/env unheard-of\n", ""),
        ("fast.pyx", b"", "Cython"),
        ("fast.pxd", b"", "Cython"),
        ("Page.astro", b"", "Astro"),
        ("setup.ps1", b"", "PowerShell"),
        ("query.sql", b"", ""),
        ("Makefile", b"", ""),
    ],
)
def test_a_language_without_rules_is_known_by_its_name_or_interpreter(path: str, opening: bytes, language: str):
    assert unread(path, opening) == language


@given(st.binary(max_size=400))
def test_no_opening_is_two_languages_or_takes_long(opening: bytes):
    assert not (language_of("tool", b"#!" + opening) and unread("tool", b"#!" + opening))
    language_of("tool", b"#!/bin/sh\n" + b" \n" * 200 + opening)


@pytest.mark.parametrize(
    ("path", "language", "expected"),
    [
        ("src/__tests__/a.ts", "typescript", "test"),
        ("src/a.spec.ts", "typescript", "test"),
        ("worker/send_test.go", "go", "test"),
        ("src/test/java/app/A.java", "java", "test"),
        ("app/WorkerTest.java", "java", "test"),
        ("spec/client_spec.rb", "ruby", "test"),
        ("examples/a.js", "javascript", "example"),
        ("src/contest.ts", "typescript", "product"),
        ("src/latest.go", "go", "product"),
    ],
)
def test_tests_are_known_by_the_conventions_of_their_language(path: str, language: str, expected: str):
    assert role(path, language) == expected


@pytest.mark.parametrize(
    ("path", "language", "expected"),
    [
        ("src/config.ts", "typescript", True),
        ("vite.config.js", "javascript", True),
        ("src/env.mjs", "javascript", True),
        ("app/AppConfig.java", "java", True),
        ("internal/config/load.go", "go", True),
        ("src/worker.ts", "typescript", False),
        ("src/Reconfig.java", "java", False),
        ("src/config.test.ts", "typescript", False),
    ],
)
def test_settings_are_known_by_name(path: str, language: str, expected: bool):
    assert is_settings(path, language) is expected


@pytest.mark.parametrize(
    ("language", "source", "left_out"),
    [
        ("javascript", JQUERY, True),
        ("javascript", b"/*! license */\n" + JQUERY, True),
        ("javascript", b"const x = process.env.A;\n" * 100, False),
        ("javascript", b"f(1);" * 50, False),
        ("python", b"DATA = '" + b"x" * 100_000 + b"'\n", False),
        ("typescript", b'\xef\xbb\xbf<?xml version="1.0"?><!DOCTYPE TS><TS></TS>', True),
        ("typescript", b"G" + b"\0" * 187 + b"G" + b"\0" * 187, True),
        ("typescript", b"Get<\0>();", False),
    ],
)
def test_what_a_bundler_wrote_is_not_source(language: str, source: bytes, left_out: bool):
    assert bool(not_source(language, source)) is left_out
