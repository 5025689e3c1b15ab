"""An agent watched while it plays, with what it thought: what pages and terminals show of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmaze.env.rollout import Agent, Observation, StepRecord, rollout
from textmaze.env.thoughts import Foreseer, Thoughts, Words, thoughts_of
from textmaze.errors import TextmazeError
from textmaze.game.table import Game
from textmaze.show.floorplan import floorplan
from textmaze.show.page import Shown

if TYPE_CHECKING:
    from textmaze.learn.actor import Actor

SLOW_LOOK = 4  # training games that a potential takes its scale from, where each takes a second to make


def explain(
    agent: Agent, game: Game, seed: int, *, split: str, points: int = 0,
    run: tuple[Path, str | None] | None = None, show: Callable[[int], None] = lambda steps: None,
) -> Shown:
    """Game number `seed` of a split as the agent plays it.

    Args:
        points: how many gradients are taken for the words that mattered in each choice; 0 leaves the words out.
            TextmazeError where an agent makes plans but reads no words.
        run: the folder of the agent's training, whose potential is shown, and the agent file that it was trained with
            if that is no shipped one.
        show: is told how many steps have been taken.
    """
    watched = Watched(agent, points)
    records: list[StepRecord] = []
    for played in rollout(game, watched, [seed], split=split, slots=1):
        records += played
        show(len(records))
    if not records:
        raise TextmazeError("Nothing was played, so there is nothing to explain.")
    thoughts = watched.thoughts
    found = thoughts if any(thought.weighed for thought in thoughts) else []
    return Shown(records, floorplan(game, records), found, potentials(agent, *run, records) if run else [])


class Watched:
    """An agent that plays one episode, and whose thoughts are kept in the order of its commands.

    Args:
        points: as in `explain`.
    """

    def __init__(self, agent: Agent, points: int = 0) -> None:
        self.agent = agent
        self.infos: Sequence[str] = agent.infos
        self.thoughts: list[Thoughts] = []
        self._points = points

    def begin(self, episodes: Sequence[int]) -> None:
        self.agent.begin(episodes)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        commands = self.agent.act(observations)
        for seen, command in zip(observations, commands, strict=True):
            found = Thoughts(thoughts_of(self.agent, seen.slot))
            expected = self.agent.foreseen(seen, command) if isinstance(self.agent, Foreseer) else ()
            words = self._words(seen) if self._points and not found.going_on else None
            self.thoughts.append(replace(found, expected=expected, words=words))
        return commands

    def _words(self, seen: Observation) -> Words | None:
        from textmaze.learn.actor import Actor
        from textmaze.learn.attribution import attribute

        if not isinstance(self.agent, Actor):
            return None
        return attribute(self.agent, seen, self.agent.choices[seen.slot], self._points)


def potentials(agent: Agent, folder: Path, code: str | None, records: Sequence[StepRecord]) -> list[float]:
    """The potential of the state before each step, as the training in a run folder shaped rewards by it.

    Nothing where it shaped them otherwise, by a server's model, or by a scorer whose code nobody has named. The
    scale is taken anew from the training games.
    """
    import numpy as np

    from textmaze.catalog import code_named, load_agent_of_run, load_game
    from textmaze.learn.checkpoint import load_model
    from textmaze.learn.runs import trained_on
    from textmaze.learn.scorers import EXIT, make_scorer
    from textmaze.learn.shaping import Potential
    from textmaze.learn.train import FIRST_LOOK, first_look
    from textmaze.settings import build

    config, _ = load_model(folder)
    module = load_agent_of_run(folder, config["agent"], code)
    settings: Any = build(module.Settings, config["settings"], str(folder))
    if getattr(settings, "shaping", "") != "potential" or settings.scorer in ("none", "server"):
        return []
    if settings.scorer.endswith(".py") and code_named(settings.scorer) is None:
        return []
    actor: Actor = agent  # type: ignore[assignment]  # no other agent shapes its rewards
    potential = Potential(make_scorer(settings.scorer, actor.reader.texts.library, settings.scorer_model, EXIT),
                          settings.shaping_weight)
    if settings.scorer != "distance":  # whose scale is fixed where no other is taken
        game = load_game(*trained_on(folder, config))
        looked = first_look(game, SLOW_LOOK if game.slow else FIRST_LOOK)
        potential.calibrate(sorted({seen.description for seen in looked}), looked[0].objective)
    before = [record.before for record in records]
    found: list[float] = potential.of(
        [seen.description for seen in before], [seen.objective for seen in before],
        np.array([record.distance for record in records]),
    ).tolist()
    return found


def facts(name: str, game: Game, shown: Shown, overrides: Mapping[str, Any]) -> dict[str, str]:
    """What the head of a page says of an episode."""
    first = shown.records[0]
    changes = {key: str(value) for key, value in overrides.items()}
    return {"agent": name, "game": game.name, "split": first.split, "seed": str(first.seed), **changes}
