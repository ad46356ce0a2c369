"""Jail: the programs that run inside the sandbox; mounted there alone, they import nothing of coevo."""
