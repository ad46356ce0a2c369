"""Dividing a benchmark's items: into feedback, hidden and sealed ones, and feedback ones into folds that take turns."""

from collections import defaultdict
from collections.abc import Sequence

from ..tiers.errors import EvalError
from .draw import rank
from .packs import Pool
from .score import Benchmark, Item, Split, Suite


def divided(pool: Pool, split: Split, splits: Sequence[Split], count: int, longest: int, seed: int) -> list[Benchmark]:
    """One split's benchmarks: `count` items at most of each, over as many clusters as possible.

    A question belongs to one split wherever it stands, and so do all the questions about one passage.

    Args:
        pool: benchmarks with all their items.
        split: the one wanted.
        splits: all that there are; items fall to each with equal chance.
        count: most items of a benchmark.
        longest: UTF-8 bytes of a question with its longest choice that are still asked; 0 means any.
        seed: of the draw.
    """
    place = splits.index(split)
    return [
        b.model_copy(
            update={
                "items": _drawn(
                    [i for i in b.items if _fits(i, longest) and rank(seed, _key(i)) % len(splits) == place],
                    count,
                    seed,
                )
            }
        )
        for b in pool.benchmarks
    ]


def too_long(pool: Pool, longest: int) -> list[str]:
    """What `longest` leaves out, in words."""
    over = {b.name: (sum(not _fits(i, longest) for i in b.items), len(b.items)) for b in pool.benchmarks}
    return [
        f"{name}: {n} of {all_} questions longer than {longest} bytes left out" for name, (n, all_) in over.items() if n
    ]


def fold(suite: Suite, number: int, folds: int, seed: int) -> Suite:
    """The part of a suite that a round is judged by: every fold comes once in `folds` rounds, then they are cut anew.

    Whole clusters stay together, so that folds are independent. The score files are those of the whole suite.

    Args:
        suite: the whole suite.
        number: of the round, from 1.
        folds: how many; 1 returns the suite itself.
        seed: of the draw.

    Raises:
        EvalError: a benchmark has fewer than two clusters in a fold.
    """
    if folds == 1:
        return suite
    cycle, turn = divmod(number - 1, folds)
    made = tuple(_folded(b, cycle, turn, folds, seed) for b in suite.benchmarks)
    return suite.model_copy(update={"benchmarks": made, "part": True})


def _folded(benchmark: Benchmark, cycle: int, turn: int, folds: int, seed: int) -> Benchmark:
    clusters = sorted({i.cluster for i in benchmark.items}, key=lambda c: rank(seed, "fold", cycle, c))
    if len(clusters) < 2 * folds:
        raise EvalError(
            f"{benchmark.name} has {len(clusters)} clusters, too few for {folds} folds of two: "
            "lower evaluation.folds or add files"
        )
    mine = set(clusters[turn::folds])
    return benchmark.model_copy(update={"items": tuple(i for i in benchmark.items if i.cluster in mine)})


def _key(item: Item) -> str:
    """What decides over an item's split: its passage, or else its own words."""
    own = item.text or (item.choices[item.answer] if item.choices else "")
    return item.cluster if item.cluster.startswith("passage ") else " ".join(own.casefold().split())


def _fits(item: Item, longest: int) -> bool:
    size = len((item.before + item.text).encode()) + max((len(c.encode()) for c in item.choices), default=0)
    return not longest or size <= longest


def _drawn(items: Sequence[Item], count: int, seed: int) -> tuple[Item, ...]:
    """One item of every cluster before a second of any; repeated questions once."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in {(i.text, i.choices): i for i in items}.values():
        groups[item.cluster].append(item)
    drawn = []
    for cluster, members in groups.items():
        members.sort(key=lambda i: rank(seed, i.id))
        drawn += [(turn, rank(seed, cluster), item.id, item) for turn, item in enumerate(members)]
    return tuple(item for *_, item in sorted(drawn, key=lambda d: d[:3])[:count])
