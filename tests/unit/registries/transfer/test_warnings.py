"""What registries warn of reaches people, with the tag that was finished next."""

from tests.fakes import images
from tests.fakes.faults import Fault
from tests.unit.registries.transfer.harness import Bench


class TestWarning:
    def test_is_told_once_with_the_next_tag(self, bench: Bench) -> None:
        for n in range(4):
            bench.put(images.image(n, layers=0), f"v{n}")
        headers = {"Warning": '299 - "this registry closes in May"'}
        bench.source.fault(Fault(path="/manifests/", replace_headers=headers, times=None))
        bench.copy("v0", "v1", "v2", "v3", target_tags=set())
        details = [outcome.detail for outcome in bench.finished if outcome.detail]
        assert details == [f"127.0.0.1:{bench.source.port} warns: this registry closes in May"]

    def test_of_the_list_of_the_target_is_told_too(self, bench: Bench) -> None:
        for tag in ("v0", "v1"):
            bench.put(images.image(tag, layers=0), tag)
        headers = {"Warning": '299 - "repository is deprecated"'}
        bench.target.fault(Fault(path="/tags/list", replace_headers=headers))
        bench.copy("v0", "v1")
        assert bench.finished[0].detail == f"127.0.0.1:{bench.target.port} warns: repository is deprecated"

    def test_comes_behind_the_words_of_a_failure(self, bench: Bench) -> None:
        bench.put(images.image(layers=0), "v1")
        refusal = Fault(
            method="PUT",
            path="/manifests/",
            status=403,
            body=b'{"errors":[{"code":"DENIED","message":"no"}]}',
            headers={"Warning": '299 - "your plan has ended"'},
            times=None,
        )
        bench.target.fault(refusal)
        outcome = bench.copy("v1", target_tags=set())["v1"]
        assert (
            outcome.detail == f"HTTP 403: DENIED no; 127.0.0.1:{bench.target.port} warns: your plan has ended"
        )
