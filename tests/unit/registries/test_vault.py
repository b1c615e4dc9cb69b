"""Sealing: what opens, what does not, and that errors give nothing away."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registries import vault
from registries.vault import VaultError

CONTEXT = "1|instance|tcr-aaaaaaaa|credential"
SECRET = "s3cret-päss-密码"
OLD, NEW = b"o" * 32, b"n" * 32

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80)


@pytest.fixture
def sealed():
    return vault.seal(SECRET, context=CONTEXT)


def flipped(value: str, part: int) -> str:
    """The sealed value with one bit of the part (0 key id, 1 nonce, 2 ciphertext) turned over."""
    parts = value.split(".")
    raw = bytearray(base64.urlsafe_b64decode(parts[part] + "=" * (-len(parts[part]) % 4)))
    raw[0] ^= 1
    parts[part] = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
    return ".".join(parts)


class TestSeal:
    @given(secret=texts, context=texts)
    def test_is_undone_by_opening_in_the_same_context(self, secret, context):
        assert vault.open_sealed(vault.seal(secret, context=context), context=context) == secret

    def test_leaves_no_trace_of_the_secret(self, sealed):
        assert SECRET not in sealed
        assert base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=") not in sealed

    def test_never_gives_the_same_value_twice(self, sealed):
        assert vault.seal(SECRET, context=CONTEXT) != sealed

    def test_uses_a_fresh_nonce_of_twelve_bytes(self):
        nonces = {vault.seal(SECRET, context=CONTEXT).split(".")[1] for _ in range(50)}
        assert len(nonces) == 50
        assert {len(base64.urlsafe_b64decode(nonce)) for nonce in nonces} == {12}

    def test_keeps_an_empty_secret_empty(self):
        assert vault.seal("", context=CONTEXT) == ""
        assert vault.open_sealed("", context=CONTEXT) == ""

    def test_seals_with_the_first_key_of_the_ring(self, settings):
        settings.VAULT_KEYS = {"new": NEW, "old": OLD}
        assert vault.seal(SECRET, context=CONTEXT).startswith("new.")


class TestOpenSealed:
    @pytest.mark.parametrize(
        "context",
        [
            "",
            CONTEXT + "x",
            "2|instance|tcr-aaaaaaaa|credential",
            "1|instance|tcr-bbbbbbbb|credential",
            "1|rule|tcr-aaaaaaaa|credential",
        ],
    )
    def test_refuses_the_value_of_another_row_table_or_tenant(self, sealed, context):
        with pytest.raises(VaultError):
            vault.open_sealed(sealed, context=context)

    @pytest.mark.parametrize("part", [1, 2])
    def test_refuses_a_changed_bit(self, sealed, part):
        with pytest.raises(VaultError):
            vault.open_sealed(flipped(sealed, part), context=CONTEXT)

    @pytest.mark.parametrize(
        "damaged",
        [
            "nonsense",
            "test.",
            "test..",
            "test.AAAA.AAAA",
            "test.!!!.???",
            "test.é.é",
            "test.A.A",
            "test.a.b.c",
            "test." + "A" * 300 + ".AAAA",
        ],
    )
    def test_refuses_what_was_never_sealed(self, damaged):
        with pytest.raises(VaultError):
            vault.open_sealed(damaged, context=CONTEXT)

    def test_refuses_a_cut_value(self, sealed):
        with pytest.raises(VaultError):
            vault.open_sealed(sealed[:-4], context=CONTEXT)

    def test_opens_with_any_key_of_the_ring(self, settings):
        settings.VAULT_KEYS = {"old": OLD}
        sealed = vault.seal(SECRET, context=CONTEXT)
        settings.VAULT_KEYS = {"new": NEW, "old": OLD}
        assert vault.open_sealed(sealed, context=CONTEXT) == SECRET

    def test_says_which_setting_lacks_the_key(self, settings):
        settings.VAULT_KEYS = {"old": OLD}
        sealed = vault.seal(SECRET, context=CONTEXT)
        settings.VAULT_KEYS = {"new": NEW}
        with pytest.raises(VaultError, match="REGATTA_VAULT_KEYS"):
            vault.open_sealed(sealed, context=CONTEXT)

    def test_refuses_a_value_whose_key_id_now_names_another_key(self, settings):
        settings.VAULT_KEYS = {"k": OLD}
        sealed = vault.seal(SECRET, context=CONTEXT)
        settings.VAULT_KEYS = {"k": NEW}
        with pytest.raises(VaultError):
            vault.open_sealed(sealed, context=CONTEXT)

    def test_does_not_show_secret_key_or_context_in_its_error(self, sealed):
        with pytest.raises(VaultError) as caught:
            vault.open_sealed(sealed, context="other-context")
        shown = f"{caught.value!r}{caught.value.__cause__!r}"
        assert caught.value.__suppress_context__
        for private in (SECRET, "k" * 32, "other-context", sealed):
            assert private not in shown


class TestIsCurrent:
    def test_tells_what_must_be_sealed_again_after_a_rotation(self, settings):
        settings.VAULT_KEYS = {"old": OLD}
        sealed = vault.seal(SECRET, context=CONTEXT)
        assert vault.is_current(sealed)

        settings.VAULT_KEYS = {"new": NEW, "old": OLD}
        assert not vault.is_current(sealed)
        assert vault.is_current(vault.seal(SECRET, context=CONTEXT))

    def test_does_not_take_a_longer_key_id_for_its_beginning(self, settings):
        settings.VAULT_KEYS = {"k10": OLD, "k1": NEW}
        sealed = vault.seal(SECRET, context=CONTEXT)
        settings.VAULT_KEYS = {"k1": NEW, "k10": OLD}
        assert not vault.is_current(sealed)

    def test_has_nothing_to_do_for_an_empty_value(self):
        assert vault.is_current("")
