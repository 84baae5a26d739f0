"""Errors that a handler names and drops: by any type that holds every error, by dead code, by a function that only logs."""

from __future__ import annotations

import pytest

from tests.cases import named
from tests.judging import findings

SILENT = named(
    r"""
## builtins
import builtins
def recall(key):
    try:
        return client.get(key)
    except builtins.Exception:
        return []
## builtins getattr
import builtins
def recall(key):
    try:
        return client.get(key)
    except getattr(builtins, "BaseException"):
        return []
## starred
def recall(key):
    try:
        return client.get(key)
    except (*[Exception],):
        return []
## tuple call
def recall(key):
    try:
        return client.get(key)
    except tuple([ValueError, Exception]):
        return []
## tuple sum
def recall(key):
    try:
        return client.get(key)
    except (KeyError,) + (Exception,):
        return []
## ternary type
import sys
def recall(key):
    try:
        return client.get(key)
    except ValueError if sys.platform else Exception:
        return []
## mro
def recall(key):
    try:
        return client.get(key)
    except ValueError.__mro__[1] if 0 else Exception.__mro__[0]:
        return []
## class attribute
class Store:
    ERRORS = (KeyError, Exception)
    def recall(self, key):
        try:
            return self.client.get(key)
        except self.ERRORS:
            return []
## name of list
ERRS = [ConnectionError, TimeoutError]
def recall(key):
    try:
        return client.fetch(key)
    except tuple(ERRS):
        return []
## star name
ERRS = (Exception,)
def recall(key):
    try:
        return client.fetch(key)
    except (KeyError, *ERRS):
        return None
## group
async def recall(keys):
    try:
        async with asyncio.TaskGroup() as tg:
            tg.create_task(fetch(keys))
    except ExceptionGroup:
        return []
## group bound
async def recall(keys):
    try:
        return await fetch(keys)
    except BaseExceptionGroup as group:
        return []
## underscore
def recall(key):
    try:
        return client.get(key)
    except Exception as error:
        _ = error
        return []
## underscore name
def recall(key):
    try:
        return client.get(key)
    except Exception as err:
        _unused = err
        return []
## del
def recall(key):
    try:
        return client.get(key)
    except Exception as error:
        del error
        return []
## str
def recall(key):
    result = []
    try:
        result = client.get(key)
    except Exception as error:
        str(error)
    return result
## fstring stmt
def recall(key):
    try:
        return client.get(key)
    except Exception as error:
        f"failed: {error}"
        return []
## assert e
def recall(key):
    try:
        return client.get(key)
    except Exception as error:
        assert error
        return []
## assert isinstance
def recall(key):
    try:
        return client.get(key)
    except Exception as error:
        assert isinstance(error, Exception), error
        return []
## assert true
def recall(key):
    try:
        return client.get(key)
    except Exception:
        assert True
        return []
## assert not none
def recall(key):
    try:
        return client.get(key)
    except Exception as e:
        assert e is not None
        return []
## add_note
def recall(key):
    try:
        return client.get(key)
    except Exception as e:
        e.add_note("while recalling")
        return []
## with_traceback
def recall(key):
    try:
        return client.get(key)
    except Exception as e:
        e.with_traceback(None)
        return []
## trace dropped
import traceback
def recall(key):
    try:
        return client.get(key)
    except Exception:
        traceback.format_exc()
        return []
## exc info dropped
import sys
def recall(key):
    try:
        return client.get(key)
    except Exception:
        sys.exc_info()
        return []
## exc info assigned
import sys
def recall(key):
    try:
        return client.get(key)
    except Exception:
        kind, value, trace = sys.exc_info()
        return []
## local message
def recall(key):
    try:
        return client.get(key)
    except Exception as e:
        message = f"recall failed: {e}"
        return []
## failures list
def quiet(f):
    def inner(*a):
        try:
            return f(*a)
        except Exception as e:
            failures = [e]
            return []
    return inner
## rebind
def recall(key):
    try:
        return client.get(key)
    except Exception as e:
        e = None
        return []
## if false
def recall(key):
    try:
        return client.get(key)
    except Exception as error:
        if False:
            raise
        return []
## if 0
def recall(key):
    try:
        return client.get(key)
    except Exception:
        if 0:
            raise
        return []
## while false
def recall(key):
    try:
        return client.get(key)
    except Exception:
        while False:
            raise
        return []
## after return
def recall(key):
    try:
        return client.get(key)
    except Exception:
        return []
        raise
## else of true
def recall(key):
    try:
        return client.get(key)
    except Exception:
        if True:
            return []
        else:
            raise
## for empty
def recall(key):
    try:
        return client.get(key)
    except Exception:
        for _ in ():
            raise
        return []
## flag const
def recall(key):
    strict = False
    try:
        return client.get(key)
    except Exception:
        if strict:
            raise
        return []
## raise in a try
def recall(key):
    try:
        return client.get(key)
    except Exception:
        try:
            raise
        except Exception:
            pass
        return []
## dead exit
import sys
def recall(key):
    try:
        return client.get(key)
    except Exception:
        if False:
            sys.exit(1)
        return []
## note
def recall(key):
    try:
        return client.get(key)
    except Exception as error:
        return note(error)
def note(error):
    return []
## note logs
def recall(key):
    try:
        return client.get(key)
    except Exception as error:
        return _report(error, key)
def _report(error, key):
    logger.debug("%s: %s", key, error)
    return {}
## note method
class A:
    def recall(self, key):
        try:
            return self.client.get(key)
        except Exception as e:
            return self._handle(e)
    def _handle(self, exc):
        logger.info("no: %s", exc)
        return None
## note stmt
class A:
    def recall(self, key):
        rows = []
        try:
            rows = self.client.get(key)
        except Exception as e:
            self._note(e)
        return rows
    def _note(self, exc):
        logger.info("no: %s", exc)
## lambda note
noop = lambda e: None
def recall(key):
    try:
        return client.get(key)
    except Exception as e:
        noop(e)
        return []
## inline lambda
def recall(key):
    try:
        return client.get(key)
    except Exception as e:
        return (lambda err: [])(e)
## test chooses
def recall(key):
    try:
        return client.get(key)
    except Exception as e:
        if "timeout" in str(e):
            return []
        return None
## ternary chooses
def recall(key):
    try:
        return client.get(key)
    except Exception as e:
        return [] if isinstance(e, TimeoutError) else None
## error none
def recall(key):
    try:
        return {"rows": client.get(key), "error": None}
    except Exception:
        return {"rows": [], "error": None}
## failed false
def recall(key):
    try:
        return client.get(key)
    except Exception:
        return Result(rows=[], failed=False)
## errors empty
def recall(key):
    try:
        return client.get(key)
    except Exception:
        return {"errors": [], "data": {}}
"""
)


def found(source: str) -> list[str]:
    return [f.message for f in findings("test_fallbacks", "code.fallback", {"app/service.py": source})]


@pytest.mark.parametrize("name", SILENT)
def test_an_error_that_is_named_and_dropped_is_found(name: str) -> None:
    assert found(SILENT[name])
