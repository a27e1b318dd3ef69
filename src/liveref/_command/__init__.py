"""What ``python -m liveref`` answers: a snapshot, an installation."""
