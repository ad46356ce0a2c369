"""Program text by tree-sitter: Python, which is always parsed, and other languages where their grammars are installed."""

import gzip
import importlib.util
import json
import os
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.tiers.bulk.build import build
from coevo.tiers.config import BulkConfig, CleanConfig, SourceConfig
from coevo.tiers.engine import Inline
from coevo.tiers.errors import InputError
from coevo.tiers.filters import Batch, syntax
from coevo.tiers.filters.parse_worker import branches

SHARED = Path(os.environ.get("COEVO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
MODULES = ["tree_sitter", *(f"tree_sitter_{name}" for name in syntax.SUFFIXES if name != "tsx")]
ABSENT = [name for name in MODULES if importlib.util.find_spec(name) is None]
parsers = pytest.mark.skipif(bool(ABSENT), reason=f"{', '.join(ABSENT)} not installed: pip install 'coevo[parsers]'")
LANGUAGES = tuple(syntax.SUFFIXES)
RIGHT = {
    "a.js": "export const add = (a, b) => a + b;\nasync function f() { for await (const x of g()) h(x ?? 1); }\n" * 3,
    "a.jsx": "const Box = ({ name }) => <div className='box'>{name}</div>;\n" * 3,
    "a.ts": "interface Box<T> { readonly value?: T }\nconst f = <T,>(b: Box<T>): T | undefined => b.value;\n" * 3,
    "a.tsx": "const Box = (p: { name: string }) => <div>{p.name as string}</div>;\n" * 3,
    "A.java": "record P(int x) {}\nclass A { int f(P p) { return switch (p.x()) { case 1 -> 2; default -> 3; }; } }",
    "a.c": "#ifdef A\nint f(int x) {\n#else\nint f(void) {\n#endif\n  return 1;\n}\n"
    + "int g(void) { return f(1); }\n" * 3,
    "a.cpp": "template <typename T> concept N = requires(T t) { t + t; };\nauto f(N auto x) { return x + 1; }\n" * 3,
    "a.h": "#pragma once\nnamespace a { class B { public: explicit B(int x); private: int x_; }; }\n" * 3,  # of C++
    "b.h": "#pragma once\nstruct class { int new; };\nint f(struct class *this, int template);\n" * 3,  # of C
    "a.go": "package a\n\nfunc Map[T, U any](xs []T, f func(T) U) []U {\n\tvar ys []U\n\treturn ys\n}\n",
    "a.rs": "fn f<'a, T: Into<String>>(x: &'a T) -> Option<&'a T> { if let Some(y) = Some(x) { y } else { None } }\n",
}


NEWER = {
    "3.12 type parameters": "class A[T, *U, **P](B):\n    def f[V: int](self, x: V) -> V:\n        return x\ntype C[T] = list[T]\n",
    "3.12 quotes in f-strings": "a = f'{b['c']} {\"\\n\".join(d)} {f'{e}'}'\n",
    "3.13 defaults of type parameters": "class A[T: int = str, *U = *tuple[int]]: pass\ntype B[T = str] = list[T]\n",
    "3.14 template strings": "a = t'{b!r:>{c}}' + rt'\\d{e}'\n",
    "3.14 exceptions without parentheses": "try:\n    f()\nexcept OSError, ValueError, a.B:\n    pass\n",
    "3.14 groups without parentheses": "try:\n    f()\nexcept* OSError, ValueError:\n    pass\n",
    "3.15 lazy imports": "lazy import json\nlazy from a import b\n",
    "3.15 unpacking in comprehensions": "a = [*b for b in c]\n",
}
OLDER = {
    "print": "print 'a'\n",
    "exec": "exec 'a = 1' in b\n",
    "raise": "raise OSError, 'a'\n",
    "octal": "a = 0777\n",
    "long": "a = 10L\n",
    "backquotes": "a = `b`\n",
    "unequal": "if a <> b:\n    pass\n",
    "unicode raw": "a = ur'b'\n",
    "tuple parameter": "def f(a, (b, c)):\n    pass\n",
    "except": "try:\n    f()\nexcept OSError, error:\n    pass\n",
}
NOT_PYTHON = {
    "prose": "The committee met on Tuesday, and it was late.\n",
    "cut off": "a = f(b,\n",
    "indentation": "def f():\nreturn 1\n",
    "curly quotes": "a = “b”\n",
    "conflict": "a = 1\n<<<<<<< HEAD\nb = 2\n=======\nb = 3\n>>>>>>> other\n",
}


def python_fault(text: str, source: str = "a.py") -> str | None:
    fields = {"text": pa.array([text], pa.large_string()), "domain": ["code"], "kind": ["source"], "source": [source]}
    fault: str | None = syntax.python_parses(Batch.of(pa.table(fields)), CleanConfig())[0].as_py()
    return fault


@pytest.mark.parametrize("name", NEWER)
def test_python_of_newer_versions_parses(name: str) -> None:
    assert python_fault(NEWER[name]) is None


@pytest.mark.parametrize("name", [*OLDER, *NOT_PYTHON])
def test_python_2_and_what_is_no_python_does_not_parse(name: str) -> None:
    text = (OLDER | NOT_PYTHON)[name]
    assert str(python_fault(text)).startswith("does-not-parse: ")
    assert python_fault(text, "a.py#2") is None  # a piece may begin in the middle
    assert str(python_fault(NEWER["3.14 template strings"] + text)).startswith("does-not-parse: ")


def test_a_missing_grammar_of_python_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tree_sitter_python", None)
    with pytest.raises(InputError, match="python wanted the package tree-sitter-python, which is not installed: type"):
        python_fault(NEWER["3.14 template strings"])


def verdicts(texts: dict[str, str], languages: tuple[str, ...] = LANGUAGES) -> dict[str, str | None]:
    """File name -> what the rule says against it."""
    n = len(texts)
    table = pa.table(
        {
            "text": pa.array(texts.values(), pa.large_string()),
            "domain": ["code"] * n,
            "kind": ["source"] * n,
            "source": list(texts),
        }
    )
    return dict(
        zip(texts, syntax.parses(Batch.of(table), CleanConfig(parse_languages=languages)).to_pylist(), strict=True)
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("jvascript", "did you mean javascript or typescript"),
        ("Rust", "did you mean rust"),
        ("cobol", "known are javascript"),
    ],
)
def test_an_unknown_language_is_refused_with_the_nearest(name: str, said: str) -> None:
    with pytest.raises(InputError, match=f"parse_languages: unknown language '{name}': .*{said}"):
        syntax.check_languages([name])


def test_a_missing_package_is_said_before_anything_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    wanted = BulkConfig(clean=CleanConfig(parse_languages=("java",)))
    with pytest.raises(InputError, match=r"java wanted the package tree-sitter, .*type pip install 'coevo\[parsers\]'"):
        build([SourceConfig(url=str(tmp_path))], tmp_path / "out", wanted, Inline())
    assert not (tmp_path / "out").exists()


def test_nothing_is_parsed_that_was_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    broken = dict.fromkeys(RIGHT, "this { is no program\n" * 9)
    assert set(verdicts(broken, ()).values()) == {None}


def test_conditional_branches_are_read_one_at_a_time_and_lines_keep_their_numbers() -> None:
    source = b"a\n#if X \\\n && Y\nb\n# ifdef Z\nc\n#else\nd\n# endif\n#elif Q\ne\n#else\nf\n#endif\ng"
    assert branches(source, last=False) == b"a\n\n\nb\n\nc\n\n\n\n\n\n\n\n\ng"
    assert branches(source, last=True) == b"a\n\n\n\n\n\n\n\n\n\n\n\nf\n\ng"


@given(st.lists(st.sampled_from(["#if A", "#ifdef B", "#elif C", "#else", "#endif", "x", "y \\", ""])), st.booleans())
def test_branches_of_any_text_blank_lines_and_change_none(lines: list[str], last: bool) -> None:
    source = "\n".join(lines).encode()
    made = branches(source, last).split(b"\n")
    assert len(made) == source.count(b"\n") + 1
    assert all(new in (b"", old) for new, old in zip(made, source.split(b"\n"), strict=True))


@parsers
def test_right_files_pass_and_cut_ones_are_named_by_line_and_language() -> None:
    assert {name: fault for name, fault in verdicts(RIGHT).items() if fault} == {}
    assert verdicts({"a.js": RIGHT["a.js"] + "const x = ] 1;\n" + RIGHT["a.js"]})["a.js"] is None  # 1 byte of 600
    assert verdicts({"a.js": RIGHT["a.js"] + "the cat sat on a mat\n" + RIGHT["a.js"]})["a.js"] == (
        "does-not-parse: 0.027 > 0.01 of it, worst at line 7 (javascript)"
    )
    for name in RIGHT:
        fault = verdicts({name: "The committee met on Tuesday, and it's (of course) late: \"so\n" * 9})[name]
        assert fault is not None and fault.startswith("does-not-parse: ") and "worst at line" in fault, name


@parsers
def test_only_whole_files_are_parsed_and_headers_only_where_both_their_languages_are_asked_for() -> None:
    broken = "this { is no program\n" * 9
    assert verdicts({"a.js#2": broken, "a.js": broken}, ("javascript",))["a.js#2"] is None
    assert verdicts({"a.h": broken}, ("c",))["a.h"] is None
    assert verdicts({"a.h": broken}, ("c", "cpp"))["a.h"] is not None


@parsers
def test_a_text_that_keeps_its_parser_busy_is_stopped_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "SECONDS", 0.3)
    made = verdicts({"1.js": RIGHT["a.js"], "2.java": "a=>" * 20_000, "3.go": "(" * 90_000, "4.rs": RIGHT["a.rs"]})
    assert made["1.js"] is None and made["4.rs"] is None
    assert str(made["2.java"]).startswith("does-not-parse: its parser was stopped") and "java" in str(made["2.java"])
    assert str(made["3.go"]).startswith("does-not-parse: ")


@parsers
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared data at {SHARED}: set COEVO_SHARED_DATA")
def test_files_of_curl_with_all_their_macros_parse() -> None:
    with gzip.open(SHARED / "l0" / "code" / "curl.jsonl.gz", "rt") as lines:
        records = [json.loads(line) for line in lines]
    files = {r["path"]: r["text"] for r in records if r["path"].endswith((".c", ".h"))}
    assert len(files) > 100 and {p: fault for p, fault in verdicts(files).items() if fault} == {}
