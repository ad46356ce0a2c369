r"""LaTeX that a model wrote into JSON with one backslash: restored where it is plain, refused where it is not."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.agents.backends.backslashes import Ambiguous, restored, with_doubled_escapes
from coevo.tiers.record import Record

from .asking import ask, chat
from .server import Server, answer

CASE = Path(__file__).parents[3] / "shared" / "cases" / "11_answer_as_sent.json"


def read(sent: str) -> Any:
    """What becomes of a JSON string as it was sent, without its quotation marks."""
    try:
        return restored(json.loads(f'"{sent}"'))
    except ValueError:
        return restored(json.loads(with_doubled_escapes(f'"{sent}"')), doubled=True)


@pytest.mark.parametrize(
    "sent",
    [
        r"$\frac{1}{2}\times 4 = 2$",
        r"$\beta + \nu = 7$",
        r"$\nu$ is a frequency",
        r"$a \neq b$",
        r"$\rho\to 0$ and $\theta$",
        r"$\tan 0 = 0$",
        r"the unit is \text{cm}",
        r"\left( x \right)",
        r"\nabla f \times g",
        r"\alpha + \forall x \in A",
        r"\begin{cases} x & \text{if } y \end{cases}",
        r"\boxed{4}",
        r"\underline{x} \upsilon",
        r"$x \notin A$ or $x \not\in B$",
        r"\(a \ne b\) \frac12",
    ],
)
def test_commands_are_restored(sent: str) -> None:
    assert read(sent) == sent


@pytest.mark.parametrize(
    "text",
    [
        "one line\nnu is a letter\nu too\nnot this one",
        "It costs $5.\ne.g. a book for $3",
        "def f(x):\n\treturn x\n\ttotal = x\n\te = 5",
        "name\tan\tthe\nrow\tone\tto",
        "$$\n\tx = 1\n\tan = 2\n$$",
        "Let $\\alpha = 1$.\nThen $\\beta = 2$.\n\nu = 3",
        "\r\nrow\r\nright\r\n",
        "- one\n- two\n\n| a | b |\n|---|---|",
        "$\\alpha$ then\ni = 5",
        "公式如下\n因此 $x=1$\n\t缩进",
        "x = $y\nexport z=$w",
        "\n",
    ],
)
def test_real_line_breaks_and_tabs_stay(text: str) -> None:
    assert restored({"a": text}) == {"a": text}
    # properly escaped LaTeX beside it changes nothing
    assert restored([text, r"$\frac{1}{2}$"]) == [text, r"$\frac{1}{2}$"]


@pytest.mark.parametrize(
    "sent",
    [
        r"$x + \nu = 7$",  # or a line that begins with u
        r"\nu = 4",
        r"a \ne b",
        r"\[ \nu \rightarrow \bar{x} \]",
        r"\alpha + \nu",
        r"\f and \b",
        r"\frac12 \begin{pmatrix} 1 \\ 2 \end{pmatrix}",
    ],
)
def test_what_stays_open_is_refused(sent: str) -> None:
    with pytest.raises(Ambiguous):
        read(sent)


COMMANDS = r"\frac \forall \flat \beta \bar \binom \boxed \bullet \times \theta \tau \text{a} \triangle \rho \right"


@given(st.lists(st.sampled_from(COMMANDS.split()), min_size=1, max_size=6), st.text("xyz123+-= ", max_size=8))
def test_an_answer_of_plain_commands_is_restored_to_the_letter(commands: list[str], between: str) -> None:
    sent = f"${between} {' '.join(commands)} {between}$"
    assert read(sent) == sent


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_without_control_characters_nothing_changes(text: str) -> None:
    assert restored({"a": [text]}) == {"a": [text]}


class Problem(Record):
    question: str
    steps: str
    answer: str


class Problems(Record):
    items: tuple[Problem, ...]


@pytest.mark.skipif(not CASE.exists(), reason="needs ../shared/cases")
def test_the_case_as_it_was_sent(server: Server) -> None:
    server.steps = [answer(CASE.read_text(encoding="utf-8"))]
    (item,) = chat(server).complete([{"role": "user", "content": "Write one."}], Problems).value.items
    assert item.question == r"Let $x=\frac{1}{2}\times 8$. What is $x$?" and item.steps == r"$\frac{1}{2}\times 8 = 4$"


def test_a_refused_answer_is_sent_back_with_what_is_wrong(server: Server) -> None:
    done = ask(
        server, answer(r'{"keep": true, "reason": "$x + \nu$"}'), answer(r'{"keep": true, "reason": "$x + \\nu$"}')
    )
    assert done.value.reason == r"$x + \nu$" and done.usage.calls == 2
    assert "written twice in JSON" in server.bodies()[1]["messages"][2]["content"]


def test_escapes_that_json_does_not_have_are_read_among_prose(server: Server) -> None:
    done = ask(server, answer('Here:\n```json\n{"keep": true, "reason": "$\\alpha \\le \\frac12$"}\n```'))
    assert done.value.reason == r"$\alpha \le \frac12$" and done.usage.calls == 1
