"""`python -m tests.chaos --kills 100`: prints the figures; exit code 1 if anything was lost, doubled or late."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.scenery import Scenery
from tests.chaos.storm import Storm
from tests.servers.regatta import Regatta


def main() -> int:
    """Run one storm on the database that REGATTA_TEST_DB names."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--repositories", type=int, default=300)
    parser.add_argument("--seed", type=int, default=None, help="repeat the choices of an earlier storm")
    arguments = parser.parse_args()
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed
    print(f"seed         {seed}", flush=True)  # noqa: T201
    with Scenery(arguments.repositories) as scenery, Regatta({"REGATTA_LOG_LEVEL": "INFO"}) as regatta:
        storm = Storm(regatta, scenery, kills=arguments.kills, chance=random.Random(seed), say=_say)
        report = storm.run()
        if report.problems:
            kept = Path(tempfile.gettempdir()) / f"regatta-chaos-{seed}.log"
            shutil.copy(regatta.directory / "worker.log", kept)
            report.problems.append(f"the worker's log is at {kept}")
    _say(str(report))
    return 1 if report.problems else 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
