"""Context managers that take errors away, and what of a handler keeps an error or hands it on."""

from __future__ import annotations

import pytest

from tests.cases import named
from tests.judging import findings

SILENT = named(
    r"""
## raise suppressed
from contextlib import suppress
def recall(key):
    try:
        return client.get(key)
    except Exception:
        with suppress(Exception):
            raise
        return []
## continue in finally
def recall(keys):
    out = []
    for key in keys:
        try:
            out.append(client.get(key))
        finally:
            continue
    return out
## exit kind
class Quiet:
    def __enter__(self): return self
    def __exit__(self, kind, value, trace):
        return kind is not None
## exit bool
class Quiet:
    def __exit__(self, kind, value, trace):
        return bool(kind)
## exit or
class Quiet:
    def __exit__(self, kind, exc, trace):
        return exc is not None or self.debug
## exit name
class Quiet:
    def __exit__(self, kind, exc, trace):
        return kind
## exit one
class Quiet:
    def __exit__(self, *args):
        return 1
## exit args
class Quiet:
    def __exit__(self, *args):
        return args[0] is not None
## exit if
class Quiet:
    def __exit__(self, kind, exc, trace):
        if kind is not None:
            return True
        return False
## exit if log
class Quiet:
    def __exit__(self, kind, exc, trace):
        self.lock.release()
        if exc:
            logger.debug("x", exc_info=exc)
            return True
## exit issubclass
class Quiet:
    async def __aexit__(self, kind, exc, trace):
        return kind is not None and issubclass(kind, Exception)
## exit isinstance
class Quiet:
    def __exit__(self, kind, exc, trace):
        return isinstance(exc, Exception)
## exit service
class Quiet:
    def __exit__(self, kind, exc, trace):
        return isinstance(exc, (ConnectionError, TimeoutError))
## exit early
class Quiet:
    def __exit__(self, kind, exc, trace):
        if kind is None:
            return
        return True
## exit not
class Quiet:
    def __exit__(self, kind, exc, trace):
        return not (kind is None)
## exit ternary
class Quiet:
    def __exit__(self, kind, exc, trace):
        return True if kind else False
## exit var
class Quiet:
    def __exit__(self, kind, exc, trace):
        swallow = exc is not None
        return swallow
## exit lambda
class Quiet:
    __enter__ = lambda self: self
    __exit__ = lambda self, *exc: True
## push
from contextlib import ExitStack
def run(job):
    with ExitStack() as stack:
        stack.push(lambda *exc: True)
        return job()
## suppress alias
from contextlib import suppress as ignoring
def send(x):
    with ignoring(Exception):
        client.send(x)
## suppress var
import contextlib
quiet = contextlib.suppress(Exception)
def send(x):
    with quiet:
        client.send(x)
## suppress star
from contextlib import suppress
ERRORS = (ConnectionError, TimeoutError)
def send(x):
    with suppress(*ERRORS):
        client.send(x)
## suppress builtins
import builtins
from contextlib import suppress
def send(x):
    with suppress(builtins.Exception):
        client.send(x)
## suppress subclass
import contextlib
class Quietly(contextlib.suppress):
    pass
def send(x):
    with Quietly(Exception):
        client.send(x)
## suppress with raise
from contextlib import suppress
def send(x):
    with suppress(Exception):
        if not client.send(x):
            raise RuntimeError
## return suppress
from contextlib import suppress
def quiet():
    return suppress(Exception)
def send(x):
    with quiet():
        client.send(x)
"""
)
HEARD = named(
    r"""
## exit false
class A:
    def __exit__(self, kind, exc, trace):
        self.close()
        return False
## exit kept
class A:
    def __exit__(self, kind, exc, trace):
        self.error = exc
        return True
## exit kept or
class A:
    def __exit__(self, kind, exc, trace):
        self.errors.append(exc)
        return exc is not None
## exit narrow
class A:
    def __exit__(self, kind, exc, trace):
        return kind is not None and issubclass(kind, KeyError)
## exit stop
class A:
    def __exit__(self, kind, exc, trace):
        if kind is StopIteration:
            return True
        return False
## exit raises
class A:
    def __exit__(self, kind, exc, trace):
        if exc is not None:
            raise StoreError("x") from exc
        return True
## exit setting
class A:
    def __exit__(self, kind, exc, trace):
        return self.tolerant
## exit delegates
class A:
    def __exit__(self, *exc):
        return self.stack.__exit__(*exc)
## exit none
class A:
    def __exit__(self, kind, exc, trace):
        return kind is None
## exit plain
class A:
    def __exit__(self, *exc):
        self.lock.release()
## stack push
def f(stack):
    stack.push(lambda item: True)
## suppress key
from contextlib import suppress as quietly
def f(d):
    with quietly(KeyError):
        del d["x"]
## raise under condition
def f(e_):
    try:
        go()
    except Exception as e:
        if settings.strict:
            raise
        return []
## note keeps
def recall(key):
    try:
        return client.get(key)
    except Exception as error:
        return note(error)
def note(error):
    SEEN.append(error)
    return []
## note raises
def recall(key):
    try:
        return client.get(key)
    except Exception as error:
        return fail(error)
def fail(error):
    raise RuntimeError("no") from error
## note hook
class A:
    def recall(self, key):
        try:
            return self.client.get(key)
        except Exception as error:
            return self.on_error(error)
    def on_error(self, error):
        pass
## note answers error
def recall(key):
    try:
        return client.get(key)
    except Exception as error:
        return problem(error)
def problem(error):
    return {"error": str(error)}
## narrow class attribute
class A:
    GONE = (KeyError, IndexError)
    def f(self, k):
        try:
            return self.rows[k]
        except self.GONE:
            return None
## narrow star
def f(k):
    try:
        return rows[k]
    except (*[KeyError],):
        return None
## last raised
def call(fn):
    last = None
    for i in range(3):
        try:
            return fn()
        except Exception as e:
            last = e
    raise last
## message returned
def f():
    try:
        go()
    except Exception as e:
        message = f"no: {e}"
        return message
## exc info used
import sys
def f():
    try:
        go()
    except Exception:
        kind, value, trace = sys.exc_info()
        report(value)
        return None
## tests raise else
def f():
    try:
        return go()
    except ApiError as e:
        if e.status == 404:
            return None
        else:
            raise
## failed field
def f():
    try:
        return go()
    except Exception:
        return Result(rows=[], failed=True)
## error text
def f():
    try:
        return go()
    except Exception:
        return {"rows": [], "error": "cannot reach the index"}
## assert about key
def f(key):
    try:
        return go(key)
    except Exception:
        assert False, "never"
## dead code elsewhere
def f():
    if False:
        return []
    return go()
## rows sorted
def f(docs):
    try:
        return sorted(docs, key=score)
    except TypeError:
        return docs
## group handled
async def f():
    try:
        await go()
    except ExceptionGroup as group:
        raise group.exceptions[0]
## type in tuple var
ERRS = (KeyError, ValueError)
def f(k):
    try:
        return rows[k]
    except ERRS:
        return None
"""
)


def found(source: str) -> list[str]:
    return [f.message for f in findings("test_fallbacks", "code.fallback", {"app/service.py": source})]


@pytest.mark.parametrize("name", SILENT)
def test_errors_that_a_context_takes_away_are_found(name: str) -> None:
    assert found(SILENT[name])


@pytest.mark.parametrize("name", HEARD)
def test_errors_that_are_kept_or_handed_on_are_not(name: str) -> None:
    assert found(HEARD[name]) == []
