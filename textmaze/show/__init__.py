"""How games are seen: played in a terminal, or written down as transcripts."""
