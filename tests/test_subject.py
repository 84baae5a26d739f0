"""The subject as a tree: what is listed, what is left out and why, and what its digest stands for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subjects import commit, git, lay

from strictreal.errors import BoundExceeded, SubjectError
from strictreal.subject import HIDDEN_NAME, MAX_FILE_BYTES, Entry, Tree, open_revision, open_tree


def listed(tree: Tree) -> list[str]:
    return [entry.path for entry in tree]


def test_git_lists_what_is_tracked_and_what_is_new_and_not_ignored(tmp_path: Path):
    commit(tmp_path, {"a.py": "a", "b/c.py": "c", ".gitignore": "*.log\n"})
    lay(tmp_path, {"new.py": "n", "debug.log": "l"})
    tree = open_tree(tmp_path)
    assert (tree.origin, listed(tree)) == ("git", [".gitignore", "a.py", "b/c.py", "new.py"])


def test_without_git_every_file_is_listed_but_not_those_of_dependencies(tmp_path: Path):
    package = {"node_modules/x/package.json": "{}", "node_modules/x/index.js": "x"}
    lay(tmp_path, {"a.py": "a", "b/c.py": "c", **package, "b/__pycache__/c.pyc": "", ".hidden": "h"})
    tree = open_tree(tmp_path)
    assert (tree.origin, listed(tree)) == ("walk", [".hidden", "a.py", "b/c.py"])
    reason = "a folder of dependencies, caches or version control"
    assert sorted(tree.left_out) == [("b/__pycache__", reason), ("node_modules", reason)]


CONFIGURED = {"venv/pyvenv.cfg": "home = /usr/bin\nversion = 3.11.2\n"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"venv/app/pay.py": ""}, ["venv/app/pay.py"]),
        ({"venv/pyvenv.cfg": "", "venv/app/pay.py": ""}, ["venv/app/pay.py", "venv/pyvenv.cfg"]),
        (CONFIGURED | {"venv/lib/python3.11/site-packages/x.py": "", "venv/bin/activate": ""}, []),
        (CONFIGURED | {"venv/Lib/site-packages/x.py": "", "venv/Scripts/a.bat": "", "venv/.gitignore": "*"}, []),
        (CONFIGURED | {"venv/pay.py": "", "venv/lib/pay.py": ""}, ["venv/lib/pay.py", "venv/pay.py"]),
        ({"b/.venv/x.py": ""}, ["b/.venv/x.py"]),
        ({"node_modules/pay.js": "", "node_modules/pay/index.js": ""}, ["node_modules/pay.js", "node_modules/pay/index.js"]),
        ({"node_modules/@s/p/package.json": "{}", "node_modules/@s/pay/a.js": ""}, ["node_modules/@s/pay/a.js"]),
        ({"node_modules/.package-lock.json": "{}", "node_modules/.bin/tsc": ""}, []),
        ({"a/__pycache__/pay.py": "", "a/__pycache__/b.cpython-311.pyc": ""}, ["a/__pycache__/pay.py"]),
        ({".tox/py311/pyvenv.cfg": "home = /usr", ".tox/py311/lib/python3.11/x.py": "", ".tox/log/1.log": ""}, []),
        ({".tox/pay.py": "", ".mypy_cache/3.11/a.data.json": "", ".mypy_cache/pay.py": ""}, [".mypy_cache/pay.py", ".tox/pay.py"]),
        ({"a/.svn/pay.py": "", "a/.hg/requires": "", "a/.hg/store/x.py": ""}, ["a/.svn/pay.py"]),
    ],
)  # fmt: skip
def test_a_name_alone_makes_no_folder_of_dependencies(tmp_path: Path, files: dict[str, str], expected: list[str]):
    assert listed(open_tree(lay(tmp_path, files))) == expected


def test_a_folder_inside_another_repository_is_a_subject_of_its_own(tmp_path: Path):
    commit(tmp_path, {"inner/a.py": "a", ".gitignore": "inner\n"})
    tree = open_tree(tmp_path / "inner")
    assert (tree.origin, tree.commit, listed(tree)) == ("walk", "", ["a.py"])


def test_a_broken_repository_does_not_make_an_outer_one_answer(tmp_path: Path):
    commit(tmp_path, {"outer.py": "o"})
    lay(tmp_path / "inner", {".git/nothing": "", "a.py": "a"})
    tree = open_tree(tmp_path / "inner")
    assert (tree.origin, tree.commit, listed(tree)) == ("walk", "", [".git/nothing", "a.py"])
    [(path, reason)] = tree.left_out
    assert path == ".git"
    assert reason.startswith("every file was listed, because git cannot: git rev-parse: fatal: not a git repository")


def test_the_evidence_folder_is_no_part_of_the_subject_and_is_named(tmp_path: Path):
    commit(tmp_path, {"a.py": "a", "evidence/x/facts.jsonl": "{}", "evidence/y.py": "y", "evidence.py": "e"})
    before = open_tree(tmp_path)
    assert listed(before) == ["a.py", "evidence.py"]
    assert before.left_out == [("evidence", "the folder of evidence, which audits write")]
    lay(tmp_path, {"evidence/z/facts.jsonl": "{}"})
    assert open_tree(tmp_path).digest == before.digest


def test_links_submodules_and_missing_files_are_left_out_by_name(tmp_path: Path):
    commit(tmp_path / "other", {"x.py": "x"})
    subject = tmp_path / "subject"
    commit(subject, {"a.py": "a", "gone.py": "g"})
    git(subject, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(tmp_path / "other"), "sub")
    (subject / "link.py").symlink_to("a.py")
    (subject / "folder").symlink_to(tmp_path)
    commit(subject)
    (subject / "gone.py").unlink()
    tree = open_tree(subject)
    assert listed(tree) == [".gitmodules", "a.py"]
    assert tree.left_out == [
        ("folder", "a symbolic link"),
        ("gone.py", "tracked by git but missing from the working tree"),
        ("link.py", "a symbolic link"),
        ("sub", "a git submodule or nested repository"),
    ]
    assert tree.dirty == ["gone.py"]


def test_a_file_below_a_folder_that_became_a_link_is_left_out(tmp_path: Path):
    subject = tmp_path / "subject"
    commit(subject, {"folder/a.py": "a", "b.py": "b"})
    lay(tmp_path / "outside", {"a.py": "a secret"})
    (subject / "folder" / "a.py").unlink()
    (subject / "folder").rmdir()
    (subject / "folder").symlink_to(tmp_path / "outside")
    tree = open_tree(subject)
    assert listed(tree) == ["b.py"]
    assert ("folder/a.py", "a parent folder is a link") in tree.left_out


def test_a_clean_tree_is_clean_and_each_kind_of_change_is_dirty(tmp_path: Path):
    head = commit(tmp_path, {"a.py": "a", "b.py": "b", "c.py": "c", "d.py": "d"})
    tree = open_tree(tmp_path)
    assert (tree.commit, tree.dirty) == (head, [])
    lay(tmp_path, {"a.py": "changed", "new.py": "n"})
    (tmp_path / "b.py").unlink()
    git(tmp_path, "rm", "--quiet", "--cached", "c.py")
    (tmp_path / "d.py").unlink()
    (tmp_path / "d.py").symlink_to("a.py")
    assert open_tree(tmp_path).dirty == ["a.py", "b.py", "new.py"]


def test_a_repository_without_a_commit_is_all_dirty(tmp_path: Path):
    git(tmp_path, "init", "--quiet")
    lay(tmp_path, {"a.py": "a"})
    tree = open_tree(tmp_path)
    assert (tree.origin, tree.commit, tree.dirty) == ("git", "", ["a.py"])


def test_a_repository_with_sha256_objects_is_read_alike(tmp_path: Path):
    git(tmp_path, "init", "--quiet", "--object-format=sha256")
    head = commit(tmp_path, {"a.py": "a"})
    lay(tmp_path, {"b.py": "b"})
    tree = open_tree(tmp_path)
    assert (len(head), tree.commit, tree.dirty) == (64, head, ["b.py"])


def test_a_worktree_and_a_submodule_are_read_as_the_repositories_that_they_are(tmp_path: Path):
    head = commit(tmp_path / "main", {"a.py": "a"})
    git(tmp_path / "main", "worktree", "add", "--quiet", str(tmp_path / "worktree"))
    commit(tmp_path / "outer", {"o.py": "o"})
    git(tmp_path / "outer", "-c", "protocol.file.allow=always", "submodule", "add", str(tmp_path / "main"), "inner")
    for place in (tmp_path / "worktree", tmp_path / "outer" / "inner"):
        tree = open_tree(place)
        assert (tree.origin, tree.commit, tree.dirty, listed(tree)) == ("git", head, [], ["a.py"])


def test_a_bare_repository_is_refused(tmp_path: Path):
    git(tmp_path, "init", "--quiet", "--bare")
    with pytest.raises(SubjectError, match="a bare repository has no files; name a working tree of it"):
        open_tree(tmp_path)


@pytest.mark.parametrize("name", ["absent", "file.py"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str):
    lay(tmp_path, {"file.py": ""})
    with pytest.raises(SubjectError, match="not a directory; name the repository to audit"):
        open_tree(tmp_path / name)


# Names.


ODD = [
    b"caf\xe9.py",
    b"new\nline.py",
    b"\x1b[31mred.py",
    b'"quoted".py',
    b"-rf.py",
    b":(glob)x.py",
    b"a b.py",
    b"\x01.py",
]


@pytest.mark.parametrize("origin", ["git", "walk"])
def test_files_with_odd_names_are_read(tmp_path: Path, origin: str):
    for name in ODD:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(name)
    if origin == "git":
        commit(tmp_path)
    tree = open_tree(tmp_path)
    assert (tree.origin, len(listed(tree)), tree.left_out, tree.dirty) == (origin, len(ODD), [], [])
    assert {path: tree.read(path) for path in listed(tree)} == {
        name.decode(errors="backslashreplace"): name for name in ODD
    }
    assert len(tree.digest) == 64


def test_two_names_that_would_be_shown_alike_are_not_taken_for_one(tmp_path: Path):
    lay(tmp_path, {r"caf\xe9.py": "escaped"})
    with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9.py"), "wb") as file:
        file.write(b"latin")
    tree = open_tree(tmp_path)
    assert tree.read(r"caf\xe9.py") == b"escaped"
    [(path, reason)] = tree.left_out
    assert (path, reason) == (r"caf\xe9.py", HIDDEN_NAME)


def test_two_secrets_in_names_that_would_be_shown_alike_are_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("strictreal.redact._TOLD", 1)
    names = [f"ghp_{digit * 36}.py" for digit in "abcdefghijklmnopqr"]  # 17 of them must share one of 16 digits
    lay(tmp_path, dict.fromkeys(names, "pass"))
    tree = open_tree(tmp_path)
    assert len(tree.entries) < len(names)
    assert len(tree.entries) + sum(reason == HIDDEN_NAME for _, reason in tree.left_out) == len(names)


@given(st.binary(min_size=1, max_size=20).filter(lambda n: b"\0" not in n and b"/" not in n and n not in {b".", b".."}))
def test_a_file_of_any_name_is_read_or_named(tmp_path_factory: pytest.TempPathFactory, name: bytes):
    root = tmp_path_factory.mktemp("subject")
    with open(os.path.join(os.fsencode(root), name), "wb") as file:
        file.write(name)
    tree = open_tree(root)
    assert [tree.read(path) for path in listed(tree)] == [name] or tree.left_out or name == b"evidence"
    assert len(tree.digest) == 64


# Reading.


def test_reading_stays_inside_the_list(tmp_path: Path):
    lay(tmp_path, {"subject/a.py": "a", "secret": "s"})
    tree = open_tree(tmp_path / "subject")
    for path in ("../secret", "/etc/hostname", "", ".", "b.py"):
        with pytest.raises(SubjectError, match="not a file of the subject"):
            tree.read(path)


def test_a_file_that_becomes_a_link_after_listing_is_not_followed(tmp_path: Path):
    lay(tmp_path, {"subject/a.py": "a", "secret": "s"})
    tree = open_tree(tmp_path / "subject")
    (tmp_path / "subject" / "a.py").unlink()
    (tmp_path / "subject" / "a.py").symlink_to(tmp_path / "secret")
    with pytest.raises(SubjectError, match=r"a\.py: cannot be read: Too many levels of symbolic links"):
        tree.read("a.py")
    assert tree.digests["a.py"].startswith("unread: ")


def test_a_file_that_changes_after_it_was_digested_is_not_read(tmp_path: Path):
    lay(tmp_path, {"a.py": "a"})
    tree = open_tree(tmp_path)
    assert tree.digest
    lay(tmp_path, {"a.py": "b"})
    with pytest.raises(SubjectError, match=r"a\.py: changed while it was being audited"):
        tree.read("a.py")


def test_a_file_above_the_bound_is_digested_and_not_read(tmp_path: Path):
    lay(tmp_path, {"large.py": b"x" * (MAX_FILE_BYTES + 1), "whole.py": b"x" * MAX_FILE_BYTES})
    tree = open_tree(tmp_path)
    assert len(tree.read("whole.py")) == MAX_FILE_BYTES
    with pytest.raises(BoundExceeded, match=rf"large\.py: larger than {MAX_FILE_BYTES} bytes \(bound: file size\)"):
        tree.read("large.py")
    assert len(tree.digests["large.py"]) == 64


# Digests.


@given(
    st.dictionaries(
        st.text("ab/", min_size=1, max_size=4).filter(lambda p: all(p.split("/"))),
        st.sampled_from(["x", "y"]),
        max_size=4,
    ),
    st.dictionaries(
        st.text("ab/", min_size=1, max_size=4).filter(lambda p: all(p.split("/"))),
        st.sampled_from(["x", "y"]),
        max_size=4,
    ),
)
def test_two_trees_have_one_digest_exactly_when_they_hold_the_same(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, str], other: dict[str, str]
):
    def laid(files: dict[str, str]) -> tuple[dict[str, str], str]:
        root = tmp_path_factory.mktemp("subject")
        kept = {p: c for p, c in files.items() if not any(q.startswith(p + "/") for q in files)}
        return kept, open_tree(lay(root, dict(kept))).digest

    (first, first_digest), (second, second_digest) = laid(one), laid(other)
    assert (first == second) == (first_digest == second_digest)


def test_the_executable_bit_is_part_of_the_digest(tmp_path: Path):
    lay(tmp_path, {"a.py": "a"})
    before = open_tree(tmp_path).digest
    (tmp_path / "a.py").chmod(0o755)
    assert open_tree(tmp_path).digest != before


def test_git_and_a_walk_give_one_tree_one_digest(tmp_path: Path):
    lay(tmp_path / "walk", {"a.py": "a", "b/c.py": "c"})
    commit(tmp_path / "git", {"a.py": "a", "b/c.py": "c"})
    assert open_tree(tmp_path / "walk").digest == open_tree(tmp_path / "git").digest


# Revisions.


def test_a_revision_is_the_tree_that_was_committed(tmp_path: Path):
    commit(tmp_path, {"a.py": "a", "b/c.py": "c", "evidence/x": "e", "run.sh": "#!/bin/sh\n"})
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "link").symlink_to("a.py")
    head = commit(tmp_path)
    clean = open_tree(tmp_path).digest
    lay(tmp_path, {"a.py": "changed"})
    tree = open_revision(tmp_path, "HEAD")
    assert (tree.origin, tree.commit) == ("revision", head)
    assert [tree.read(path) for path in listed(tree)] == [b"a", b"c", b"#!/bin/sh\n"]
    assert tree.left_out == [("link", "a symbolic link")]
    assert tree.digest == clean


def test_objects_above_the_bound_are_refused_and_the_next_is_read(tmp_path: Path):
    commit(tmp_path, {"a.py": "a", "large.py": b"\0" * (MAX_FILE_BYTES + 1), "z.py": "z"})
    tree = open_revision(tmp_path, "HEAD")
    assert tree.digests["large.py"].startswith("unread: blob ")
    with pytest.raises(BoundExceeded, match=r"large\.py: larger than"):
        tree.read("large.py")
    assert (tree.read("a.py"), tree.read("z.py")) == (b"a", b"z")


@pytest.mark.parametrize("revision", ["nowhere", "--all", "-h", "", "HEAD:a.py", "HEAD^{tree}", "a..b", "x\0y"])
def test_what_names_no_commit_is_refused(tmp_path: Path, revision: str):
    commit(tmp_path, {"a.py": "a"})
    with pytest.raises(SubjectError, match="name a commit, branch or tag"):
        open_revision(tmp_path, revision)


def test_a_revision_beyond_a_shallow_clone_says_what_to_do(tmp_path: Path):
    first = commit(tmp_path / "whole", {"a.py": "a"})
    commit(tmp_path / "whole", {"a.py": "b"})
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{tmp_path}/whole", "shallow")
    for revision in (first, "HEAD~1"):
        with pytest.raises(SubjectError, match="fetch more of its history"):
            open_revision(tmp_path / "shallow", revision)
    assert open_tree(tmp_path / "shallow").dirty == []


def test_an_entry_tells_size_and_mode(tmp_path: Path):
    lay(tmp_path, {"a.py": "abc"})
    (tmp_path / "a.py").chmod(0o744)
    assert list(open_tree(tmp_path)) == [Entry("a.py", 3, True)]
