import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registries import naming
from syncjobs import planner
from syncjobs.matching import PatternError, Syntax
from syncjobs.planner import (
    Problem,
    RepositoryEdge,
    RuleEdge,
    Selection,
    exact_repositories,
    exact_tags,
    find_loops,
    natural_key,
    plan_repositories,
    select_tags,
    selects_repository,
    selects_tag,
    target_repository,
)

LISTED = [
    "team/web/nginx",
    "team/web",
    "team/db/postgres",
    "team/app10",
    "team/app9",
    "team",
    "teams/web",
    "other/web/nginx",
    "nginx",
]
DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64

patient = settings(deadline=None)


class TestSelectsRepository:
    @pytest.mark.parametrize(
        ("repository", "expected"),
        [
            ("", ["team/app9", "team/app10", "team/db/postgres", "team/web", "team/web/nginx"]),
            ("**", ["team/app9", "team/app10", "team/db/postgres", "team/web", "team/web/nginx"]),
            ("*", ["team/app9", "team/app10", "team/web"]),
            ("/web/**", ["team/web", "team/web/nginx"]),
            ("web", ["team/web"]),
            ("team/web", []),
            ("{web,app*}", ["team/app9", "team/app10", "team/web"]),
        ],
    )
    def test_compares_the_path_below_the_namespace(self, repository, expected):
        plan = plan_repositories(Selection("team", repository), LISTED)
        assert [edge.source for edge in plan.edges] == expected
        selection = Selection("team", repository)
        assert {path for path in LISTED if selects_repository(selection, path)} == set(expected)

    def test_reads_regular_expressions(self):
        plan = plan_repositories(Selection("team", r"app\d+", syntax=Syntax.REGEX), LISTED)
        assert [edge.source for edge in plan.edges] == ["team/app9", "team/app10"]

    @pytest.mark.parametrize("repository", ["", "**", "team", ".*"])
    def test_leaves_out_repositories_without_a_namespace(self, repository):
        for syntax in Syntax:
            assert not selects_repository(Selection("team", repository, syntax=syntax), "team")
            assert not selects_repository(Selection("team", repository, syntax=syntax), "nginx")

    def test_compares_the_path_below_each_namespace_where_all_are_meant(self):
        everywhere = Selection(naming.ALL_NAMESPACES)
        assert {path for path in LISTED if selects_repository(everywhere, path)} == {*LISTED} - {
            "team",
            "nginx",
        }
        webs = Selection(naming.ALL_NAMESPACES, "web")
        assert [path for path in LISTED if selects_repository(webs, path)] == ["team/web", "teams/web"]
        assert exact_repositories(webs) is None

    def test_refuses_an_invalid_filter(self):
        with pytest.raises(PatternError):
            selects_repository(Selection("team", "a["), "team/a")


class TestTargetRepository:
    @pytest.mark.parametrize(
        ("target_namespace", "flatten", "expected"),
        [
            ("", False, "team/web/front/nginx"),
            ("mirror", False, "mirror/web/front/nginx"),
            ("mirror", True, "mirror/nginx"),
            ("", True, "team/nginx"),
        ],
    )
    def test_maps_the_path(self, target_namespace, flatten, expected):
        selection = Selection("team", target_namespace=target_namespace, flatten=flatten)
        assert target_repository(selection, "team/web/front/nginx") == expected


class TestPlanRepositories:
    def test_counts_a_repository_listed_twice_once(self):
        plan = plan_repositories(Selection("a"), ["a/b", "a/b"])
        assert plan.edges == (RepositoryEdge("a/b", "a/b"),)
        assert plan.collisions == {}

    def test_tells_of_sources_that_share_a_target(self):
        selection = Selection("a", target_namespace="n", flatten=True)
        plan = plan_repositories(selection, ["a/y/app", "a/x/app", "a/app", "a/z/other"])
        assert plan.collisions == {"n/app": ("a/app", "a/x/app", "a/y/app")}
        assert len(plan.edges) == 4

    def test_tells_of_namespaces_that_share_a_target(self):
        selection = Selection(naming.ALL_NAMESPACES, target_namespace="mirror")
        plan = plan_repositories(selection, ["a/x", "b/x", "b/y"])
        assert plan.collisions == {"mirror/x": ("a/x", "b/x")}
        assert selection.merges_paths
        assert not Selection(naming.ALL_NAMESPACES).merges_paths

    def test_tells_of_no_collision_where_paths_are_kept(self):
        plan = plan_repositories(Selection("a", target_namespace="n"), ["a/y/app", "a/x/app"])
        assert plan.collisions == {}

    def test_tells_of_target_names_that_are_too_long(self):
        source = "a/" + "b" * 253
        plan = plan_repositories(Selection("a", target_namespace="mirror"), [source])
        assert plan.edges == (RepositoryEdge(source, "mirror/" + "b" * 253, Problem.TARGET_NAME_TOO_LONG),)

    @pytest.mark.parametrize("source", ["a/Upper", "a/b//c", "a/-b", "a/b/", "a/../b", "a/\ud800"])
    def test_tells_of_target_names_that_are_invalid(self, source):
        plan = plan_repositories(Selection("a"), [source])
        assert plan.edges == (RepositoryEdge(source, source, Problem.TARGET_NAME_INVALID),)

    def test_tells_of_no_collision_between_impossible_names(self):
        plan = plan_repositories(Selection("a", flatten=True), ["a/x/App", "a/y/App"])
        assert plan.collisions == {}

    @patient
    @given(
        repositories=st.lists(st.from_regex(r"[ab](/[ab1-3]{1,2}){0,3}", fullmatch=True), max_size=20),
        target_namespace=st.sampled_from(["", "n"]),
        flatten=st.booleans(),
    )
    def test_accounts_for_every_selected_repository(self, repositories, target_namespace, flatten):
        selection = Selection("a", target_namespace=target_namespace, flatten=flatten)
        plan = plan_repositories(selection, repositories)
        sources = [edge.source for edge in plan.edges]
        assert sorted(sources) == sorted({path for path in repositories if path.startswith("a/")})
        assert sources == sorted(sources, key=natural_key)
        targets = [edge.target for edge in plan.edges]
        assert {target for target in targets if targets.count(target) > 1} == set(plan.collisions)
        assert all(naming.REPOSITORY_PATH.allows(target) for target in targets)


