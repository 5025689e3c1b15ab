"""The terminal game: begins it, plays it as often as somebody takes a command back, and says how it ended."""

from rich.console import Console

from textmaze.env.rollout import Agent, StepRecord, rollout
from textmaze.game.mixture import step_limit
from textmaze.game.table import Game
from textmaze.show.saves import Played, Save
from textmaze.show.screen import Screen
from textmaze.show.session import Manner, Session
from textmaze.show.transcript import verdict


def play(
    game: Game, agent: Agent, *, seed: int, console: Console, split: str = "train", again: str | None = None,
    manner: Manner | None = None, plain: bool = False, played: Played | None = None, save: Save | None = None,
) -> list[StepRecord]:
    """Play game number `seed` of a split in the terminal; return its records, none where nothing was played.

    Args:
        game, split, seed: what is played.
        agent: who gives the commands. Where `manner` says that they are typed, it may give orders too: see
            `orders`.
        console: where the game is shown.
        again: what the last line suggests for another game, where another seed is not it.
        manner: how it is played.
        plain: whether nothing is drawn, for whoever has a screen reader.
        played: how the game is found again when it is saved; None where that cannot be.
        save: where to begin, if not at the start.
    """
    manner = manner or Manner()
    screen = Screen(console, plain)
    screen.say(f"{game.name}, seed {seed}, at most {step_limit(game, seed)} steps."
               f"{' Type help, hint or quit at any time.' if manner.typed else ''}", "dim")
    table = game.table(split, seed)
    if table.note:
        screen.say(table.note, "dim")
    session = Session(game, agent, screen, manner, split=split, seed=seed, played=played)
    if save:
        session.go_on(save)
    records = session.records
    while True:
        try:
            for round_ in rollout(game, session, [seed], split=split, slots=1):
                records.extend(round_)
        except KeyboardInterrupt:  # while the agent thinks; where somebody types it is a Leave already
            pass
        if session.again:
            continue
        ended = bool(records) and records[-1].ended
        if ended:
            screen.say(records[-1].feedback)
        last = _suggestion(session, ended, again)
        if ended and manner.kept and not records[-1].won:
            screen.say(f"{verdict(records)}{_help_had(session)}", "bold")
            session.lost()
            if session.again:
                continue
            screen.say(last, "bold")
        else:
            screen.say(f"{verdict(records)}{_help_had(session)} {last}", "bold")
        break
    session.close()
    return records


def _help_had(session: Session) -> str:
    """What made it easier than the number of steps tells."""
    parts = [f"{count} {name}{'' if count == 1 else 's'}"
             for count, name in ((session.hints, "hint"), (session.undone, "undo")) if count]
    return f" With {' and '.join(parts)}." if parts else ""


def _suggestion(session: Session, ended: bool, again: str | None) -> str:
    if session.kept:
        return "Go on from here: textmaze play --resume"
    if ended:
        return again or f"Another game: --seed {session.seed + 1}."
    return f"The same game again: --seed {session.seed}."
