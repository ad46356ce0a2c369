"""Mending: what is put right, replaced and taken out, and what is left alone; the new documents and their parents."""

import base64
import gzip
import json
import os
import random
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.tiers.bulk.build import batches, build
from coevo.tiers.clean import clean
from coevo.tiers.config import BulkConfig, CleanConfig, DedupConfig, SourceConfig
from coevo.tiers.document import document_id
from coevo.tiers.engine import engine
from coevo.tiers.filters import encoding, pii
from coevo.tiers.filters.lines import c4_edited
from coevo.tiers.mend import mend, mended

SHARED = Path(os.environ.get("COEVO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
PROSE = (
    "The committee met on Tuesday to talk about the bridge that was damaged in the storm. Several members said that "
    "repairs have to begin before winter, and a plan with costs was promised for the next meeting of the council."
)
RIGHT = (
    "The café in Zürich closes at 5 o’clock – “naïve” visitors are often surprised.",
    "Кот сидит на окне и смотрит на улицу, а потом засыпает.",
    "Ο ήλιος λάμπει πάνω από τη θάλασσα και τα βουνά.",
    "数据清洗是训练语言模型之前最重要的一步，我们需要检查编码。",
    "Straße, façade, señor, Ångström, Łódź, œuvre; 20 €, 30 °C, ½ cup, § 5.",
    "Let $a \\in ℝ$ and ∀x ∈ ℕ: x² ≥ 0, so ∑ xᵢ ≤ ∞.",
    "今日は良い天気ですね。한국어도 조금 있습니다.",
)


def docs(*texts: str, domain: str = "en", kind: str = "text", source: str = "s/a.txt") -> pa.Table:
    n = len(texts)
    columns = {"id": [document_id(t, source) for t in texts], "text": pa.array(texts, pa.large_string())}
    columns |= {"domain": [domain] * n, "kind": [kind] * n, "source": [source] * n}
    return pa.table(columns | {"parents": pa.array([[]] * n, pa.list_(pa.string()))})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("To Jane.Doe@acme-corp.com, or jane.doe@acme-corp.com.", "To email@example.com, or email@example.com."),
        ("a@b.org, c@d.de", "email@example.com, firstname.lastname@example.org"),
        ("The server 93.184.216.34 and http://93.184.216.34:80/x", "The server 192.0.2.1 and http://192.0.2.1:80/x"),
        ("Call (415) 561-6767 or +49 89 1234 5678.", "Call 202-555-0101 or 202-555-0123."),
        ("Phone: 415-561-6767", "Phone: 202-555-0101"),
        ("联系电话：13912345678", "联系电话：202-555-0101"),
    ],
)  # fmt: skip
def test_personal_data_is_replaced_by_what_nobody_has(text: str, wanted: str) -> None:
    made, found = pii.replaced(text)
    assert made == wanted and sum(found.values()) > 0
    assert pii.replaced(made) == (made, {})


@pytest.mark.parametrize(
    "said",
    [
        *("Phone: 5839778353", "Phone 363.717.0669x0743", "Tel.: 0228-999582-5777", "Telefon: (02283) 03883"),
        *("Fax:+354 5635620", "Call us at 0161 496 0631", "Tél. 06 56 31 70 66", "Teléfono: 981 869 073"),
        *("WhatsApp: 51 3170-6690", "тел. 8 (763) 170-66-90", "電話：03-584-7231", "手机 189 7631 7066"),
        *("Cellulare 335258517", "write or +49 (0)40 890 85-433", "from (+34 740080636)"),
    ],
)  # fmt: skip
def test_telephones_of_ten_countries_are_found_by_what_is_said_before_them(said: str) -> None:
    made, found = pii.replaced(f"If in doubt: {said}, or tomorrow.")
    assert found == {"phone": 1} and "202-555-0101" in made and made.endswith(", or tomorrow."), made
    assert sum(c.isdigit() for c in made) == 10, made
    assert pii.replaced(made) == (made, {})


