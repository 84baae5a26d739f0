"""Which language a file is written in, by the names and first lines that each ecosystem agrees on.

docs/adr/0011-what-is-not-read.md says which languages count as code, and why the others do not.
"""

from __future__ import annotations

import posixpath
import re

from strictreal.collect.python import role as python

LANGUAGES = {
    **dict.fromkeys((".py", ".pyi", ".pyw", ".py3", ".wsgi", ".tac"), "python"),
    **dict.fromkeys((".js", ".cjs", ".mjs", ".jsx"), "javascript"),
    **dict.fromkeys((".ts", ".cts", ".mts", ".tsx"), "typescript"),
    ".go": "go",
    ".java": "java",
    **dict.fromkeys((".kt", ".kts"), "kotlin"),
    **dict.fromkeys((".rb", ".rake"), "ruby"),
    ".rs": "rust",
    **dict.fromkeys((".php", ".phtml"), "php"),
    **dict.fromkeys((".cs", ".csx"), "csharp"),
}
"""The languages that rules are written for, as semgrep calls them."""
_ENDINGS = {language: ending for ending, language in reversed(LANGUAGES.items())}
_NAMED = {"Rakefile": "ruby", "Gemfile": "ruby", "Jakefile": "javascript"}
_NAMED |= dict.fromkeys(("SConstruct", "SConscript", "wscript"), "python")
_INTERPRETERS = {"node": "javascript", "nodejs": "javascript", "deno": "typescript", "ruby": "ruby", "php": "php"}
_INTERPRETERS |= {"bun": "typescript", "tsx": "typescript", "ts-node": "typescript", "rust-script": "rust"}
_PYTHON = re.compile(r"(?:i?python|pypy|graalpy|jython|micropython)w?[0-9.]*t?(?:-[\w-]+)?(?:\.exe)?")
_RUNNERS = {"uv", "uvx", "pipx", "poetry", "pdm", "hatch", "rye", "pipenv"}
"""Programs that run Python scripts without naming an interpreter."""
_POLYGLOT = re.compile(
    rb"#![^\n]*\n(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*(?:'''|\"\"\"|''|\"\"|'|\"|r\"\"\")(?:exec|:)['\" ][^\n]*"
)
"""A script for a shell in its first lines, and for Python in all: how launchers get around long `#!` lines."""

NOTEBOOK = ".ipynb"
EMBEDDING = {".vue": "Vue", ".svelte": "Svelte", ".html": "HTML", ".htm": "HTML", ".xhtml": "HTML"}
"""Files whose scripts are JavaScript or TypeScript between tags."""

COMMANDS = frozenset({"shell", "PowerShell", "batch", "AWK", "Tcl"})
"""Languages of commands: the environment is what their variables are."""

UNREAD = {
    **dict.fromkeys((".sh", ".bash", ".zsh", ".ksh", ".ash", ".dash", ".csh", ".tcsh", ".fish", ".bats"), "shell"),
    **dict.fromkeys((".ps1", ".psm1"), "PowerShell"),
    **dict.fromkeys((".bat", ".cmd"), "batch"),
    ".awk": "AWK",
    ".tcl": "Tcl",
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
    **dict.fromkeys((".pl", ".pm"), "Perl"),
    **dict.fromkeys((".f", ".f90", ".f95", ".f03", ".f08"), "Fortran"),
    **dict.fromkeys((".s", ".asm"), "assembly"),
    **dict.fromkeys((".lisp", ".el", ".scm", ".rkt"), "Lisp"),
    **dict.fromkeys((".vb", ".vbs", ".bas"), "Visual Basic"),
    **dict.fromkeys((".pas", ".dpr"), "Pascal"),
    ".astro": "Astro",
    ".coffee": "CoffeeScript",
    ".cr": "Crystal",
    ".dart": "Dart",
    ".gleam": "Gleam",
    ".groovy": "Groovy",
    ".hs": "Haskell",
    ".jl": "Julia",
    ".lua": "Lua",
    ".mojo": "Mojo",
    ".nim": "Nim",
    ".r": "R",
    ".rmd": "R",
    ".scala": "Scala",
    ".sol": "Solidity",
    ".swift": "Swift",
    ".wat": "WebAssembly",
    ".zig": "Zig",
}
"""Source code that no rule is written for."""
_UNREAD_INTERPRETERS = {
    **dict.fromkeys(("sh", "bash", "zsh", "ksh", "ash", "dash", "csh", "tcsh", "fish", "bats", "busybox"), "shell"),
    **dict.fromkeys(("awk", "gawk", "mawk"), "AWK"),
    **dict.fromkeys(("tclsh", "wish", "expect"), "Tcl"),
    **dict.fromkeys(("pwsh", "powershell"), "PowerShell"),
    **dict.fromkeys(("perl", "perl5"), "Perl"),
    **dict.fromkeys(("Rscript", "R"), "R"),
    **dict.fromkeys(("lua", "luajit"), "Lua"),
    **dict.fromkeys(("runghc", "runhaskell", "stack"), "Haskell"),
    **dict.fromkeys(("elixir", "mix"), "Elixir"),
    **dict.fromkeys(("scala", "scala-cli", "amm"), "Scala"),
    **dict.fromkeys(("racket", "guile", "sbcl"), "Lisp"),
    "bb": "Clojure",
    "dart": "Dart",
    "escript": "Erlang",
    "groovy": "Groovy",
    "julia": "Julia",
    "osascript": "AppleScript",
    "swift": "Swift",
}
"""What a `#!` line names when no rule is written for the language."""

