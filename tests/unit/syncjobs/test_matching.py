import re
import string
from pathlib import Path

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from syncjobs.matching import (
    MAXIMUM_LENGTH,
    Fault,
    PatternError,
    Syntax,
    compile_filter,
    guess_syntax,
)

# Everything printed but blanks, slashes and the signs of patterns.
PRINTED = st.characters(categories=["L", "M", "N", "P", "S"], exclude_characters="*?[]{}\\/")

patient = settings(deadline=None)

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "patterns.md"


def rows_of_page(chapter, header):
    """Return the cells of the table with that header in that chapter of the user's page."""
    _, _, text = PAGE.read_text(encoding="utf-8").partition(f"\n## {chapter}\n")
    text, _, _ = text.partition("\n## ")
    _, found, text = text.partition(f"{header}\n")
    assert found, f"{chapter}: no table {header}"
    lines = text.splitlines()[1:]
    table = lines[: next((at for at, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


def codes(cell):
    return [code.replace(r"\|", "|") for code in re.findall(r"`([^`]+)`", cell)]


def examples(syntax):
    chapter, word = {
        Syntax.PATTERN: ("Pattern", "Pattern"),
        Syntax.REGEX: ("Regular expression", "Expression"),
    }[syntax]
    for value, matching, other in rows_of_page(chapter, f"| {word} | Matches | Does not match |"):
        (code,) = codes(value)
        for text in codes(matching):
            yield pytest.param(code, syntax, text, True, id=f"{syntax}-{code}-matches-{text}")
        for text in codes(other):
            yield pytest.param(code, syntax, text, False, id=f"{syntax}-{code}-does-not-match-{text}")


def refusals(syntax):
    chapter, word = {
        Syntax.PATTERN: ("Pattern", "Pattern"),
        Syntax.REGEX: ("Regular expression", "Expression"),
    }[syntax]
    for value, position, message in rows_of_page(chapter, f"| {word} | Position | Message |"):
        (code,) = codes(value)
        yield pytest.param(code, syntax, int(position), message, id=f"{syntax}-{code}")


class TestPage:
    @pytest.mark.parametrize(
        ("value", "syntax", "text", "expected"), [*examples(Syntax.PATTERN), *examples(Syntax.REGEX)]
    )
    def test_tells_what_matches(self, value, syntax, text, expected):
        assert compile_filter(value, syntax).matches(text) is expected

    @pytest.mark.parametrize(
        ("value", "syntax", "position", "message"), [*refusals(Syntax.PATTERN), *refusals(Syntax.REGEX)]
    )
    def test_tells_what_is_refused_and_where(self, value, syntax, position, message):
        with pytest.raises(PatternError) as caught:
            compile_filter(value, syntax)
        assert (caught.value.position + 1, caught.value.message) == (position, message)

    @pytest.mark.parametrize(("value", "syntax"), rows_of_page("Without a syntax", "| Filter | Read as |"))
    def test_tells_which_syntax_is_guessed(self, value, syntax):
        words = {Syntax.PATTERN: "pattern", Syntax.REGEX: "regular expression"}
        assert words[guess_syntax(*codes(value))] == syntax

    @pytest.mark.parametrize("fault", Fault)
    def test_mentions_every_fault(self, fault):
        assert fault in " ".join(PAGE.read_text(encoding="utf-8").split())


class TestGuessSyntax:
    @pytest.mark.parametrize("sign", ["^", "$", "(", ")", "|", "+", "\\", ".*"])
    def test_reads_each_sign_of_regular_expressions(self, sign):
        assert guess_syntax(f"a{sign}b") == Syntax.REGEX

    @patient
    @given(value=st.text(string.ascii_lowercase + string.digits + "-_/*?{},[] "))
    def test_reads_everything_else_as_a_pattern(self, value):
        assert guess_syntax(value) == Syntax.PATTERN


class TestCompileFilter:
    @pytest.mark.parametrize("syntax", Syntax)
    @pytest.mark.parametrize("character", ["\n", "\t", "\0", "\x7f", "\ud800"])
    def test_refuses_control_characters(self, syntax, character):
        with pytest.raises(PatternError) as caught:
            compile_filter(f"ab{character}c", syntax)
        assert (caught.value.message, caught.value.position) == (Fault.UNUSABLE_CHARACTER, 2)

    @pytest.mark.parametrize("syntax", Syntax)
    def test_refuses_more_than_the_maximum_length(self, syntax):
        maximum = MAXIMUM_LENGTH
        assert compile_filter("a" * maximum, syntax).matches("a" * maximum)
        with pytest.raises(PatternError, match=f"{maximum} characters at most") as caught:
            compile_filter("a" * (maximum + 1), syntax)
        assert caught.value.position == maximum

    def test_says_position_and_message_in_the_error(self):
        with pytest.raises(PatternError, match=r"^This “\[” is not closed by a “]”\. \(position 3\)$"):
            compile_filter("ab[", Syntax.PATTERN)

    @pytest.mark.parametrize(
        ("value", "position"),
        [
            (r"\x41\x", 4),
            (r"\\q\q", 3),
            (r"a\\\(b(c", 6),
            (r"[(](b", 3),
            (r"(a)\)b)c)", 6),
            (r"[a\]b]c[d", 7),
            (r"ab\\\\c" + "\\", 7),
            ("版本(?!x)", 2),
            (r"a\x{", 3),
            ("(a{2}){3}**", 6),
            ("(?P<a>x)(?P<1", 8),
        ],
    )
    def test_finds_the_error_behind_look_alikes(self, value, position):
        with pytest.raises(PatternError) as caught:
            compile_filter(value, Syntax.REGEX)
        assert caught.value.position == position

    def test_refuses_a_pattern_that_would_need_too_much_memory(self):
        alternatives = "{" + ",".join(f"{letter}/" for letter in string.ascii_lowercase[:20]) + "}"
        with pytest.raises(PatternError) as caught:
            compile_filter(alternatives * 2 + "?" * 50, Syntax.PATTERN)
        assert caught.value.message == Fault.TOO_LARGE

    @patient
    @given(value=st.text("ab*?{}[],/\\^-! ", max_size=40), text=st.text("ab/- ", max_size=10))
    def test_accepts_or_refuses_any_pattern(self, value, text):
        self.check_accepts_or_refuses(value, Syntax.PATTERN, text)

    @patient
    @given(value=st.text("ab*?{}[],/\\^-$()|+.12:=!<Px ", max_size=40), text=st.text("ab/- ", max_size=10))
    def test_accepts_or_refuses_any_regular_expression(self, value, text):
        self.check_accepts_or_refuses(value, Syntax.REGEX, text)

    @patient
    @given(value=st.text(max_size=40), syntax=st.sampled_from(Syntax), text=st.text(max_size=10))
    def test_accepts_or_refuses_any_text(self, value, syntax, text):
        self.check_accepts_or_refuses(value, syntax, text)

    def check_accepts_or_refuses(self, value, syntax, text):
        try:
            compiled = compile_filter(value, syntax)
        except PatternError as error:
            answer, position = error.message in set(Fault), error.position
        else:
            answer, position = compiled.matches(text) in (True, False), 0
        assert answer
        assert 0 <= position < max(len(value), 1)


class TestPatternFilter:
    @pytest.mark.parametrize(
        "value", ["", "/", " ", "**", "/**", "**/**", "{a,**}", "{**}", "{/**,b}", " ** "]
    )
    def test_matches_all(self, value):
        compiled = compile_filter(value, Syntax.PATTERN)
        assert compiled.matches_all
        assert compiled.literals is None
        assert compiled.literal_prefix == ""
        assert compiled.matches("any/thing")

    @pytest.mark.parametrize(
        "value", ["*", "a", "a/**", "**/a", "*/**", "{a,*}", "{a,}", "{/}", "[^a]", "?**"]
    )
    def test_does_not_match_all(self, value):
        assert not compile_filter(value, Syntax.PATTERN).matches_all

    @pytest.mark.parametrize(
        ("value", "literals"),
        [
            ("app", ("app",)),
            ("/app/web", ("app/web",)),
            ("{web, db}", ("web", "db")),
            ("{/web,/db}", ("web", "db")),
            ("app{,-debug}", ("app", "app-debug")),
            ("{a,b{c,d}}/x", ("a/x", "bc/x", "bd/x")),
            ("{a,a}", ("a",)),
            (r"a\*\{", ("a*{",)),
            ("{a/b,c}{1,2}", ("a/b1", "a/b2", "c1", "c2")),
            ("{0,1,2,3,4,5,6,7,8,9}{0,1,2,3,4,5,6,7,8,9}", tuple(f"{number:02}" for number in range(100))),
            ("{0,1,2,3,4,5,6,7,8,9}{0,1,2,3,4,5,6,7,8,9}{0,1}", None),
            ("v[12]", None),
            ("a?", None),
            ("{a,b*}", None),
            ("a/**", None),
        ],
    )
    def test_names_the_literals(self, value, literals):
        assert compile_filter(value, Syntax.PATTERN).literals == literals

    @pytest.mark.parametrize(
        ("value", "prefix"),
        [
            ("app", "app"),
            ("app*", "app"),
            ("/app/web?", "app/web"),
            ("app/*", "app/"),
            ("app/**", "app"),
            ("app/**/web", "app"),
            ("{app1,app2}/*", ""),
            ("{app1/,app2/}*", "app"),
            ("**/app", ""),
            ("*app", ""),
            ("{a/,b/}*", ""),
            (r"a\*b*", "a*b"),
        ],
    )
    def test_names_the_literal_prefix(self, value, prefix):
        assert compile_filter(value, Syntax.PATTERN).literal_prefix == prefix

    def test_reads_an_escaped_blank_as_a_blank(self):
        assert compile_filter(r"\ a\ ", Syntax.PATTERN).literals == (" a ",)

    def test_never_matches_a_slash_with_a_class(self):
        assert not compile_filter("[+-9]x", Syntax.PATTERN).matches("/x")
        assert compile_filter("[+-9]x", Syntax.PATTERN).matches(".x")
        assert compile_filter("[+-9]x", Syntax.PATTERN).matches("0x")

    def test_matches_characters_and_not_bytes(self):
        assert compile_filter("?[本-版]", Syntax.PATTERN).matches("版本")
        assert not compile_filter("?", Syntax.PATTERN).matches("版本")

    def test_matches_no_half_of_a_surrogate_pair(self):
        assert not compile_filter("a*", Syntax.PATTERN).matches("a\ud800")

    @patient
    @given(text=st.text(PRINTED, min_size=1, max_size=20))
    def test_matches_only_itself_if_it_holds_no_signs(self, text):
        compiled = compile_filter(text, Syntax.PATTERN)
        assert compiled.literals == (text,)
        assert compiled.matches(text)
        assert not compiled.matches(text + "x")
        assert not compiled.matches("x" + text)
        assert not compiled.matches(text[1:])

    @patient
    @given(text=st.text("ab*?[]{},\\/^- ", max_size=12).map("x{}".format))
    def test_matches_only_itself_if_every_sign_is_escaped(self, text):
        compiled = compile_filter("".join(f"\\{character}" for character in text), Syntax.PATTERN)
        assert compiled.literals == (text,)

    @pytest.mark.parametrize(
        "value",
        [
            "*a" * 127 + "b",
            "**/a/" * 51 + "b",
            "{a,a}" * 51 + "b",
            "{a*,*a}" * 36 + "b",
            "{{{{{{{{a,a},a},a},a},a},a},a},a}" * 7 + "b",
            "[^b]*" * 51 + "b",
        ],
    )
    def test_stays_linear_for_hostile_patterns(self, value):
        assert not compile_filter(value, Syntax.PATTERN).matches("a/" * 5_000)
        assert not compile_filter(value, Syntax.PATTERN).matches("a" * 10_000)


class TestRegexFilter:
    @pytest.mark.parametrize("value", ["", ".*", "^.*$", "/.*", "^/.*$"])
    def test_matches_all(self, value):
        assert compile_filter(value, Syntax.REGEX).matches_all
        assert compile_filter(value, Syntax.REGEX).matches("any/thing")

    @pytest.mark.parametrize(
        ("value", "literals"),
        [
            ("app", ("app",)),
            ("^app$", ("app",)),
            ("/app/web", ("app/web",)),
            (r"1\.0", ("1.0",)),
            ("1.0", None),
            ("web|db", None),
            ("apps?", None),
            ("(app)", None),
            ("a$b", None),
        ],
    )
    def test_names_the_literals(self, value, literals):
        assert compile_filter(value, Syntax.REGEX).literals == literals

    @pytest.mark.parametrize(
        ("value", "prefix"),
        [
            ("app.*", "app"),
            ("^/app/.*", "app/"),
            (r"v1\.2\..+", "v1.2."),
            ("apps?", "app"),
            ("a*", ""),
            ("a{0}b", ""),
            ("ab|cd", ""),
            ("(ab)c", ""),
            ("(?i)ab", ""),
            (r"ab\d", "ab"),
            ("ab(?i)*c", ""),
            (r"ab\Q\E*c", ""),
        ],
    )
    def test_names_the_literal_prefix(self, value, prefix):
        assert compile_filter(value, Syntax.REGEX).literal_prefix == prefix

    @patient
    @given(
        value=st.lists(
            st.sampled_from([*"aabb.*?+|()[]^$\\{}1,/", "(?i)", "(?:", r"\Q", r"\E", r"\b", r"\."]),
            max_size=8,
        ).map("".join),
        texts=st.lists(st.text("ab.1/", max_size=4), max_size=20),
    )
    def test_agrees_with_the_engine(self, value, texts):
        expression = self.compile_plainly(value)
        if expression is None:
            with pytest.raises(PatternError):
                compile_filter(value, Syntax.REGEX)
            return
        compiled = compile_filter(value, Syntax.REGEX)
        lead = "/" if value.startswith(("/", "^/")) else ""
        for text in texts:
            expected = not value or expression.fullmatch(lead + text) is not None
            assert compiled.matches(text) == expected

    def compile_plainly(self, value):
        options = re2.Options()
        options.log_errors = False
        try:
            return re2.compile(value, options)
        except re2.error:
            return None

    @pytest.mark.parametrize(
        "value", ["(a*)*b", "(a|a)*b", "(a|aa)+$b", "(.*a){20}b", "(x+x+)+y", "(a{1,30}){1,30}b"]
    )
    def test_stays_linear_for_hostile_expressions(self, value):
        assert not compile_filter(value, Syntax.REGEX).matches("a" * 50_000)


# The reference: a pattern is generated as a tree, so that reading it back is no part of the comparison.

LETTERS = "ab-"
signs = st.one_of(
    st.sampled_from(["a", "b", "-", "/", "/", "*", "*", "**", "?"]).map(lambda sign: ("sign", sign)),
    st.tuples(st.just("class"), st.booleans(), st.sampled_from(["a", "b-", "a/", "ab/"])),
)
trees = st.recursive(
    st.lists(signs, max_size=5),
    lambda inner: st.lists(
        st.one_of(signs, st.tuples(st.just("any"), st.lists(inner, min_size=2, max_size=3))), max_size=4
    ),
    max_leaves=8,
)


def written(tree):
    parts = []
    for kind, *content in tree:
        if kind == "sign":
            parts += content
        elif kind == "class":
            is_negated, members = content
            members = "".join(f"\\{member}" for member in sorted(members))
            parts.append(f"[{'^' if is_negated else ''}{members}]")
        else:
            parts.append("{" + ", ".join(written(branch) for branch in content[0]) + "}")
    return "".join(parts)


def is_star(node):
    return node[0] == "sign" and "*" in node[1]


def merge_stars(tree):
    """Stars written side by side are read as one sign: two are `**`, more are `*`."""
    merged: list[tuple] = []
    for node in tree:
        if is_star(node) and merged and is_star(merged[-1]):
            merged[-1] = ("sign", merged[-1][1] + node[1])
        else:
            merged.append(node)
    return merged


def write_out(tree):
    """Return the lists of signs and classes that the alternatives make up."""
    results: list[list] = [[]]
    for node in merge_stars(tree):
        choices = [[node]]
        if node[0] == "any":
            choices = [choice for branch in node[1] for choice in write_out(branch)]
        results = [result + choice for result in results for choice in choices]
    return results


def split(nodes):
    segments: list[list] = [[]]
    for node in nodes:
        if node == ("sign", "/"):
            segments.append([])
        else:
            segments[-1].append(node)
    return segments


def path_matches(segments, texts):
    if not segments:
        return not texts
    first, *rest = segments
    if first == [("sign", "**")]:
        return any(path_matches(rest, texts[count:]) for count in range(len(texts) + 1))
    return bool(texts) and segment_matches(first, texts[0]) and path_matches(rest, texts[1:])


def segment_matches(nodes, text):
    if not nodes:
        return not text
    (kind, *content), *rest = nodes
    if kind == "sign" and "*" in content[0]:
        return any(segment_matches(rest, text[count:]) for count in range(len(text) + 1))
    if not text:
        return False
    if kind == "class":
        is_negated, members = content
        fits = (text[0] in members) != is_negated
    else:
        fits = content[0] in ("?", text[0])
    return fits and segment_matches(rest, text[1:])


def reference_matches(tree, text):
    for nodes in write_out(tree):
        segments = split(nodes[1:] if nodes[:1] == [("sign", "/")] else nodes)
        if path_matches(segments, text.split("/")):
            return True
    return written(tree) in ("", "/")


class TestPatternFilterAgainstReference:
    @patient
    @given(tree=trees, texts=st.lists(st.text(LETTERS + "//", max_size=6), min_size=1, max_size=30))
    def test_agrees(self, tree, texts):
        compiled = compile_filter(written(tree), Syntax.PATTERN)
        for text in texts:
            assert compiled.matches(text) == reference_matches(tree, text), (compiled, text)

    @patient
    @given(tree=trees, texts=st.lists(st.text(LETTERS + "/", max_size=6), min_size=1, max_size=30))
    def test_promises_only_true_literals_and_prefixes(self, tree, texts):
        compiled = compile_filter(written(tree), Syntax.PATTERN)
        for text in texts:
            expected = reference_matches(tree, text)
            assert not expected or text.startswith(compiled.literal_prefix)
            assert compiled.literals is None or expected == (text in compiled.literals)
            assert not compiled.matches_all or expected
        for literal in compiled.literals or ():
            assert reference_matches(tree, literal)
