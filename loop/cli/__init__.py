"""The command line; every command imports what it needs when it runs, so that --help answers at once."""

import io
import sys
from pathlib import Path

import click

from ..lab.cli import lab
from .data import build, export
from .measure import compare, evaluate, trial, unseal, verify
from .read import ask, contamination, prompts, report, rounds, show, status, tiers, why
from .run import resume, run


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="coevo")
def cli() -> None:
    """Autonomous data-model co-evolution rounds: curate, train, evaluate, learn.

    Start with `coevo run`: three rounds on this machine's own text, no key, no GPU, no network.
    """


for group in (
    (run, resume),
    (status, rounds, show, why, tiers, contamination, ask, prompts, report),
    (export, build),
    (compare, evaluate, unseal, trial, verify, lab),
):
    for command in group:
        cli.add_command(command)


def main() -> None:
    """Run a command; a CoevoError is one sentence and exit code 2, Ctrl-C is 130; a bug keeps its traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without Unicode shows \u2026 and does not end the command
            stream.reconfigure(errors="backslashreplace")
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as e:
        e.show()
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # `coevo show | head`: the reader left
        sys.exit(0)
    except Exception as e:
        sentence = _sentence(e)
        if sentence is None:
            raise
        click.echo(f"coevo: {sentence}", err=True)
        sys.exit(2)


def _sentence(error: Exception) -> str | None:
    """What to tell a person, or None for a bug."""
    from ...tiers.errors import CoevoError
    from ..disk import is_full, refusal

    if isinstance(error, CoevoError):
        return str(error)
    if is_full(error, Path()):
        return f"the disk is full ({error}): free some space, then type the command again; nothing is damaged"
    return refusal(error) or None
