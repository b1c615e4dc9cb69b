import pytest

from registries.transfer.plan import decide


class TestDecide:
    @pytest.mark.parametrize(
        ("target_digest", "override", "verdict"),
        [
            (None, False, "copy"),
            (None, True, "copy"),
            ("same", False, "up_to_date"),
            ("same", True, "up_to_date"),
            ("other", False, "exists"),
            ("other", True, "copy"),
        ],
    )
    def test_follows_the_table(self, target_digest: str | None, override: bool, verdict: str) -> None:
        assert decide(source_digest="same", target_digest=target_digest, override=override) == verdict
