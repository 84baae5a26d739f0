"""Scripts between tags: what is read of Vue, Svelte and HTML files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.embedded import scripts

JS = b"const a = 1;"


@pytest.mark.parametrize(
    ("path", "data", "language"),
    [
        ("a.vue", b"<script>%s</script>", "javascript"),
        ("a.vue", b'<script setup lang="ts">%s</script>', "typescript"),
        ("a.vue", b'<script setup lang="ts" generic="T extends Array<X>">%s</script>', "typescript"),
        ("a.svelte", b"<script lang='ts'>%s</script>", "typescript"),
        ("a.html", b"<SCRIPT TYPE=module>%s</SCRIPT >", "javascript"),
        ("a.html", b"<script a='>%s</script>", "javascript"),
        ("a.html", b"<!-- <script> --><script>%s</script>", "javascript"),
    ],
)
def test_a_script_stands_where_it_stood(path: str, data: bytes, language: str):
    whole = b"<p>\n" + data.replace(b"%s", JS) + b"\n</p>"
    found = scripts(path, whole)
    assert found is not None
    assert found.language == language
    assert found.source.strip() == JS
    assert found.source.index(JS) == whole.index(JS)


@pytest.mark.parametrize(
    "data",
    [
        b"<p>const a = 1;</p>",
        b'<script src="a.js"></script>',
        b'<script type="application/json">{"a": 1}</script>',
        b'<script type="text/template"><p></p></script>',
        b"<!-- <script>const a = 1;</script> -->",
        b"<scripted>const a = 1;</scripted>",
    ],
)
def test_what_is_no_script_is_not_read(data: bytes):
    assert scripts("a.html", data) is None


def test_a_script_that_is_never_closed_goes_on_to_the_end():
    found = scripts("a.html", b'<script type="text/javascript">' + JS)
    assert found is not None
    assert found.source.strip() == JS


def test_what_a_server_fills_in_stands_for_a_value():
    found = scripts("a.html", b"<script>{% if x %}\nvar a = {{ a|safe }};\n{% endif %}</script>")
    assert found is not None
    assert found.source.split() == [b"var", b"a", b"=", b"0", b";"]


@given(st.lists(st.sampled_from([b"<script>", b"</script>", b"<!--", b"-->", b"\n", b"x", b"'", b">", b"{{", b"}}"])))
def test_lines_and_length_stay_as_they_are(parts: list[bytes]):
    data = b"".join(parts)
    found = scripts("a.html", data)
    if found:
        assert len(found.source) == len(data)
        assert [i for i, c in enumerate(found.source) if c == 10] == [i for i, c in enumerate(data) if c == 10]
