"""skopeo, which knows nothing of us, copies between the fake registry and a real one."""

import shutil
import subprocess

import pytest

from tests.fakes import images
from tests.fakes.auth import BasicAuth, BearerAuth
from tests.fakes.registry import FakeRegistry
from tests.servers.docker_registry import DockerRegistry, is_installed

pytestmark = [
    pytest.mark.real_registry,
    pytest.mark.skipif(
        not is_installed() or shutil.which("skopeo") is None, reason="needs docker-registry and skopeo"
    ),
]

CONTENT = {
    "image": images.image(),
    "docker image": images.image("docker", docker=True),
    "index": images.multi_platform(),
    "docker list": images.multi_platform("docker", docker=True),
}


def copy(source: str, target: str, *options: str) -> None:
    command = ["skopeo", "copy", "--insecure-policy", "--all", "--preserve-digests"]
    command += ["--src-tls-verify=false", "--dest-tls-verify=false", *options]
    command += [source.replace("http:", "docker:"), target.replace("http:", "docker:")]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def real():
    with DockerRegistry() as registry:
        yield registry


@pytest.mark.parametrize("artifact", CONTENT.values(), ids=CONTENT)
class TestSkopeo:
    def test_copies_from_the_fake_to_a_real_registry_and_back(self, real, artifact):
        with FakeRegistry() as first, FakeRegistry.like_distribution() as second:
            images.push(artifact, first, "team/app", "v1")
            copy(f"{first.url}/team/app:v1", f"{real.url}/copied:v1")
            copy(f"{real.url}/copied:v1", f"{second.url}/team/app:v1")
            assert second.tags("team/app") == {"v1": artifact.digest}
            assert second.blobs("team/app") == first.blobs("team/app")

    @pytest.mark.parametrize("auth", [BasicAuth("user", "password"), BearerAuth("user", "password")])
    def test_signs_in_to_the_fake(self, artifact, auth):
        with FakeRegistry() as source, FakeRegistry(auth=auth) as target:
            images.push(artifact, source, "team/app", "v1")
            copy(f"{source.url}/team/app:v1", f"{target.url}/copied:v1", "--dest-creds=user:password")
            assert target.tags("copied") == {"v1": artifact.digest}
