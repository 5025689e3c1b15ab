"""Three places, and what is remembered of walks between them, for the tests of foresight."""

from textmaze.env.rollout import Observation
from textmaze.learn.answers import Memory

HALL, YARD, ROOF = "-= Hall =-\nA way leads east.", "-= Yard =-\nA way leads west.", "-= Roof =-\nBirds."
NO = "You can't go that way."


def seen(description, text=None, ways=("go north", "go east", "go south", "go west")):
    return Observation(0, description if text is None else text, description, "Nothing.", "Win.", ways)


def remembered(*steps, start=HALL):
    """The memory of an episode: its commands, each with the place that it led to and the answer, if it is another."""
    memory = Memory()
    memory.read(seen(start))
    for command, description, *answer in steps:
        memory.chose(command)
        memory.read(seen(description, *answer))
    return memory
