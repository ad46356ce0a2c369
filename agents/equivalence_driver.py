"""Runs in a process of its own: compares pairs of answers in LaTeX with math-verify, one pair a line, within limits."""

import json
import resource
import sys


def main() -> None:
    """Reads `[one, other]` a line from standard input and writes `true` or `false` a line, until the end of input."""
    from math_verify import LatexExtractionConfig, parse, verify

    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    for line in sys.stdin:
        pair = json.loads(line)
        try:
            # only LaTeX between dollar signs is read: the reader of plain expressions evaluates what it is given
            one, other = (
                parse(f"${text}$", extraction_config=[LatexExtractionConfig()], parsing_timeout=3) for text in pair
            )
            same = bool(one) and bool(other) and verify(one, other, timeout_seconds=3)
        except Exception:
            same = False
        print(json.dumps(bool(same)), flush=True)


if __name__ == "__main__":
    main()
