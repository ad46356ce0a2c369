"""JSON files of records: a list of them, one of them, several in a row, or an object that holds a list of them."""

import codecs
import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from ..config import IngestConfig
from .place import Place
from .streams import Fault
from .unpack import BLOCK, Damaged, unpacked
from .warc import Skipped

NONE = "JSON without records"
Row: TypeAlias = tuple[int, dict[str, Any]] | Fault | Skipped
_BLANK = " \t\r\n"


def json_rows(path: Place, texts: tuple[str, ...], config: IngestConfig) -> Iterator[Row]:
    """Numbered records of a JSON file in bounded memory; a fault ends the file.

    A file whose first object has none of the `texts` is no file of records (a configuration, a table), and skipped.
    """
    number = 0
    try:
        with unpacked(path, config) as stream:
            for value in _Values(stream, config.max_line_bytes).records():
                for record in [value] if number or _is_record(value, texts) else _inside(value, texts):
                    number += 1
                    yield (number, record) if isinstance(record, dict) else Fault(str(number), _unlike(record))
                if not number:
                    yield Skipped(NONE)
                    return
    except Damaged as error:
        yield Fault(str(number + 1), f"{error} (after {number} records; the rest is not read)")
    except UnicodeDecodeError as error:
        yield Fault(str(number + 1), f"not UTF-8: byte 0x{error.object[error.start]:02x}; the rest is not read")
    except RecursionError:
        yield Fault(str(number + 1), "malformed JSON: nested too deeply; the rest is not read")
    except ValueError as error:
        yield Fault(str(number + 1), f"malformed JSON: {error}"[:200] + "; the rest is not read")
    except OSError as error:
        yield Fault(str(number + 1), f"cannot be read: {error.strerror or error}")


def _is_record(value: Any, texts: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and any(isinstance(value.get(name), str) for name in texts)


def _inside(value: Any, texts: tuple[str, ...]) -> list[Any]:
    """Records of the lists that an object holds."""
    lists = [part for part in value.values() if isinstance(part, list)] if isinstance(value, dict) else []
    return [record for part in lists if part and _is_record(part[0], texts) for record in part]


def _unlike(value: Any) -> str:
    return f"malformed JSON: wanted an object, got {type(value).__name__}"


class _Values:
    """The values of a stream one after another, those of an outermost list one by one."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream, self._utf8 = stream, codecs.getincrementaldecoder("utf-8-sig")()
        self._most, self._text, self._at, self._ended = most, "", 0, False
        self._decoder = json.JSONDecoder()

    def records(self) -> Iterator[Any]:
        """Each value.

        Raises:
            ValueError: it is no JSON.
            Damaged: a value is longer than `most` characters.
        """
        while head := self._next():
            if head != "[":
                yield self._value()
                continue
            self._at += 1
            while (head := self._next()) != "]":
                yield self._value()
                if self._next() not in (",", "]"):
                    raise ValueError("wanted a comma or the end of the list")
                self._at += self._text[self._at] == ","
            self._at += 1

    def _next(self) -> str:
        """The next character that is not blank, "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def _more(self) -> bool:
        """Read on, at least as much again as is held."""
        held = self._text[self._at :]
        block = b"" if self._ended else self._stream.read(max(BLOCK, len(held)))
        self._text, self._at, self._ended = held + self._utf8.decode(block, final=not block), 0, not block
        return bool(block)

    def _value(self) -> Any:
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if len(self._text) - self._at > self._most:
                    raise Damaged(f"huge record: a value of more than {self._most} characters") from None
                if not self._more():
                    raise
                continue
            size = end - self._at
            if end < len(self._text) or not self._more():  # a number may go on
                self._at += size
                return value
