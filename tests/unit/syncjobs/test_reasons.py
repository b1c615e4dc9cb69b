"""Every code that can be stored has a sentence, and the sentence says whose fault it is."""

from collections.abc import Iterator

import pytest

from registries.oci.errors import RegistryError
from syncjobs import reasons
from syncjobs.models import Execution, Job, Outcome
from syncjobs.planner import Brake, Problem


def kinds(parent: type[RegistryError] = RegistryError) -> Iterator[type[RegistryError]]:
    for kind in parent.__subclasses__():
        yield kind
        yield from kinds(kind)


DECIDED_HERE = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
FROM_REGISTRIES = {kind.code for kind in kinds()} - {RegistryError.code}
FROM_ENGINE = {"exists", "kind_not_selected", "tag_delete_unsupported"}
FROM_PLANNER = {code.value for kind in (Problem, Brake) for code in kind}
EVERY = DECIDED_HERE | FROM_REGISTRIES | FROM_ENGINE | FROM_PLANNER


class TestTexts:
    @pytest.mark.parametrize("code", sorted(EVERY))
    def test_hold_a_sentence_for_every_code(self, code):
        sentence = str(reasons.TEXTS[code])
        assert sentence.endswith(".")
        assert sentence != code

    def test_hold_nothing_that_no_code_leads_to(self):
        assert set(reasons.TEXTS) == EVERY

    @pytest.mark.parametrize("model", [Execution, Job, Outcome])
    def test_have_codes_that_fit_their_columns(self, model):
        longest = model._meta.get_field("reason").max_length
        assert max(map(len, reasons.TEXTS)) <= longest


class TestText:
    def test_is_the_sentence_alone_where_no_registry_is_meant(self):
        assert reasons.text(reasons.NOTHING_MATCHED) == "Nothing matched the rule."

    @pytest.mark.parametrize(("side", "beginning"), [("source", "Source: "), ("target", "Target: ")])
    def test_says_which_registry_is_meant(self, side, beginning):
        assert reasons.text("unreachable", side) == f"{beginning}The registry cannot be reached."

    def test_is_empty_without_a_reason(self):
        assert reasons.text("") == reasons.text("", "source") == ""

    def test_shows_a_code_of_a_newer_version_as_it_is(self):
        assert reasons.text("from_the_future", "target") == "Target: from_the_future"

    def test_does_not_stumble_over_a_percent_sign(self):
        assert reasons.text("100%", "source") == "Source: 100%"
