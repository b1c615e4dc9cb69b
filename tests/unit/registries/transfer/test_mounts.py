from registries.transfer.mounts import MountRecord


class TestMountRecord:
    def test_is_hopeful_at_first(self) -> None:
        record = MountRecord()
        assert record.should_try()
        assert record.is_worth_waiting
        assert not record.has_worked

    def test_tries_rarely_after_declines_alone(self) -> None:
        record = MountRecord()
        for _ in range(3):
            record.note(is_taken=False, has_waited=False)
        assert [record.should_try() for _ in range(16)].count(True) == 2

    def test_tries_always_once_it_has_worked(self) -> None:
        record = MountRecord()
        record.note(is_taken=True, has_waited=False)
        for _ in range(10):
            record.note(is_taken=False, has_waited=False)
        assert all(record.should_try() for _ in range(20))
        assert record.has_worked

    def test_stops_waiting_when_waiting_was_in_vain(self) -> None:
        record = MountRecord()
        for _ in range(3):
            record.note(is_taken=False, has_waited=True)
        assert not record.is_worth_waiting
        assert record.should_try()

    def test_goes_on_waiting_once_that_has_worked(self) -> None:
        record = MountRecord()
        record.note(is_taken=True, has_waited=True)
        for _ in range(10):
            record.note(is_taken=False, has_waited=True)
        assert record.is_worth_waiting
