"""Roles that judge, edit and write documents with a model."""
