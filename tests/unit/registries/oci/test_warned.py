import asyncio

import pytest

from registries.oci import warned
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.oci.clients import connect, run


class TestParse:
    @pytest.mark.parametrize(
        ("values", "texts"),
        [
            (['299 - "Your token expires in 30 seconds."'], ["Your token expires in 30 seconds."]),
            (['299 - "one", 299 - "two"'], ["one", "two"]),
            (['299 - "one"', '299 - "two"'], ["one", "two"]),
            ([r'299 - "say \"please\", now"'], ['say "please", now']),
            (['110 - "Response is stale"'], []),
            (['299 proxy.example "for machines"'], []),
            (["299 - unquoted"], []),
            (['299 - ""'], []),
            (['299 - "a\tb\x1b[31m"'], ["ab[31m"]),
        ],
    )
    def test_finds_what_is_meant_for_people(self, values, texts):
        assert warned.parse(values) == texts

    def test_cuts_long_texts(self):
        assert warned.parse([f'299 - "{"x" * 5000}"']) == ["x" * 300]


class TestListening:
    def test_hears_the_answers_to_this_task_and_those_it_starts(self):
        with FakeRegistry() as registry:
            registry.fault(
                Fault(path="/v2/$", status=200, headers={"Warning": '299 - "moving soon"'}, times=None)
            )

            async def scenario():
                async with connect(registry.url) as client:
                    with warned.listening() as heard:
                        await asyncio.gather(client.ping(), client.ping())
                    await client.ping()
                    return list(heard)

            assert run(scenario()) == [f"127.0.0.1:{registry.port} warns: moving soon"]

    def test_ends_after_a_number_of_warnings(self):
        with warned.listening() as heard:
            for n in range(1000):
                warned.note("registry.example", [f'299 - "{n}"'])
        assert len(heard) == 20

    def test_may_be_done_by_nobody(self):
        warned.note("registry.example", ['299 - "nobody listens"'])
        with warned.listening() as heard:
            assert not heard
