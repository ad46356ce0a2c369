"""`coevo contamination`: each refused document beside the benchmark item that it quotes, sealed ones unseen."""

from pathlib import Path

import pyarrow as pa

from coevo.eval import Benchmark, Item, Suite
from coevo.eval.pack_items import suite_items
from coevo.loop.view.contamination import SEALED, excerpt, matches, told
from coevo.tiers.decision import Action
from coevo.tiers.decontaminate import decontaminate
from coevo.tiers.document import document_id
from coevo.tiers.rows import DOCUMENT_SCHEMA, rows, verdict_rows
from coevo.tiers.store import Store
from coevo.tiers.tier import Tier

ASKED = {
    "feedback": "Question: A train leaves the old harbour at nine and is in Bergen before noon, how far?\nAnswer:",
    "hidden": "问题：一个农夫在春天种下三十棵苹果树，秋天每棵树结出四十个苹果，他一共收获多少个苹果？\n答案：",
    "sealed": "Question: Seven grey geese cross the frozen river twice a day until the last week of May, why?\nAnswer:",
}


def suite(split: str, text: str) -> Suite:
    other = Item(
        id="other", cluster="o", text="Question: What is a short one?\nAnswer:", choices=(" this",), target="this"
    )
    item = Item(id=f"{split}/1", cluster="c", text=text, choices=(" 12 miles",), target="12")
    made = {"name": f"mine_{split}", "kind": "gold", "domain": "en", "metric": "bits_per_byte", "items": (other, item)}
    return Suite.model_validate({"split": split, "benchmarks": (Benchmark.model_validate(made),), "digest": split})


def test_the_matched_text_stands_beside_the_item(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    suites = {split: suite(split, text) for split, text in ASKED.items()}
    quoting = [f"Some words before.\n{text.upper()} and some after." for text in ASKED.values()]
    texts = [*quoting, "A text of its own that quotes nobody at all, about gardens, tools and a long summer evening."]
    ids = [document_id(text, "s") for text in texts]
    none = pa.array([[]] * len(texts), pa.list_(pa.string()))
    docs = pa.table([ids, texts, ["en"] * 4, ["s"] * 4, ["text"] * 4, none], schema=DOCUMENT_SCHEMA)
    store = Store(tmp_path)
    store.commit(0, "ingest", rows(0, "ingest", "rule", ids, Action.INGEST, "read", docs["domain"], source="s"), docs)
    looked = [item for s in suites.values() for item in suite_items(s)]
    held = store.documents()
    verdicts = verdict_rows(0, "decontaminate", "rule", decontaminate(held, looked), held, Tier.L1)
    store.commit(0, "decontaminate", verdicts)
    found = matches(store, suites)
    assert [(m["doc"], m["split"], m["item"]) for m in found] == [
        (name, split, f"{split}/1") for name, split in zip(ids, ASKED, strict=False)
    ]
    first, second, third = found
    assert first["document_text"].startswith("Some words before.\nQUESTION: [[A TRAIN LEAVES")
    assert first["item_text"].startswith("Question: [[A train leaves the old harbour")
    assert "[[一个农夫在春天" in second["item_text"] and "[[一个农夫在春天" in second["document_text"]
    assert (third["document_text"], third["matched"], third["item_text"]) == ("", "", SEALED)
    names = [{"split": s, "benchmark": f"mine_{s}", "items": 2, "hit": 1, "documents": 1} for s in ASKED]
    told({"run": "r", "benchmarks": names, "matches": found})
    said = capsys.readouterr().out
    assert "documents of r: 3 refused as training data for what they share with benchmark items" in said
    assert "geese" not in said.casefold(), "a sealed item is shown to nobody"


def test_an_excerpt_without_its_words_is_the_beginning() -> None:
    assert excerpt("One, two; THREE.", ["two", "three"]) == "One, [[two; THREE]]."
    assert excerpt("One", ["two"]) == "One"
