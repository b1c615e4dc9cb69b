"""Every problem of a file at its line, and nothing saved."""

import pytest

from registries.models import Account, AuditEvent, Instance
from syncjobs.models import Rule
from tests.factories import make_account, make_hosted_instance, make_instance
from tests.unit.console.apply.conftest import BASE, RULE

pytestmark = pytest.mark.django_db


class TestReferences:
    @pytest.mark.parametrize("source", ["source", "100000000001/source", "tcr-source01"])
    @pytest.mark.parametrize("target", ["mirror", "100000000001/mirror", "tcr-mirror01"])
    def test_finds_instances_by_id_and_name(self, apply_text, source, target):
        text = BASE.replace("name: source", "name: source, instance_id: tcr-source01").replace(
            "name: mirror", "name: mirror, instance_id: tcr-mirror01"
        )
        rule = RULE.replace("source: source", f"source: {source}").replace(
            "target: mirror", f"target: {target}"
        )
        apply_text(text + rule)
        assert Rule.objects.filter(source__name="source", target__name="mirror").exists()

    def test_refuses_a_name_that_two_accounts_use(self, refusal):
        make_instance(name="source", account=make_account(uin="100000000009"))
        (problem,) = refusal(BASE + RULE)
        assert problem.startswith("f:18: rules[0].source: Several accounts have an instance “source”.")
        assert "100000000009/source (tcr-" in problem

    def test_accepts_such_a_name_with_its_account(self, apply_text):
        make_instance(name="source", account=make_account(uin="100000000009"))
        apply_text(BASE + RULE + '    account: "100000000001"\n')
        assert Rule.objects.get().source.account.uin == "100000000001"

    def test_does_not_mistake_another_account_s_instance_for_a_target(self, refusal):
        (problem,) = refusal(BASE + RULE.replace("target: mirror", "target: foreign"))
        assert (
            problem == "f:21: rules[0].target: There is no such instance: “foreign” in account 100000000001."
        )


class TestRefusals:
    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            ("name: nightly", "name: Nightly!", "f:19: rules[0].name: Use up to 255 lowercase letters"),
            ("target: mirror", "target: nowhere", "f:21: rules[0].target: There is no such instance: “nowhere”"),
            ("target: mirror", "target: tcr-nowhere1", "f:21: rules[0].target: There is no such instance."),
            ("source: source", "source: nowhere", "f:18: rules[0].source: There is no such instance: “nowhere”"),
            ("target: mirror", "target: source", "f:18: rules[0].target_namespace: Source and target are the"),
            ("namespace: project", "namespace: a/b", "f:20: rules[0].namespace: A namespace is the first part"),
            ("target: mirror", "target: mirror\n    tag: '['", "f:22: rules[0].tag: This “[” is not closed"),
            ("target: mirror", "target: mirror\n    schedule: x", "f:22: rules[0].schedule: A schedule has five"),
            ("target: mirror", "target: mirror\n    bandwidth: x", "f:22: rules[0].bandwidth: Enter bytes per"),
            ("name: source", "name: src", "f:11: instances[0].name: Use 5 to 50 lowercase letters"),
            ("region: ap-tokyo", "region: mars", "f:14: instances[2].region: There is no region “mars”."),
            ("http://127.0.0.1:5003", "ftp://x", "f:14: instances[2].endpoint: The address of a registry begins"),
            ("password: s3cret-of-robot", "insecure: no", "f:12: instances[1].password: Enter the password."),
            ("uin: \"100000000002\"", "uin: abc", "f:6: accounts[1].uin: An account ID is a number of 5 to 20"),
            ("username: bob", "username: b@b", "f:9: accounts[1].users[0].username: A username has no blanks"),
            ("namespaces: [project]", "namespaces: [A]", "f:16: credentials[0].namespaces: “A”: A namespace is"),
        ],
    )  # fmt: skip
    def test_names_line_and_key(self, refusal, old, new, problem):
        problems = refusal((BASE + RULE).replace(old, new))
        assert problems[0].startswith(problem)
        assert not Account.objects.exists()
        assert not Instance.objects.exists()

    def test_reports_everything_at_once_and_saves_nothing(self, refusal):
        text = (BASE + RULE + "    tga: x\n").replace("name: nightly", "name: X").replace("ap-tokyo", "mars")
        assert [problem.partition(": ")[0] for problem in refusal(text)] == ["f:14", "f:19", "f:22"]
        assert not Account.objects.exists()
        assert not AuditEvent.objects.exists()

    def test_does_not_complain_about_what_depends_on_a_refused_object(self, refusal):
        (problem,) = refusal(
            (BASE + RULE).replace("name: Acme", "nam: Acme").replace("nam: Acme", "name: ''")
        )
        assert problem.startswith("f:3: accounts[0].name")

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (
                RULE + RULE.partition("\n")[2],
                "f:23: rules[1].name: This object is there twice, first in line 18.",
            ),
            (
                'accounts: [{uin: "100000000001", name: Twice}]\n',
                "f:17: accounts: This key is there twice, first in line 1.",
            ),
        ],
    )
    def test_refuses_an_object_that_is_there_twice(self, refusal, text, problem):
        assert problem in refusal(BASE + text)[0] or problem in refusal(BASE + text)[-1]

    def test_refuses_two_of_the_same_on_one_line(self, refusal):
        (problem,) = refusal("staff: [{username: a, password: longer-than-9}, {username: a, password: x}]")
        assert problem.startswith("f:1: staff[1].username: This object is there twice")

    def test_refuses_a_basic_source(self, refusal):
        text = BASE.replace("name: source,", "name: source, edition: basic,")
        (problem,) = refusal(text + RULE)
        assert problem.startswith("f:18: rules[0].source: Instance synchronization needs the standard")

    def test_refuses_to_make_a_hosted_instance_a_connected_one(self, refusal):
        hosted = make_hosted_instance(name="hosted")
        text = f'instances: [{{name: hosted, account: "{hosted.account.uin}", region: ap-tokyo, endpoint: x.org}}]'
        assert "instances[0].name: This instance is hosted, which cannot be changed." in refusal(text)[0]

    def test_never_repeats_a_secret(self, refusal):
        text = (BASE + RULE).replace("username: robot, password", "password")
        assert "s3cret" not in str(refusal(text))

    def test_saves_nothing_when_yaml_is_malformed(self, refusal):
        (problem,) = refusal(BASE + "rules: [\n")
        assert problem.startswith("f:18:1: This is not YAML")
