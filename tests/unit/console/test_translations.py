"""The Chinese catalogue: complete, of this moment, and compiled. `make messages` brings it up to date."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation

from registries import naming
from registries.forms.fields import BandwidthWindowsField
from syncjobs import reasons
from syncjobs.matching import Fault

CATALOGUE = settings.LOCALE_PATHS[0] / "zh_Hans" / "LC_MESSAGES"
SCRIPT = settings.BASE_DIR / "scripts" / "messages.sh"

_KEYWORD = re.compile(r'^(msgctxt|msgid|msgid_plural|msgstr|msgstr\[0\]) (?=")', re.MULTILINE)
_HAN = re.compile("[\u4e00-\u9fff]")
_PLACEHOLDER = re.compile(r"%\(\w+\)[-#0-9.]*[a-z]|%[a-z]|\{\w*\}")


@dataclass(frozen=True, slots=True)
class Message:
    """A string with its translation; `plural` is empty for one that has no forms."""

    context: str
    text: str
    plural: str
    translation: str
    is_fuzzy: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Return what tells it from others."""
        return self.context, self.text


def read(catalogue: str) -> Iterator[Message]:
    """Yield the messages of a .po file but its header."""
    for entry in catalogue.split("\n\n"):
        lines = [line for line in entry.splitlines() if not line.startswith("#")]
        keyword, *rest = _KEYWORD.split("\n".join(lines))
        if keyword or not rest:
            continue
        parts = {
            name: "".join(ast.literal_eval(line) for line in text.splitlines())
            for name, text in zip(rest[::2], rest[1::2], strict=True)
        }
        if parts["msgid"]:
            yield Message(
                context=parts.get("msgctxt", ""),
                text=parts["msgid"],
                plural=parts.get("msgid_plural", ""),
                translation=parts.get("msgstr", parts.get("msgstr[0]", "")),
                is_fuzzy=bool(re.search("^#,.*fuzzy", entry, re.MULTILINE)),
            )


@pytest.fixture(scope="module")
def gettext_tools() -> None:
    """The tests need xgettext and its kin; a machine that builds must have them."""
    if shutil.which("msgfmt"):
        return
    if os.environ.get("CI") == "true":
        pytest.fail("Debian's gettext is missing: run scripts/setup.sh")
    pytest.skip("needs Debian's gettext: the Chinese catalogue is NOT checked")


@pytest.fixture(scope="module")
def stored() -> list[Message]:
    return list(read((CATALOGUE / "django.po").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def extracted(gettext_tools: None, tmp_path_factory: pytest.TempPathFactory) -> list[Message]:
    """The catalogue as `make messages` would leave it."""
    directory = tmp_path_factory.mktemp("messages")
    done = subprocess.run([SCRIPT, directory], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return list(read((directory / "django.po").read_text(encoding="utf-8")))


@pytest.mark.usefixtures("gettext_tools")
class TestCatalogue:
    def test_translates_every_marked_string(self, extracted: list[Message]) -> None:
        assert len(extracted) > 500
        assert [message.text for message in extracted if not message.translation] == []

    def test_guesses_nothing(self, extracted: list[Message], stored: list[Message]) -> None:
        assert [message.text for message in (*extracted, *stored) if message.is_fuzzy] == []

    def test_holds_nothing_that_no_page_says(self, extracted: list[Message], stored: list[Message]) -> None:
        marked = {message.key for message in extracted}
        assert [message.text for message in stored if message.key not in marked] == []
        assert "\n#~" not in (CATALOGUE / "django.po").read_text(encoding="utf-8")

    def test_keeps_the_placeholders(self, stored: list[Message]) -> None:
        for message in stored:
            wanted = Counter(_PLACEHOLDER.findall(message.plural or message.text))
            assert Counter(_PLACEHOLDER.findall(message.translation)) == wanted, message.text

    def test_is_compiled(self, stored: list[Message]) -> None:
        compiled = subprocess.run(
            ["msgunfmt", "--no-wrap", CATALOGUE / "django.mo"], capture_output=True, check=True, timeout=60
        ).stdout.decode()
        assert set(read(compiled)) == set(stored)


class TestReasons:
    @pytest.mark.parametrize("code", reasons.TEXTS)
    def test_are_said_in_both_languages(self, code: str) -> None:
        with translation.override("en"):
            english = reasons.text(code)
        with translation.override("zh-hans"):
            chinese = reasons.text(code)
            assert reasons.text(code, "source") != chinese
        assert _HAN.search(chinese)
        assert not _HAN.search(english)


class TestSentences:
    """Sentences of modules that know no Django, which forms translate."""

    @pytest.mark.parametrize(
        "sentence",
        [
            *(grammar.sentence for grammar in vars(naming).values() if isinstance(grammar, naming.Grammar)),
            *map(str, Fault),
        ],
    )
    def test_are_said_in_chinese(self, sentence: str) -> None:
        with translation.override("zh-hans"):
            assert _HAN.search(translation.gettext(sentence))

    @pytest.mark.parametrize("text", ["8-18 5MB/s", "08:00-18:00 fast", "08:61-18:00 1MB/s"])
    def test_quote_what_was_written(self, text: str) -> None:
        with translation.override("zh-hans"), pytest.raises(ValidationError) as refused:
            BandwidthWindowsField().clean(text)
        assert re.match(r"“[^”]+”不是有效的", refused.value.messages[0])