class TestExactRepositories:
    @pytest.mark.parametrize(
        ("repository", "expected"),
        [
            ("web", ("team/web",)),
            ("{web,db/postgres}", ("team/db/postgres", "team/web")),
            ("{app10,app9}", ("team/app9", "team/app10")),
            ("{Web,db}", ("team/db",)),
            ("Web", ()),
            ("{,web}", ("team/web",)),
            ("", None),
            ("**", None),
            ("web/**", None),
        ],
    )
    def test_names_what_the_filter_leaves_possible(self, repository, expected):
        assert exact_repositories(Selection("team", repository)) == expected

    def test_agrees_with_the_plan(self):
        selection = Selection("team", "{web{,/nginx},db/postgres,none}")
        edges = plan_repositories(selection, LISTED).edges
        assert {edge.source for edge in edges} == set(exact_repositories(selection) or ()) & set(LISTED)


class TestSelectTags:
    TAGS = ("v1.10", "v1.9", "latest", "v1.9", "sha256-" + "a" * 64 + ".sig", "sha256-" + "a" * 64)

    @pytest.mark.parametrize("tag", ["", "*", "**"])
    def test_selects_every_tag_with_a_filter_that_selects_all(self, tag):
        assert set(select_tags(Selection("team", tag=tag), self.TAGS)) == set(self.TAGS)

    def test_selects_in_natural_order_and_once(self):
        assert select_tags(Selection("team", tag="v*"), self.TAGS) == ["v1.9", "v1.10"]

    def test_reads_regular_expressions(self):
        selection = Selection("team", tag=r"v1\.\d", syntax=Syntax.REGEX)
        assert select_tags(selection, self.TAGS) == ["v1.9"]
        assert selects_tag(selection, "v1.9")
        assert not selects_tag(selection, "v1.10")


class TestExactTags:
    @pytest.mark.parametrize(
        ("tag", "expected"),
        [
            ("latest", ("latest",)),
            ("{v1.10,v1.9}", ("v1.9", "v1.10")),
            ("{-bad,good}", ("good",)),
            ("a/b", ()),
            ("", None),
            ("v*", None),
        ],
    )
    def test_names_what_the_filter_leaves_possible(self, tag, expected):
        assert exact_tags(Selection("team", tag=tag)) == expected


class TestNaturalKey:
    @pytest.mark.parametrize(
        "names",
        [
            ["v1.9", "v1.10", "v1.11.1"],
            ["1.9", "v1.10", "1.11"],
            ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc1", "1.0.0"],
            ["1.0.0-rc1", "1.0.0-rc2", "1.0.0-rc10", "1.0.0", "1.0.0-alpine", "1.0.0-1", "1.0.1"],
            ["1.0.0-RC1", "1.0.0", "1.0.1-SNAPSHOT", "1.0.1"],
            ["1.27", "1.27-alpine", "1.27-alpine3.9", "1.27-alpine3.19", "1.27.1"],
            ["20240102", "20240103", "20241001"],
            ["2024-01-02", "2024-01-10", "2024-10-01"],
            ["01", "1", "2", "010"],
            ["dev", "latest", "rc1", "1.0"],
            ["team/app9", "team/app9/x", "team/app10", "team-b/app1"],
            ["build-2", "build-10"],
        ],
    )
    def test_orders(self, names):
        shuffled = random.Random(7).sample(names, len(names))
        assert sorted(shuffled, key=natural_key) == names

    @patient
    @given(versions=st.lists(st.tuples(*[st.integers(0, 10**6)] * 3), max_size=10))
    def test_orders_versions_like_their_numbers(self, versions):
        tags = ["v{}.{}.{}".format(*version) for version in versions]
        assert sorted(tags, key=natural_key) == ["v{}.{}.{}".format(*version) for version in sorted(versions)]

    @patient
    @given(one=st.text(), other=st.text())
    def test_tells_any_two_names_apart(self, one, other):
        assert (natural_key(one) == natural_key(other)) == (one == other)
        assert (natural_key(one) < natural_key(other)) != (natural_key(one) >= natural_key(other))

    def test_accepts_more_digits_than_an_integer_may_have(self):
        assert natural_key("9" * 10_000) < natural_key("1" + "0" * 10_000)


