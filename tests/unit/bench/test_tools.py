from pathlib import Path

import yaml

from bench.tools import skopeo
from bench.tools.task import Task

TASK = Task(
    source_url="http://127.0.0.1:5001",
    target_url="http://127.0.0.1:5002",
    namespace="bench",
    repositories=("bench/app0000", "bench/app0001"),
    tag_count=10,
)


class TestTask:
    def test_survives_the_way_to_a_child(self) -> None:
        assert Task.parse(TASK.dump()) == TASK


class TestSkopeo:
    def test_is_asked_for_all_tags_of_all_repositories(self) -> None:
        plan = yaml.safe_load(skopeo.plan_of(TASK))

        assert plan == {
            "127.0.0.1:5001": {"tls-verify": False, "images": {"bench/app0000": [], "bench/app0001": []}}
        }

    def test_writes_below_the_namespace_of_the_target(self) -> None:
        assert skopeo.command(TASK, Path("sync.yaml"))[-2:] == ["sync.yaml", "127.0.0.1:5002/bench"]