@pytest.mark.parametrize(
    "text",
    [
        "me@example.com, user@host.org, git@github.com:a/b.git, icon@2x.png, aes@openssh.com, x@y.test, pkg@1.2.3",
        "https://mail.python.org/archives/list/python-dev@python.org/thread/A",
        "malloc@got.plt and getty@tty1.service",
        "Version 1.22.33.44, section 93.1.2.3, 10.0.0.1, 127.0.0.1, 192.168.1.1, 8.8.8.8, 0.10.1.1, v93.4.5.6",
        "5.6.0.0 became 5.7.0.1 and Chrome/93.0.4577.82, kafka-0.10.1.1-src.tgz, 1.3.6.1.4.1.311",
        "### 1.1.10.1. Ridge regression",
        "from -2147483648 to +2147483647, +3.140000, +00000000 00000000 00000011, call it 20240115 times",
        "Phone: 2024-01-15. Mobile 12/31/2023. The call stack holds 10000000 frames; a phone of 1280x720; call 911.",
        "The numbers 415-561-6767 and 13912345678 are sums; order 2024-0001-1234; 202-555-0199; ISBN 978-0-13-468599-1",
    ],
)
def test_versions_examples_and_numbers_stay(text: str) -> None:
    assert pii.replaced(text) == (text, {})


@pytest.mark.parametrize(
    "code",
    [
        "y = x@weights.me\nz = a@b.net(1)\nHOST = '93.184.216.34'\nassert ip('93.184.216.34').is_global\n",
        "def test_mail():\n    assert valid('a@example.com')\n",
    ],
)
def test_program_text_is_not_broken(code: str) -> None:
    assert pii.replaced(code, is_code=True) == (code, {})
    said = f"# Author: Ann Other <ann.other@acme.com>\n{code}"
    assert pii.replaced(said, is_code=True)[0] == f"# Author: Ann Other <email@example.com>\n{code}"


@given(st.text(max_size=200))
def test_a_second_pass_finds_no_personal_data(text: str) -> None:
    made, _ = pii.replaced(text)
    assert pii.replaced(made)[0] == made


@given(st.lists(st.sampled_from(RIGHT), min_size=1, max_size=4), st.sampled_from(["\n", " ", "\n\n"]))
def test_right_text_is_never_harmed(lines: list[str], between: str) -> None:
    text = between.join(lines)
    assert encoding.repaired(text) == (text, 0)


@pytest.mark.parametrize("right", [RIGHT[0], RIGHT[1], RIGHT[2], "Kurt Gödel und Sören Müller; “quoted” – done."])
def test_text_that_was_decoded_wrongly_is_repaired(right: str) -> None:
    wrong = "".join(
        bytes([b]).decode("cp1252") if b not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(b) for b in right.encode()
    )
    assert encoding.repaired(f"Fine.\n{wrong}") == (f"Fine.\n{right}", 1)
    about = f"Mojibake looks so: {wrong}"
    assert encoding.repaired(about) == (about, 0)


@given(st.text(max_size=120))
def test_a_repair_loses_nothing_and_is_final(text: str) -> None:
    made, changed = encoding.repaired(text)
    assert (made == text) == (changed == 0)
    assert made.count("\n") == text.count("\n") and made.count("\ufffd") <= text.count("\ufffd")


