"""Mazes told in natural language: a person plays them, an agent learns them, a transcript records them.

Importing this package registers the Gymnasium id `textmaze/Maze-v0`; neither torch nor textworld is imported.
"""

import gymnasium

__version__ = "0.2.0"

gymnasium.register(
    id="textmaze/Maze-v0",
    entry_point="textmaze.env.single:MazeEnv",
    vector_entry_point="textmaze.env.vector:MazeVectorEnv",
)
