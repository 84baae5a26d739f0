"""What a handler keeps in its own process or on its own disk, in place of handing it to the service that failed."""

from __future__ import annotations

import ast

from strictreal.collect.python import bodies
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import vocabulary, words

_ADDING = frozenset({"append", "appendleft", "add", "insert", "extend", "put", "put_nowait", "setdefault", "update"})
_WRITING = frozenset({"write", "writelines", "write_text", "write_bytes", "writerow", "writerows"})
_DUMPING = frozenset(
    {
        *("json.dump", "pickle.dump", "yaml.dump", "yaml.safe_dump", "joblib.dump", "numpy.save", "torch.save"),
        *("marshal.dump", "dill.dump", "cloudpickle.dump", "sqlite3.connect", "shelve.open", "dbm.open"),
        *("shutil.copy", "shutil.copyfile", "shutil.copy2", "shutil.move"),
    }
)
_PLACES = vocabulary(
    """
    buffer buffers buffered spool spooled local cache cached memory fallback offline pending backlog outbox disk mirror
    shadow journal wal stash deferred unsent undelivered queue queued store stored
    """
)
_TURNING = frozenset({"switch", "use", "enable", "activate", "start", "setup", "init", "enter", "fall", "fallback"})
_TURNED_TO = vocabulary(
    "local memory fallback offline inmemory to standalone simulated simulation dummy fake mock stub"
)
_STANDARD = frozenset({"sys.stderr", "sys.stdout", "sys.__stderr__", "stderr", "stdout"})


def locally(module: ParsedModule, statements: list[ast.stmt]) -> ast.expr | None:
    """The first thing that a handler keeps: an element of a collection, a file that it writes; None without one."""
    for statement in statements:
        for node in bodies.within(statement):
            if isinstance(node, ast.Call) and _keeps(module, node):
                return node
            if isinstance(node, ast.Assign):
                [target, *others] = node.targets
                if isinstance(target, ast.Subscript) and not others and _is_place(target.value):
                    return target
    return None


def _keeps(module: ParsedModule, call: ast.Call) -> bool:
    function = call.func
    name = dotted(module, function)
    if name in _DUMPING:
        return True
    if not isinstance(function, ast.Attribute):
        return not {"spool", "buffer", "stash"}.isdisjoint(words(name)[:1]) or _saves_locally(words(name))
    if function.attr in _WRITING:
        return dotted(module, function.value) not in _STANDARD and bool(call.args)
    if function.attr in _ADDING:
        return bool(call.args) and _is_place(function.value)
    return _saves_locally(words(function.attr))


def _saves_locally(own: tuple[str, ...]) -> bool:
    """`write_to_disk`, `save_locally`, `_spool`, `store_local`."""
    verb = own[:1] and own[0] in {
        "save",
        "write",
        "store",
        "append",
        "persist",
        "dump",
        "put",
        "enqueue",
        "buffer",
        "spool",
    }
    return bool(verb) and not {"local", "locally", "disk", "file", "memory", "buffer", "spool", "fallback"}.isdisjoint(
        own
    )


def _is_place(holder: ast.expr) -> bool:
    """Whether a collection is called a place where things wait or are kept."""
    named = holder.attr if isinstance(holder, ast.Attribute) else getattr(holder, "id", "")
    return not _PLACES.isdisjoint(words(named))


def switches(module: ParsedModule, value: ast.expr) -> bool:
    """Whether a call turns to something local: `self._switch_to_local()`, `use_memory_backend()`."""
    call = value.value if isinstance(value, ast.Await) else value
    name = dotted(module, call.func).rpartition(".")[2] if isinstance(call, ast.Call) else ""
    own = words(name)
    return own[:1] != () and own[0] in _TURNING and not _TURNED_TO.isdisjoint(own[1:])


def default(module: ParsedModule, value: ast.expr) -> ast.expr | None:
    """The literal that a handler puts among the results: `rows.append(None)`; None when it does not."""
    if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)):
        return None
    if value.func.attr not in {"append", "add"} or len(value.args) != 1 or value.keywords:
        return None
    [given] = value.args
    return given if bodies.value_of(module, given) in {"none", "trivial", "record", "numbers"} else None
