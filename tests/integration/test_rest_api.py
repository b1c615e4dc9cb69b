"""The examples of docs/reference/rest-api.md, run as they stand there against a console, a worker and registries."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import httpx

from tests.fakes import images
from tests.fakes.registry import FakeRegistry
from tests.servers.regatta import Regatta

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/rest-api.md"
_PASSWORD = "correct-horse-7"


def declaration(source: FakeRegistry, target: FakeRegistry) -> str:
    return f"""\
accounts:
  - uin: "100000000001"
    name: Acme
    users: [{{username: alice, password: {_PASSWORD}, role: owner}}]
instances:
  - {{name: source, account: "100000000001", region: ap-guangzhou, endpoint: "{source.url}"}}
  - {{name: target, account: "100000000001", region: ap-singapore, endpoint: "{target.url}"}}
"""


def issue_token(console: str) -> str:
    """Sign in and issue a token, as a user does on the pages."""
    with httpx.Client(base_url=console, follow_redirects=True) as browser:
        for path, data in [
            ("/sign-in/", {"username": "alice", "password": _PASSWORD}),
            ("/account/tokens/new/", {"description": "examples", "scope": "admin", "days": "1"}),
        ]:
            form = browser.get(path).text
            (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form))
            answer = browser.post(
                path, data=data | {"csrfmiddlewaretoken": token}, headers={"Referer": console}
            )
            answer.raise_for_status()
        (text,) = set(re.findall(r"rgt_\w{20}_[\w-]{43}", answer.text))
        return str(text)


def run(script: str, **variables: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={"PATH": os.environ["PATH"]} | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_example_of_the_page_works(regatta: Regatta) -> None:
    examples = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    with FakeRegistry() as source, FakeRegistry() as target:
        images.push(images.image("one"), source, "team/app", "v1.0")
        images.push(images.image("two"), source, "team/app", "latest")
        regatta.apply(declaration(source, target))
        regatta.start_serve()
        regatta.start_worker()
        token = issue_token(regatta.url)
        headers = {"Authorization": f"Bearer {token}"}
        rows = httpx.get(f"{regatta.url}/api/v1/instances/", headers=headers).json()["results"]
        ids = {row["name"]: row["instance_id"] for row in rows}

        said = run(
            "\n".join(examples),
            CONSOLE=regatta.url,
            TOKEN=token,
            SOURCE=ids["source"],
            TARGET=ids["target"],
        )
        assert target.tags("team/app").keys() == {"v1.0"}

    assert len(examples) == 6
    assert "}412\n" in said
    assert token not in said
    executions = httpx.get(f"{regatta.url}/api/v1/executions/", headers=headers).json()["results"]
    assert [row["status"] for row in executions] == ["succeeded"]


def test_the_problem_of_the_page_is_one(regatta: Regatta) -> None:
    (problem,) = re.findall(r"^```json\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    regatta.start_serve()
    shown = httpx.get(f"{regatta.url}/api/v1/me/").json()
    assert shown.keys() == json.loads(problem).keys()
