"""`python -m coevo.loop`: the command line."""

from .cli import main

main()
