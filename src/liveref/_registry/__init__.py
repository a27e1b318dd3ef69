"""The registry of live refs: what it holds, what a ref is, how one ends, which registry is current."""
