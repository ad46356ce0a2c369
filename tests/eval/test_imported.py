"""lm-eval's tasks by name: the same scores as its command, nearest names, and one sentence for absent data."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coevo.eval import How, Split, Suite, import_tasks, measure, read_scores
from coevo.tiers.errors import EvalError

SPLIT: Split = "hidden"
LIKELIHOOD = ["mine_choice", "mine_norm", "mine_cloze", "mine_text"]
Answers = tuple[dict[str, Any], dict[str, Any]]
"""Results by task, and samples by task and question."""
TASKS = {
    "mine_choice": """
output_type: multiple_choice
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_choice: "{{choices}}"
doc_to_target: answer
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
""",
    "mine_norm": """
output_type: multiple_choice
num_fewshot: 2
fewshot_split: test
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: answer
metric_list:
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
""",
    "mine_cloze": """
output_type: loglikelihood
doc_to_text: "{{question}}"
doc_to_target: "{{' ' + choices[answer]}}"
metric_list:
  - {metric: perplexity, aggregation: perplexity, higher_is_better: false}
""",
    "mine_text": """
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{question}}"
metric_list:
  - {metric: bits_per_byte, aggregation: bits_per_byte, higher_is_better: false}
""",
    "mine_free": """
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{choices[answer]}}"
generation_kwargs: {until: ["."]}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
""",
    "mine_filter": """
output_type: generate_until
num_fewshot: 2
fewshot_split: test
doc_to_text: "Q: {{question}}\\nA:"
doc_to_target: "c"
generation_kwargs: {until: ["Q:"], max_gen_toks: 24}
filter_list:
  - name: letter
    filter:
      - {function: regex, regex_pattern: "([a-d])"}
      - {function: take_first}
  - name: plain
    filter:
      - {function: take_first}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