@pytest.mark.skipif(not SHARED.exists(), reason="the shared raw corpora are not here")
def test_real_text_is_mended_where_it_is_damaged_only() -> None:
    for name, most in (("zh/laws", 0), ("zh/drcd-wiki-tw", 0), ("en/inaugural", 0), ("math/planetmath-tex", 30)):
        with gzip.open(SHARED / "l0" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            texts = [text for line in file if (text := json.loads(line).get("text"))]
        changed = sum(encoding.repaired(text)[1] > 0 for text in texts)
        assert changed <= most and (changed > 0) == (most > 0), name


def test_files_in_a_text_are_taken_out_and_counted() -> None:
    packed = base64.b64encode(random.Random(0).randbytes(3_000)).decode()
    raw = docs(f"{PROSE}\n\n![a plot](data:image/png;base64,{packed})\n\nThe plot shows it. See data:, and base64.\n")
    made = mend(raw)
    assert made["text"].to_pylist() == [
        f"{PROSE}\n\n![a plot](data:image/png)\n\nThe plot shows it. See data:, and base64.\n"
    ]
    assert made["reason"].to_pylist() == ["embedded: file 1"]
    assert clean(raw)["reason"][0].as_py().startswith("encoded-data") and clean(mended(raw, made))["kept"][0].as_py()
    assert mend(mended(raw, made)).num_rows == 0
    code = docs(f"icon = 'data:image/png;base64,{packed}'", domain="code", kind="source")
    assert mend(code).num_rows == mend(raw, CleanConfig(embedded=False)).num_rows == 0


def test_notices_leave_pages_and_are_written_down() -> None:
    page = (
        "A story.\nWe use cookies to make this better.\nIt goes on.\nShare this\n"
        "© 2020 Acme. All rights reserved.\nEnd.\n配合上一篇一起读。"
    )
    edits = mend(docs(page, kind="html"))
    assert edits["text"].to_pylist() == ["A story.\nIt goes on.\nEnd.\n配合上一篇一起读。"]
    assert edits["reason"].to_pylist() == ["lines: notice 3"]
    said = json.loads(edits["evidence"][0].as_py())["removed"]
    assert said[0] == "2: We use cookies to make this better." and len(said) == 3
    assert mend(docs(page)).num_rows == 0  # what is no page speaks of such things
    assert mend(docs(page, kind="html"), CleanConfig(notices=False)).num_rows == 0


def test_the_line_edits_of_c4_are_made_where_that_family_is_asked_for() -> None:
    text = (
        "This line stays here.[12]\nToo short\nPlease enable Javascript now.\nSee our privacy policy first.\n"
        "  Another line stays[edit].  "
    )
    c4 = CleanConfig(families=("c4",))
    edits = mend(docs(text), c4)
    assert edits["text"].to_pylist() == ["This line stays here.\nAnother line stays."]
    told = json.loads(edits["evidence"][0].as_py())
    assert {k: n for k, n in told.items() if k != "removed"} == {
        "lines: c4 fewer than three words": 1, "lines: c4 javascript": 1, "lines: c4 policy": 1,
    }  # fmt: skip
    assert mend(mended(docs(text), edits), c4).num_rows == 0


@given(st.lists(st.text(max_size=60), max_size=5))
def test_c4_edits_are_idempotent_and_stay_with_their_text(texts: list[str]) -> None:
    texts = [t.encode("utf-8", "replace").decode() for t in texts]
    once = c4_edited(pa.array(texts, pa.large_string()))
    assert once.to_pylist() == [c4_edited(pa.array([t], pa.large_string()))[0].as_py() for t in texts]


def test_mended_documents_stand_where_their_parents_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coevo.tiers.clean.BATCH_ROWS", 3)
    texts = [f"Text {i} by a{i}@acme.com." if i % 3 == 1 else f"Text {i}." for i in range(10)]
    raw = docs(*texts)
    edits = mend(raw)
    made = mended(raw, edits)
    assert edits["row"].to_pylist() == [1, 4, 7]
    assert made["text"].to_pylist()[4] == "Text 4 by email@example.com." and made["text"][5].as_py() == "Text 5."
    assert made["parents"].to_pylist()[4] == [raw["id"][4].as_py()] and made["parents"].to_pylist()[5] == []
    assert made["id"][4].as_py() == document_id("Text 4 by email@example.com.", "s/a.txt")
    assert made.schema == raw.schema
    assert mend(made).num_rows == 0 and mended(raw, mend(made)).equals(raw)
    assert mended(docs(), mend(docs())).num_rows == 0


def test_what_was_repaired_passes_the_rule_that_would_have_dropped_it() -> None:
    random.seed(0)
    right = "Kurt Gödel’s proof of the “second” theorem — which Müller and Erdős discussed — was in the café. " * 4
    wrong = right.encode().decode("cp1252", "ignore")
    raw = docs(wrong)
    assert clean(raw)["reason"][0].as_py().startswith("encoding-damage")
    assert not clean(mended(raw, mend(raw)))["reason"][0].as_py().startswith("encoding-damage")


def test_a_build_holds_the_mended_texts_and_their_parents(tmp_path: Path) -> None:
    lines = [json.dumps({"id": f"{i}", "text": f"{PROSE} Ask ann{i}@acme.com about number {i}."}) for i in range(3)]
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "r.jsonl").write_text("\n".join(lines))
    config = BulkConfig(dedup=DedupConfig(threshold=1.0))
    built = build([SourceConfig(url=str(tmp_path / "raw"), domain="en")], tmp_path / "out", config, engine("local", 1))
    kept = [row for batch in batches(tmp_path / "out", built.parts) for row in batch.to_pylist()]
    assert built.read == {"en": 3} and kept
    assert all("email@example.com" in row["text"] and len(row["parents"]) == 1 for row in kept)
