"""How agents learn: BERT reads, a Q-head values commands, temporal differences teach it."""
