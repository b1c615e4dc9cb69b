import pytest

from registries.oci.latency import Latency


def after(*seconds):
    latency = Latency()
    for each in seconds:
        latency.note(each)
    return latency


class TestIsHigh:
    def test_is_false_before_anything_is_known(self):
        assert not Latency().is_high

    @pytest.mark.parametrize("usual", [0.001, 0.04, 2.0])
    def test_is_false_while_nothing_changes(self, usual):
        assert not after(*[usual] * 100).is_high

    def test_is_true_when_answers_take_much_longer_than_before(self):
        assert after(*[0.01] * 20, *[0.05] * 20).is_high

    def test_is_false_for_one_slow_answer_among_many(self):
        assert not after(*[0.01] * 20, 0.09).is_high

    def test_bears_with_a_kind_that_varies_by_its_nature(self):
        assert not after(*[0.01, 0.2] * 50).is_high

    def test_forgets_the_handshakes_of_the_beginning(self):
        assert after(*[0.12] * 16, *[0.04] * 60, *[0.1] * 60).is_high

    def test_gets_used_to_a_registry_that_stays_slower(self):
        assert not after(*[0.01] * 20, *[0.05] * 3000).is_high
