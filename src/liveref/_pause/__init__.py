"""From live refs to a snapshot under a policy, and from a snapshot to live refs."""
