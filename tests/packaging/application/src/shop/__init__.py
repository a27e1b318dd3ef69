"""A small application: the CI recipe of docs/plugin.md is tried on it."""