MINIFIED = "minified"
_BUNDLED_BYTES = 400
_LONG_LINE = 200
_SPARSE = 16
_TEST_FOLDERS = {"__tests__", "__mocks__", "spec", "specs", "cypress", "androidTest"}
_TEST_FILE = re.compile(r".*[._-](?:test|tests|spec|e2e|cy)\.\w+$|.*(?:Test|Tests|TestCase|IT|Spec|_spec|_test)\.\w+$")

_SETTINGS_CLASS = re.compile(r"(?:^|[a-z0-9])(?:Settings|Config|Configuration|Env|Environment)$")


def language_of(path: str, opening: bytes = b"") -> str:
    """The language of a file as semgrep calls it, or "".

    Args:
        path: its path inside the subject.
        opening: the first bytes of a file whose name does not tell; a `#!` there names its interpreter.
    """
    if found := LANGUAGES.get(_suffix(path)) or _NAMED.get(path.rpartition("/")[2]):
        return found
    if _suffix(path) in UNREAD:
        return ""
    return _by_interpreter(opening)[0]


def unread(path: str, opening: bytes = b"") -> str:
    """The language of source code that no rule reads, or ""."""
    if found := UNREAD.get(_suffix(path)):
        return found
    return "" if language_of(path) else _by_interpreter(opening)[1]


def _by_interpreter(opening: bytes) -> tuple[str, str]:
    """The language that rules are written for, or else the one that none is for, by a `#!` line."""
    if not opening.startswith(b"#!"):
        return "", ""
    first, _, rest = opening[2:].partition(b"\n")
    words = first.decode(errors="replace").split()
    if any(word.endswith("nix-shell") for word in words):  # the next line says what it is to run
        words = rest.partition(b"\n")[0].decode(errors="replace").split()
        words = words[words.index("-i") + 1 :] if "-i" in words else []
    runner = False
    for word in words:
        program = word.removeprefix("-S").removeprefix("--split-string=").rpartition("/")[2]
        if _PYTHON.fullmatch(program):
            return "python", ""
        if program in _INTERPRETERS:
            return _INTERPRETERS[program], ""
        if program in _UNREAD_INTERPRETERS:
            polyglot = _POLYGLOT.match(opening)
            return ("python", "") if polyglot and b"python" in polyglot[0] else ("", _UNREAD_INTERPRETERS[program])
        runner |= program in _RUNNERS
    return ("python", "") if runner else ("", "")


def suffix(path: str, language: str) -> str:
    """A name's ending for a file of a language, which tells its dialects apart; never text that a subject chose."""
    return ".tsx" if _suffix(path) == ".tsx" else _ENDINGS[language]


def _suffix(path: str) -> str:
    """The ending in lower case: `python Tool.PY` runs as well as `python tool.py`."""
    return posixpath.splitext(path)[1].lower()


def is_python_program(name: str) -> bool:
    """Whether a program, by its name without a folder, is an interpreter of Python."""
    return bool(_PYTHON.fullmatch(name))


def has_suffix(path: str, *endings: str) -> bool:
    """Whether a name ends in one of these, in any case."""
    return _suffix(path) in endings


def role(path: str, language: str) -> str:
    """`test`, `example` or `product`, by the conventions of the file's own language."""
    if language != "python":
        *folders, name = path.split("/")
        if not _TEST_FOLDERS.isdisjoint(folders) or _TEST_FILE.match(name):
            return "test"
    return python.role(path)


def is_test(path: str) -> bool:
    """Whether a file in a language that no rule reads is a test, by any of the conventions above."""
    return has_suffix(path, ".bats") or role(path, "") == "test"


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
            return MINIFIED
    return ""
