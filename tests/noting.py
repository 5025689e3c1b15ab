"""Observations and walks for tests of notes, and the words that notes are made of."""

from types import SimpleNamespace

NOT_YET, ONCE, TWICE, MANY = (
    "not tried here yet", "tried here once", "tried here twice", "tried here many times"
)
ENTRANCE = "; this is the way you first came in"
OPEN = "; it leads to a place where something is still untried"
CLOSED = "; it leads to a place where everything was tried"
KNOWN = "; it leads to a place you know"


def seen(description, *admissible, text=None, inventory="nothing", objective="win"):
    """No more of an observation than notes may read: any other field would be an AttributeError."""
    return SimpleNamespace(text=text or description, description=description, inventory=inventory,
                           objective=objective, admissible=admissible)


def walk(memory, *steps):
    """A memory after an episode given as (observation, command) pairs and a last observation."""
    for observation, command in steps[:-1]:
        memory.read(observation)
        memory.give(command)
    memory.read(steps[-1])
    return memory


def beside(memory, observation):
    """The note beside each command that is a plan of its own."""
    return [plan.note for plan in memory.plans(observation, observation.admissible) if plan.steps == 0]


def far(memory, observation):
    """The plans for other places, as (first command, place's heading, command there, note)."""
    commands = observation.admissible
    return [(commands[plan.first], plan.place.partition("\n")[0], plan.command, plan.note)
            for plan in memory.plans(observation, commands) if plan.steps > 0]


HALL = seen("hall", "go north", "go east")
CELL = seen("cell", "go south")
ATTIC = seen("attic", "go west", "go north")
