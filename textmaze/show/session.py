"""One sitting at the terminal game: shows what is read, asks for commands, and carries out what is not the game's.

To take a command back, to restore a game or to begin it again is all the same: the game is played again from its start,
with the commands that are left. So there is but the one episode loop, and nothing needs to be undone.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from textmaze.env.chart import Chart
from textmaze.env.rollout import Agent, Leave, Observation, StepRecord
from textmaze.env.single import take_step
from textmaze.env.thoughts import Thought, advise, thoughts_of
from textmaze.errors import TextmazeError
from textmaze.game.mixture import step_limit
from textmaze.game.parser import read
from textmaze.game.table import Game
from textmaze.show.bars import bars, in_words
from textmaze.show.map import draw_map, tell_map
from textmaze.show.orders import Order, help_page, read_order
from textmaze.show.recording import Recording
from textmaze.show.saves import Played, Save, digest, make_save, read_save, remove_save, safe_name, write_save
from textmaze.show.screen import Screen
from textmaze.show.transcript import make_header

ADVISER = "ladder"  # who is asked where no agent is named
HERE = r"\[[^\]]*\]|@"  # where the player is on a map
_PROMPT_LINES = 14  # of a screen that are left to what is read, where a map is always shown


@dataclass(frozen=True)
class Manner:
    """How a game is played."""

    typed: bool = True  # somebody types the commands, and may give orders; else they are shown
    kept: bool = False  # the game is kept when it is left, and can be taken up where it was lost
    map: bool = False  # the map is always shown
    pace: float = 0.0  # seconds that an agent's choice is shown before it is carried out
    on_enter: bool = False  # it is carried out when Enter is pressed
    code: str | None = None  # the agent file of a run that was not trained with a shipped one


class Session:
    """The agent that plays in the terminal: it asks another one, mostly a person.

    Args:
        game, split, seed: what is played.
        agent: who is asked.
        played: how the game is found again; None where it cannot be saved.
    """

    def __init__(
        self, game: Game, agent: Agent, screen: Screen, manner: Manner, *, split: str, seed: int, played: Played | None,
    ) -> None:
        self.game, self.split, self.seed = game, split, seed
        self.infos: Sequence[str] = agent.infos
        self.records: list[StepRecord] = []  # of the game so far, as whoever runs it notes them
        self.again = False  # whether the game is to be played again, with `_replay`
        self.hints = self.undone = 0
        self._agent, self._screen, self._manner, self._played = agent, screen, manner, played
        header = make_header(game, source=played.source if played else game.name, split=split, agent="human",
                             seeds=[seed])
        self._recording = Recording(header, f"{self._name}.jsonl")
        self._table = game.table(split, seed)
        self._replay: list[str] = []
        self._news = self._read = ""
        self._resumed = False
        self._hinted = (-1, 0)  # at which step, and how often there
        self._advisers: dict[str, Agent] = {}
        self._orders = {
            "help": self._help, "map": self._map, "hint": self._hint, "undo": self._undo, "restart": self._restart,
            "save": self._save, "restore": self._restore, "score": self._score, "advise": self._advise,
            "transcript": self._transcript, "quit": self._quit,
        }

    def begin(self, episodes: Sequence[int]) -> None:
        self._agent.begin(episodes)
        self.records.clear()
        self.again = False
        self.chart = Chart()

    def act(self, observations: Sequence[Observation]) -> list[str]:
        seen = observations[0]
        self.chart.read(seen)
        if self._replay:
            command = self._replay.pop(0)
        else:
            self._show(seen)
            command = self.ask(seen) if self._manner.typed else self._watch(seen)
        meant = read(command, self._table.commands, seen.admissible).command
        if meant:
            self.chart.give(meant)
        return [command]

    def ask(self, seen: Observation) -> str:
        """The next line that is meant for the game; orders are carried out. Leave where the game is left."""
        while True:
            line = self._agent.act([seen])[0]
            try:
                order = read_order(line, self._table.commands)
                if order is None:
                    return line
                self._orders[order.name](order, seen)
            except TextmazeError as error:
                self._screen.say(str(error))

    def go_on(self, save: Save) -> None:
        """Begin where a game was saved."""
        self._play_again(save.commands, f"You go on after {_steps(len(save.commands))}.", save.read)
        self._resumed, self.again = True, False

    def lost(self) -> None:
        """Ask what to do after a game that was not won: sets `again` if it is to be played again."""
        self._screen.say("You can still undo the last command, restart, restore, or quit.")
        try:
            while True:
                self.ask(self.records[-1].after)
                self._screen.say("The game is over. Type undo, restart, restore or quit.")
        except Leave:
            return

    def close(self) -> None:
        """Write what is to be written, when the game is over or left; what is over need not be kept."""
        self._recording.close(self.records)
        if self._keeps and self.records and self.records[-1].ended:
            remove_save(self._name)

    @property
    def kept(self) -> bool:
        """Whether the game can be taken up again where it was left."""
        return self._keeps and bool(self.records) and not self.records[-1].ended

    # -- what is shown ---------------------------------------------------------------------------------------------

    def _show(self, seen: Observation) -> None:
        taken_back = bool(self._news)
        if taken_back:
            if self._read and digest(seen.text) != self._read:
                self._news += " The game has changed since it was saved, so this may be another place."
            if self._resumed and self.records:
                self._screen.say(seen.objective)
            self._screen.say(self._news, "dim")
            self._screen.say(seen.description if self.records else seen.text)
            self._news, self._read, self._resumed = "", "", False
        else:
            self._screen.say(seen.text)
        if self._manner.map:
            self._draw(whole=False)
        if self._keeps and self._played and self.records:
            write_save(self._name, make_save(self._played, self._commands, seen.text))
        elif self._keeps and taken_back:
            remove_save(self._name)

    def _watch(self, seen: Observation) -> str:
        """What the agent does, shown with what it thinks of it, when it is time."""
        command = self._agent.act([seen])[0]
        self._think(command, thoughts_of(self._agent, seen.slot))
        try:
            if self._manner.on_enter:
                if input("Enter: go on; q: leave ").strip().lower().startswith("q"):
                    raise Leave
            else:
                time.sleep(self._manner.pace)
        except (EOFError, KeyboardInterrupt):
            raise Leave from None
        self._screen.say(f"> {command}", "bold")
        return command

    def _think(self, command: str, thoughts: Sequence[Thought]) -> None:
        if not thoughts:
            return
        if self._screen.plain:
            self._screen.say(in_words(thoughts, command))
        else:
            self._screen.draw(bars(thoughts, command, width=self._screen.width, unicode=self._screen.unicode), r"^> .*")

    def _draw(self, whole: bool) -> None:
        screen = self._screen
        if screen.plain:
            screen.say(tell_map(self.chart) if whole else tell_map(self.chart).split("\n")[1])
            return
        height = 200 if not screen.console.is_terminal else screen.height - (3 if whole else _PROMPT_LINES)
        screen.draw(draw_map(self.chart, width=screen.width - 1, height=max(6, height), unicode=screen.unicode,
                             whole=whole), HERE)

    # -- orders ----------------------------------------------------------------------------------------------------

    def _help(self, order: Order, seen: Observation) -> None:
        column = self._table.command_index.get("help")
        told = "" if column is None else self._table.texts[self._table.feedback[self._state(), column]]
        self._screen.say(help_page(told, self._table.commands))

    def _map(self, order: Order, seen: Observation) -> None:
        self._draw(whole=True)

    def _hint(self, order: Order, seen: Observation) -> None:
        at, often = self._hinted
        often = often + 1 if at == len(self.records) else 1
        self._hinted = len(self.records), often
        way = self._table.shortest_way(self._state())
        if way:
            self.hints += 1
            end = ", and you have won" if len(way) <= often and often > 1 else ""
            self._screen.say(f"Hint: {', then '.join(way[:often])}{end}", "italic")
        else:
            self._screen.say("Hint: no shortest way is known." if self._table.live else
                             "Hint: there is no way to win from here.", "italic")

    def _undo(self, order: Order, seen: Observation) -> None:
        if not self.records:
            raise TextmazeError("There is nothing to take back: you have not done anything yet.")
        self.undone += 1
        self._play_again(self._commands[:-1], f"Taken back: {self._commands[-1]}")
        raise Leave

    def _restart(self, order: Order, seen: Observation) -> None:
        self._play_again([], "You begin again.")
        raise Leave

    def _save(self, order: Order, seen: Observation) -> None:
        if self._played is None:
            raise TextmazeError("This game cannot be saved, as it has no name by which it is found again.")
        name = order.words[0] if order.words else f"{self._name}-saved"
        write_save(name, make_save(self._played, self._commands, self.records[-1].feedback if self.records else ""))
        back = f"restore {name}" if order.words else "restore"
        self._screen.say(f"Saved. To come back to this moment: {back}; from outside: textmaze play --resume {name}")

    def _restore(self, order: Order, seen: Observation) -> None:
        name = order.words[0] if order.words else f"{self._name}-saved"
        save = read_save(name)
        if save.played != self._played:
            raise TextmazeError(f"{name} is of another game, {save.source}, seed {save.seed}. To go on with it, leave "
                                f"this one and type: textmaze play --resume {name}")
        self._play_again(save.commands, f"Restored: {name}, after {_steps(len(save.commands))}.", save.read)
        raise Leave

    def _score(self, order: Order, seen: Observation) -> None:
        taken, most = len(self.records), step_limit(self.game, self.seed)
        points = sum(record.reward for record in self.records)
        rooms = len({id(room) for room in self.chart.rooms.values()})
        self._screen.say(f"{_steps(taken)} taken of at most {most}, {rooms} room{'' if rooms == 1 else 's'} seen, "
                         f"{points:g} point{'' if points == 1 else 's'}.\n{seen.objective}")

    def _advise(self, order: Order, seen: Observation) -> None:
        from textmaze.catalog import make_agent

        name = order.words[0] if order.words else ADVISER
        if name == "human":
            raise TextmazeError("That is you. Name another agent, for instance: advise explorer.")
        with self._screen.console.status(f"{name} thinks"):  # nothing where nobody looks on
            if name not in self._advisers:
                self._advisers[name] = make_agent(name, {}, 0, self._manner.code)[1]
            told = replace(seen, best_command=self._table.best_command(self._state()))
            advice = advise(self._advisers[name], self._understood(), told)
        room = next((one.room for one in advice.thoughts if one.command == advice.command), "")
        self._screen.say(f"{name} would: {advice.command}" + (f" (it expects: {room})" if room else ""))
        self._think(advice.command, advice.thoughts)

    def _transcript(self, order: Order, seen: Observation) -> None:
        self._screen.say(self._recording.told(order.words, self.records))

    def _quit(self, order: Order, seen: Observation) -> None:
        raise Leave

    # -- what they share -------------------------------------------------------------------------------------------

    @property
    def _commands(self) -> list[str]:
        return [record.command for record in self.records]

    @property
    def _keeps(self) -> bool:
        return self._manner.kept and self._played is not None

    @property
    def _name(self) -> str:
        """By which the game is kept where nobody names it."""
        split = "" if self.split == "train" else f"-{self.split}"
        return f"{safe_name(self.game.name)}-{self.seed}{split}"

    def _state(self) -> int:
        """Of the table, after the commands so far."""
        state = self._table.start
        for command in self._commands:
            state = take_step(self._table, state, command)[0]
        return state

    def _understood(self) -> list[StepRecord]:
        """The steps whose command meant something, with this command in its own words."""
        meant = [(record, read(record.command, self._table.commands, record.before.admissible).command)
                 for record in self.records]
        return [replace(record, command=command) for record, command in meant if command]

    def _play_again(self, commands: Sequence[str], news: str, expected: str = "") -> None:
        self._replay, self._news, self._read, self.again = list(commands), news, expected, True


def _steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"
