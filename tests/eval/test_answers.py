"""Answers that a model writes: compared as numbers, mathematics and words, and code only where it can do no harm."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from coevo.agents.sandbox import Program, Sandbox
from coevo.eval import Benchmark, How, Item, Suite, answers, measure, read_packs, read_scores
from coevo.eval.answers import right
from coevo.tiers.errors import EvalError

from .test_harness import MakeModel

BENCH = Path("../shared/data/bench")


def free(check: str, *targets: str, stop: tuple[str, ...] = ("\n",)) -> Benchmark:
    items = tuple(
        Item(id=f"{n}", cluster=f"{n}", text=f"Question: {n}\nAnswer:", choices=(f" {t}",), target=t)
        for n, t in enumerate(targets)
    )
    return Benchmark.model_validate(
        {"name": "free", "kind": "gold", "domain": "en", "metric": "bits_per_byte", "items": items}
        | {"check": check, "stop": stop}
    )


def test_numbers_mathematics_and_words() -> None:
    numbers = free("number", *["1,234"] * 6)
    said = ["so 1234", "= 1234.0.", "#### 1,234\n99", "1235", "", "12 then 1234 then 5"]
    assert right(numbers, said, None) == [1, 1, 1, 0, 0, 0]
    formulas = free("math", "\\frac{1}{2}", "x^2+1", "3")
    assert right(formulas, ["it is $0.5$", "$\\boxed{1+x^2}$", "nothing"], None) == [1, 1, 0]
    assert right(free("text", "Paris", "True"), [" paris.\nLondon", "False"], None) == [1, 0]


def test_code_is_run_by_what_is_given_for_it_or_not_at_all() -> None:
    code = free("function", "assert f() == 1")
    asked: list[tuple[str, str]] = []

    def execute(programs: Sequence[tuple[str, str]]) -> list[bool]:
        asked.extend(programs)
        return [True for _ in programs]

    assert right(code, ["    return 1"], execute) == [1.0]
    assert asked == [("Question: 0\nAnswer:    return 1\n", "assert f() == 1\n")]
    with pytest.raises(ValueError, match="wants programs to be run"):
        right(code, ["    return 1"], None)


@pytest.mark.skipif(not BENCH.is_dir(), reason="the benchmark files are not on this machine")
@pytest.mark.skipif(bool(Sandbox().refusal()), reason="there is no sandbox on this machine")
@pytest.mark.parametrize("file", ["humaneval.test", "mbpp.validation"])
def test_reference_solutions_pass_in_the_sandbox_and_empty_ones_do_not(file: str) -> None:
    (made,) = read_packs((str(BENCH / "code" / f"{file}.jsonl.gz"),)).benchmarks
    few = made.model_copy(update={"items": made.items[:12]})

    def execute(programs: Sequence[tuple[str, str]]) -> list[bool]:
        return [o.ok for o in Sandbox().run([Program(solution=code, tests=tests) for code, tests in programs])]

    assert right(few, [i.choices[0] for i in few.items], execute) == [1.0] * 12
    assert right(few, ["    pass" for _ in few.items], execute) == [0.0] * 12


def test_a_model_writes_its_answers_when_asked_to(make_model: MakeModel, tmp_path: Path) -> None:
    """A model that says anything at all, asked for what it says: all right; asked for something else: all wrong."""
    model = make_model(3)
    plain = free("text", *["?"] * 8)
    suite = Suite(split="hidden", benchmarks=(plain,), digest="plain")
    seen: list[str] = []

    def listen(benchmark: Benchmark, texts: Sequence[str], execute: None) -> list[float]:
        seen.extend(texts)
        return right(benchmark, texts, execute)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "right", listen)
        first = read_scores(measure(model, suite, tmp_path / "1.parquet", how=How(tokens=6)), suite)["free"]
    assert first.accuracy is not None and first.accuracy.sum() == 0 and len(seen) == 8
    said = free("text", *(text.strip().splitlines()[0] if text.strip() else "-" for text in seen))
    again = Suite(split="hidden", benchmarks=(said,), digest="said")
    second = read_scores(measure(model, again, tmp_path / "2.parquet", how=How(tokens=6)), again)["free"]
    spoke = np.array([bool(text.strip(" .\"'()\n")) for text in seen])
    assert spoke.any() and np.asarray(second.accuracy)[spoke].all()
    silent = read_scores(measure(model, suite, tmp_path / "3.parquet"), suite)["free"]
    assert silent.accuracy is None
    np.testing.assert_allclose(silent.values, first.values)
    with pytest.raises(EvalError, match="leaves no room for an answer of 300"):
        measure(model, suite, tmp_path / "4.parquet", how=How(tokens=300))