def rule(name, source, target):
    """Return the edge of a rule between places written as `instance/namespace`."""
    source_instance, source_namespace = source.split("/")
    target_instance, target_namespace = target.split("/")
    return RuleEdge(source_instance, source_namespace, target_instance, target_namespace, name)


class TestFindLoops:
    def names(self, *edges):
        return [[edge.rule for edge in loop] for loop in find_loops(edges)]

    def test_finds_none_in_a_chain(self):
        assert self.names(rule("r1", "dev/a", "test/a"), rule("r2", "test/a", "prod/a")) == []

    def test_finds_none_between_different_namespaces(self):
        assert self.names(rule("r1", "x/a", "y/b"), rule("r2", "y/a", "x/a")) == []

    def test_finds_a_rule_that_feeds_itself(self):
        assert self.names(rule("r1", "x/a", "x/a")) == [["r1"]]

    def test_reads_an_empty_target_namespace_as_that_of_the_source(self):
        assert self.names(rule("r1", "x/a", "y/"), rule("r2", "y/a", "x/")) == [["r1", "r2"]]

    def test_reads_a_rule_of_all_namespaces_as_one_of_each(self):
        assert self.names(rule("r1", "x/*", "y/"), rule("r2", "y/a", "x/")) == [["r1", "r2"]]
        assert self.names(rule("r1", "x/*", "y/b"), rule("r2", "y/a", "x/")) == []
        assert self.names(rule("r1", "x/*", "y/"), rule("r2", "y/*", "x/")) == [["r1", "r2"]]
        assert self.names(rule("r1", "x/a", "y/"), rule("r2", "y/*", "z/")) == []

    def test_finds_a_loop_once_wherever_it_begins(self):
        edges = [rule("r1", "x/a", "y/a"), rule("r2", "y/a", "z/a"), rule("r3", "z/a", "x/a")]
        for order in itertools.permutations(edges):
            assert self.names(*order) == [["r1", "r2", "r3"]]

    def test_finds_every_rule_between_the_same_places(self):
        edges = [rule("r1", "x/a", "y/a"), rule("r2", "x/a", "y/a"), rule("r3", "y/a", "x/a")]
        assert self.names(*edges) == [["r1", "r3"], ["r2", "r3"]]

    def test_finds_short_loops_first(self):
        edges = [
            rule("r1", "x/a", "y/a"),
            rule("r2", "y/a", "z/a"),
            rule("r3", "z/a", "x/a"),
            rule("r4", "y/a", "x/a"),
        ]
        assert self.names(*edges) == [["r1", "r4"], ["r1", "r2", "r3"]]

    @patient
    @given(
        arrows=st.lists(
            st.tuples(st.sampled_from("uvwxyz"), st.sampled_from("uvwxyz")), max_size=12, unique=True
        )
    )
    def test_finds_exactly_the_rules_that_are_in_loops(self, arrows):
        edges = [rule(f"{one}{other}", f"{one}/a", f"{other}/a") for one, other in arrows]
        loops = find_loops(edges)
        reached = {(one, other) for one, other in arrows}
        for middle, one, other in itertools.product("uvwxyz", repeat=3):
            if (one, middle) in reached and (middle, other) in reached:
                reached.add((one, other))
        expected = {edge for edge in edges if (edge.target_instance, edge.source_instance) in reached}
        expected |= {edge for edge in edges if edge.source == edge.target}
        assert {edge for loop in loops for edge in loop} == expected
        for loop in loops:
            assert len({edge.source for edge in loop}) == len(loop)
            assert all(one.target == two.source for one, two in itertools.pairwise([*loop, loop[0]]))

    def test_stays_polynomial_where_everything_feeds_everything(self):
        places = [f"i{number}/a" for number in range(25)]
        edges = [rule(f"{a}>{b}", a, b) for a, b in itertools.permutations(places, 2)]
        assert len(find_loops(edges)) == 300


class TestPackage:
    def test_offers_what_it_names(self):
        assert all(hasattr(planner, name) for name in planner.__all__)
