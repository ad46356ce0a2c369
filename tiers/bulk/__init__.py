"""Millions of documents from sources to L2: stages over shards on disk, flat in memory, on any engine, resumable."""
