"""The loop: knows every room, spends, remembers and shows."""
