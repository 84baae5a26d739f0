"""Which language a file is written in, by the names and first lines that each ecosystem agrees on."""

from __future__ import annotations

import posixpath
import re

from strictreal.collect.python import role as python

LANGUAGES = {
    **dict.fromkeys((".py", ".pyi", ".pyw"), "python"),
    **dict.fromkeys((".js", ".cjs", ".mjs", ".jsx"), "javascript"),
    **dict.fromkeys((".ts", ".cts", ".mts", ".tsx"), "typescript"),
    ".go": "go",
    ".java": "java",
    **dict.fromkeys((".kt", ".kts"), "kotlin"),
    **dict.fromkeys((".rb", ".rake"), "ruby"),
    ".rs": "rust",
    **dict.fromkeys((".php", ".phtml"), "php"),
    ".cs": "csharp",
}
"""The languages that rules are written for, as semgrep calls them."""
_ENDINGS = {language: ending for ending, language in reversed(LANGUAGES.items())}
_NAMED = {"Rakefile": "ruby", "Gemfile": "ruby", "Jakefile": "javascript"}
_INTERPRETERS = {"node": "javascript", "nodejs": "javascript", "deno": "typescript", "ruby": "ruby", "php": "php"}

UNREAD = {
    **dict.fromkeys((".c", ".h"), "C"),
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".c++", ".hh", ".hpp", ".hxx"), "C++"),
    **dict.fromkeys((".cu", ".cuh"), "CUDA"),
    **dict.fromkeys((".m", ".mm"), "Objective-C"),
    **dict.fromkeys((".pyx", ".pxd", ".pxi"), "Cython"),
    **dict.fromkeys((".ex", ".exs"), "Elixir"),
    **dict.fromkeys((".erl", ".hrl"), "Erlang"),
    **dict.fromkeys((".ml", ".mli"), "OCaml"),
    **dict.fromkeys((".fs", ".fsx"), "F#"),
    **dict.fromkeys((".clj", ".cljs", ".cljc"), "Clojure"),
    **dict.fromkeys((".r", ".R"), "R"),
    **dict.fromkeys((".pl", ".pm"), "Perl"),
    **dict.fromkeys((".ps1", ".psm1"), "PowerShell"),
    **dict.fromkeys((".groovy", ".gradle"), "Groovy"),
    ".coffee": "CoffeeScript",
    ".dart": "Dart",
    ".hs": "Haskell",
    ".ipynb": "Jupyter",
    ".jl": "Julia",
    ".lua": "Lua",
    ".nim": "Nim",
    ".scala": "Scala",
    ".svelte": "Svelte",
    ".swift": "Swift",
    ".vb": "Visual Basic",
    ".vue": "Vue",
    ".zig": "Zig",
}
"""Source code that no rule is written for: left out, and said so."""

_BUNDLED_BYTES = 400
_LONG_LINE = 200
_SPARSE = 16
_TEST_FOLDERS = {"__tests__", "__mocks__", "spec", "specs", "cypress", "androidTest"}
_TEST_FILE = re.compile(r".*[._-](?:test|tests|spec|e2e|cy)\.\w+$|.*(?:Test|Tests|TestCase|IT|Spec|_spec|_test)\.\w+$")

_SETTINGS_CLASS = re.compile(r"(?:^|[a-z0-9])(?:Settings|Config|Configuration|Env|Environment)$")


def language_of(path: str, first_line: bytes = b"") -> str:
    """The language of a file as semgrep calls it, or "".

    Args:
        path: its path inside the subject.
        first_line: of a file without suffix; a `#!` there names its interpreter.
    """
    if found := LANGUAGES.get(_suffix(path)) or _NAMED.get(path.rpartition("/")[2]):
        return found
    if not first_line.startswith(b"#!"):
        return ""
    words = first_line[2:200].decode(errors="replace").split()
    programs = [word.rpartition("/")[2] for word in words if not word.startswith("-")]
    program = next((p for p in programs if p != "env" and "=" not in p), "")
    return "python" if re.fullmatch(r"(python|pypy)[0-9.]*", program) else _INTERPRETERS.get(program, "")


def unread(path: str) -> str:
    """The language of source code that no rule reads, or ""."""
    return UNREAD.get(_suffix(path), "")


def suffix(path: str, language: str) -> str:
    """A name's ending for a file of a language, which tells its dialects apart; never text that a subject chose."""
    return ".tsx" if path.endswith(".tsx") else _ENDINGS[language]


def _suffix(path: str) -> str:
    return posixpath.splitext(path)[1]


def role(path: str, language: str) -> str:
    """`test`, `example` or `product`, by the conventions of the file's own language."""
    if language != "python":
        *folders, name = path.split("/")
        if not _TEST_FOLDERS.isdisjoint(folders) or _TEST_FILE.match(name):
            return "test"
    return python.role(path)


def is_settings(path: str, language: str) -> bool:
    """Whether a file is, by its name, where a project keeps its settings.

    What holds for Python, and beside it `AppConfig.java` and `WorkerSettings.cs`, `env.ts`, and `vite.config.js`.
    """
    if language == "python":
        return python.is_settings(path)
    stem = path.rpartition("/")[2].rpartition(".")[0]
    named = _SETTINGS_CLASS.search(stem) or stem == "env" or stem.endswith(".config")
    return role(path, language) != "test" and (bool(named) or python.is_settings(path))


def not_source(language: str, source: bytes) -> str:
    """Why a file with the name of source code is none that people write, or "".

    A bundler's output has lines of hundreds of bytes and hardly a blank: more than 200 bytes a line in the mean, or
    more than 16 for every blank, in a file of more than 400 bytes. `.ts` is also the name of Qt's translations and of
    MPEG streams.
    """
    if language == "typescript":
        start = source[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
        if start.startswith((b"<?xml", b"<!DOCTYPE TS")):
            return "a translation file of Qt, not TypeScript"
        if source[:1] == b"G" and source[188:189] == b"G" and b"\0" in source[:188]:
            return "an MPEG transport stream, not TypeScript"
    if language in {"javascript", "typescript"} and len(source) > _BUNDLED_BYTES:
        lines = source.count(b"\n") + 1
        blanks = lines + source.count(b" ") + source.count(b"\t")
        if len(source) > lines * _LONG_LINE or len(source) > blanks * _SPARSE:
            return "minified: written by a bundler, not by people"
    return ""