""",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Task files of one's own over forty questions, and a group of two of them."""
    made, rng = tmp_path_factory.mktemp("tasks"), np.random.default_rng(0)
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
    rows = [
        {
            "question": " ".join(rng.choice(words, 6)),
            "choices": [" ".join(rng.choice(words, n + 1)) for n in range(3)],
            "answer": int(rng.integers(3)),
        }
        for _ in range(40)
    ]
    (made / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for name, body in TASKS.items():
        head = f"task: {name}\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {made / 'data.jsonl'}}}}}\n"
        (made / f"{name}.yaml").write_text(head + "test_split: test\nmetadata: {version: 1.0}\n" + body.lstrip())
    (made / "mine_group.yaml").write_text("group: mine_group\ntask: [mine_choice, mine_norm]\n")
    absent = "task: mine_absent\ndataset_path: coevo/there-is-no-such-dataset\ntest_split: test\n"
    (made / "mine_absent.yaml").write_text(absent + TASKS["mine_choice"].lstrip() + "metadata: {version: 1.0}\n")
    return made


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def test_scores_are_those_of_the_lm_eval_command(model: Path, folder: Path, answers: Answers, tmp_path: Path) -> None:
    names = LIKELIHOOD
    pool = import_tasks(names, str(folder))
    suite = Suite(split=SPLIT, benchmarks=pool.benchmarks, digest="all")
    ours = read_scores(measure(model, suite, tmp_path / "ours.parquet"), suite)
    theirs, samples = answers
    for name, metric in (("mine_choice", "acc,none"), ("mine_norm", "acc_norm,none")):
        accuracy = ours[name].accuracy
        assert accuracy is not None and float(accuracy.mean()) == theirs[name][metric]
    logs = [float(s["filtered_resps"][0][0]) for s in samples["mine_cloze"]]
    sizes = [len(i.choices[0].encode()) for i in pool.benchmarks[2].items]
    np.testing.assert_allclose(ours["mine_cloze"].values, -np.array(logs) / np.log(2) / sizes, atol=1e-5)
    bytes_ = np.array([len(i.text.encode()) for i in pool.benchmarks[3].items])
    whole = (ours["mine_text"].values * bytes_).sum() / bytes_.sum()
    assert whole == pytest.approx(theirs["mine_text"]["bits_per_byte,none"], abs=1e-6)
    best = [np.argmax([float(r[0]) for r in s["filtered_resps"]]) for s in samples["mine_choice"]]
    right = [float(b == i.answer) for b, i in zip(best, pool.benchmarks[0].items, strict=True)]
    assert right == np.asarray(ours["mine_choice"].accuracy).tolist(), "question by question"


def test_written_answers_are_judged_by_the_task_itself(
    model: Path, folder: Path, answers: Answers, tmp_path: Path
) -> None:
    """Its prompt with examples, its filters, its metric: question by question what the command says."""
    (made,) = import_tasks(["mine_filter"], str(folder)).benchmarks
    assert made.check == "task" and made.items[0].text.count("Q:") == 3
    part = made.model_copy(update={"items": made.items[7:33]})
    suite = Suite(split=SPLIT, benchmarks=(part,), digest="part")
    how = How(tokens=40, tasks=str(folder))
    ours = read_scores(measure(model, suite, tmp_path / "ours.parquet", how=how), suite)["mine_filter"]
    theirs = [s["exact_match"] for s in answers[1]["mine_filter"] if s["filter"] == "letter"][7:33]
    assert ours.accuracy is not None and ours.accuracy.tolist() == theirs
    assert 0 < sum(theirs) < len(theirs), "some answers are right and some are not"
    silent = read_scores(measure(model, suite, tmp_path / "silent.parquet"), suite)["mine_filter"]
    assert silent.accuracy is None
    np.testing.assert_allclose(silent.values, ours.values)
    changed = part.items[0].model_copy(update={"text": "another question"})
    other = Suite(split=SPLIT, benchmarks=(part.model_copy(update={"items": (changed,)}),), digest="changed")
    with pytest.raises(EvalError, match="mine_filter asks other questions than when the suite was cut"):
        measure(model, other, tmp_path / "changed.parquet", how=how)


@pytest.fixture(scope="module")
def answers(model: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """What lm-eval's command says of the tasks: started once, as it imports for seconds."""
    return command(model, [*LIKELIHOOD, "mine_filter"], folder, tmp_path_factory.mktemp("command"))


def command(model: Path, names: list[str], folder: Path, out: Path) -> Answers:
    """Results and per-question samples of `lm_eval` as a user types it."""
    arguments = ["--model", "hf", "--model_args", f"pretrained={model},dtype=float32,max_length=256"]
    arguments += ["--tasks", ",".join(names), "--include_path", str(folder), "--batch_size", "8", "--device", "cpu"]
    arguments += ["--log_samples", "--output_path", str(out / "out")]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(out / "hf")}
    done = subprocess.run(
        [sys.executable, "-m", "lm_eval", *arguments], env={**os.environ, **offline}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (results,) = (out / "out").rglob("results_*.json")
    samples = {n: next((out / "out").rglob(f"samples_{n}_*.jsonl")) for n in names}
    read = {n: [json.loads(line) for line in path.read_text().splitlines()] for n, path in samples.items()}
    ordered = {n: sorted(rows, key=lambda r: r["doc_id"]) for n, rows in read.items()}
    return json.loads(results.read_text())["results"], ordered


def test_groups_and_tasks_that_generate(folder: Path) -> None:
    group, free = import_tasks(["mine_group", "mine_free"], str(folder)).benchmarks
    assert (group.kind, len(group.items), len({i.cluster for i in group.items})) == ("choice", 80, 80)
    assert (free.kind, free.metric, len(free.items)) == ("gold", "bits_per_byte", 40)
    assert free.items[0].choices[0].strip() == free.items[0].target


def test_unknown_names_and_absent_data_are_said_in_a_sentence(folder: Path) -> None:
    with pytest.raises(EvalError, match=r"no task, group or tag 'mine_choise': did you mean mine_choice"):
        import_tasks(["mine_choise"], str(folder))
    with pytest.raises(EvalError, match=r"the data of 'mine_absent' is not on this machine and cannot be had"):
        import_tasks(["mine_absent"], str(folder))
    with pytest.raises(EvalError, match=r"the data of 'arc_easy' is not on this machine"):
        import_tasks(["arc_easy"], str(folder))
