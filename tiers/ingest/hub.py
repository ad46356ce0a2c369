"""Data sets by name, as the `datasets` library finds them on the Hub or in a folder, streamed."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from ..errors import InputError
from .streams import Fault

PREFIX = "datasets:"
KNOWN = ("name", "split", "revision")


def parse_name(url: str) -> tuple[str, dict[str, str]]:
    """Path and options of `datasets:PATH?name=CONFIG&split=SPLIT&revision=REV`; the split is `train` unless given.

    Raises:
        InputError: there is no path, or an option is unknown.
    """
    path, _, query = url.removeprefix(PREFIX).partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(options) - set(KNOWN))
    if not path or unknown:
        raise InputError(
            f"source {url} is wrong ({'unknown ' + unknown[0] if unknown else 'no name'}): "
            f"wanted datasets:NAME?name=CONFIG&split=train"
        )
    return path, {"split": "train"} | options


def dataset_rows(url: str, most: int) -> Iterator[tuple[int, dict[str, Any]] | Fault]:
    """Numbered rows of a data set, streamed; no code of the data set is run.

    Args:
        url: see `parse_name`.
        most: rows read at most.

    Raises:
        InputError: it cannot be opened.
    """
    path, options = parse_name(url)
    number = 0
    try:
        rows = iter(_opened(url, path, options))
        while number < most and (row := next(rows, None)) is not None:
            number += 1
            yield number, row
    except InputError:
        raise
    except Exception as error:  # the network and every builder have their own
        said = (str(error).splitlines() or [""])[0]
        yield Fault(str(number + 1), f"cannot be read on after {number} rows: {type(error).__name__}: {said}"[:300])


def _opened(url: str, path: str, options: dict[str, Any]) -> Any:
    from datasets import load_dataset

    try:
        return load_dataset(path, streaming=True, **options)
    except Exception as error:  # see above
        said = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"source {url} cannot be opened ({type(error).__name__}: {said[:200]}): check name and split"
        ) from error
