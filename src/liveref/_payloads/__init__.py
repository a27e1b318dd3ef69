"""Payloads with keys and live objects in them: found, swapped, written, read, and told what is wrong in them."""
