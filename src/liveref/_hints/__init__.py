"""A hint at run time: what of it can be checked, and the checks."""
