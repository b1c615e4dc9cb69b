"""A short storm on the database of the suite; `make chaos` is the long one."""

from __future__ import annotations

import random

import pytest

from tests.chaos.scenery import Scenery
from tests.chaos.storm import Storm
from tests.servers.regatta import Regatta

pytestmark = pytest.mark.timeout(400)


class TestStorm:
    def test_loses_doubles_and_leaves_nothing_in_ten_kills(self) -> None:
        with Scenery(60) as scenery, Regatta() as regatta:
            storm = Storm(regatta, scenery, kills=10, chance=random.Random(), longest_pause_seconds=4)
            report = storm.run()
            log = (regatta.directory / "worker.log").read_text()[-5000:]
        assert report.problems == [], f"{report}\n{log}"
        assert len(report.kills) == 10
