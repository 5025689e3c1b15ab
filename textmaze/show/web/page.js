"use strict";
// Shows the episodes in the element `data`. Whatever comes from there is put on the screen as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const texts = data.texts;
  const byId = (id) => document.getElementById(id);
  const WORD = /^[\p{L}\p{N}']+$/u;  // what does not part two words
  const MOST_WORDS = 8;
  const MOST_EXPECTED = 5;
  const STEP_MS = 900;
  const SOURCES = {
    description: "the place", inventory: "what it carries", objective: "the objective", told: "what is told of the ways",
    place: "places it remembers", note: "its notes", command: "the commands themselves",
  };
  let episode, moves, position, timer, redraws;

  const signed = (value) => (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(3);
  const number = (value) => (value < 0 ? "\u2212" : "") + Math.abs(value).toFixed(3);

  // -- over time -------------------------------------------------------------------------------------------------

  function series() {
    const best = episode.thoughts.map((thought) => {
      const values = thought ? thought.weighed.map((one) => one[1]).filter((value) => value !== null) : [];
      return values.length ? Math.max(...values) : null;
    });
    let sum = 0;
    const rewards = [0, ...episode.rewards.map((reward) => (sum += reward))];
    const left = episode.distance.map((steps) => (steps < 0 ? null : steps));
    return [["best value", best, number], ["potential", episode.potentials, signed],
      ["fewest commands left", left, String], ["reward so far", rewards, (value) => String(Number(value.toFixed(3)))],
    ].filter(([, values]) => values.some((value) => value !== null));
  }

  function drawTime() {
    const update = series().map(([name, values, say]) => {
      const known = values.filter((value) => value !== null);
      const [low, high] = [Math.min(0, ...known), Math.max(...known, 1e-9)];
      const x = (step) => (100 * step) / Math.max(1, moves);
      const y = (value) => 22 - (20 * (value - low)) / (high - low || 1);
      const points = values.flatMap((value, step) => (value === null ? [] : [`${x(step)},${y(value)}`]));
      const cursor = shape("line", { y1: 0, y2: 24, class: "cursor" });
      const svg = shape("svg", { viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" },
        shape("line", { x1: 0, x2: 100, y1: y(0), y2: y(0), class: "zero" }),
        shape("polyline", { points: points.join(" "), class: "curve" }), cursor);
      const now = element("output", {});
      const row = element("div", { className: "series" }, element("span", { textContent: name }), svg, now);
      const scrub = (event) => {
        const box = svg.getBoundingClientRect();
        if (event.buttons) go(Math.round((moves * (event.clientX - box.left)) / box.width));
      };
      svg.addEventListener("pointerdown", scrub);
      svg.addEventListener("pointermove", scrub);
      return [row, () => {
        cursor.setAttribute("x1", x(position));
        cursor.setAttribute("x2", x(position));
        const value = values[position];
        now.textContent = value === null || value === undefined ? "\u2013" : say(value);
      }];
    });
    byId("time").replaceChildren(...update.map(([row]) => row));
    redraws.push(...update.map(([, show]) => show));
  }

  // -- the text, and what was thought of it -----------------------------------------------------------------------

  function words(marks, description) {
    const found = [];
    for (const [start, end, weight] of marks) {
      const last = found[found.length - 1];
      if (last && last.end === start && WORD.test(description.slice(start - 1, start + 1))) Object.assign(last, { end, weight: last.weight + weight });
      else found.push({ start, end, weight });
    }
    return found.map((word) => ({ ...word, text: description.slice(word.start, word.end) }));
  }

  function showText(thought) {
    const [text, description, inventory] = episode.seen[position].map((index) => texts[index]);
    const found = thought && thought.words ? words(thought.words.marks, description) : [];
    const most = Math.max(...found.map((word) => Math.abs(word.weight)), 1e-9);
    const marked = [];
    let end = 0;
    for (const word of found) {
      const piece = element("mark", { className: word.weight < 0 ? "against" : "for", title: signed(word.weight), textContent: word.text });
      piece.style.setProperty("--strength", `${Math.round((70 * Math.abs(word.weight)) / most)}%`);
      marked.push(description.slice(end, word.start), piece);
      end = word.end;
    }
    marked.push(description.slice(end));
    const stands = text.indexOf(description);
    byId("text").replaceChildren(...(stands < 0 || !description
      ? [text, element("div", { className: "around" }, ...marked)]
      : [text.slice(0, stands), ...marked, text.slice(stands + description.length)]));
    byId("text").classList.toggle("headed", text.startsWith("-= "));
    byId("inventory").textContent = inventory;
    byId("inventory").hidden = !inventory;
    byId("did").textContent = position ? `> ${texts[episode.commands[position - 1]]}` : "The episode begins.";
    return found;
  }

  function bar(name, value, low, high, says, note, className) {
    const fill = element("span", { className: "fill" });
    const zero = (100 * (0 - low)) / (high - low || 1);
    const reach = (100 * Math.abs(value ?? 0)) / (high - low || 1);
    fill.style.left = `${value < 0 ? zero - reach : zero}%`;
    fill.style.width = `${reach}%`;
    const track = element("span", { className: "track" }, fill);
    track.setAttribute("aria-hidden", "true");
    const row = element("li", { className }, element("span", { className: "label", textContent: name }), track,
      element("span", { className: "value", textContent: says }));
    if (note) row.append(element("span", { className: "note", textContent: note }));
    return row;
  }

  function showWeighed(thought) {
    byId("weighed-card").hidden = !episode.thoughts.some(Boolean);
    const all = episode.thoughts.flatMap((one) => (one ? one.weighed.map((each) => each[1]) : [])).filter((value) => value !== null);
    const [low, high] = [Math.min(0, ...all), Math.max(0, ...all)];
    const rows = thought ? [...thought.weighed].sort((a, b) => (b[1] ?? -Infinity) - (a[1] ?? -Infinity)) : [];
    byId("weighed").replaceChildren(...rows.map(([command, value, aim, steps, note]) => {
      const chosen = command === thought.chosen;
      const then = steps ? `to ${texts[aim]}, ${count(steps, "step")} on` : "";
      const why = value === null ? "not thought of" : [then, texts[note]].filter(Boolean).join(": ");
      return bar(texts[command], value, low, high, value === null ? "\u2013" : number(value), why + (chosen ? " (chosen)" : ""),
        chosen ? "chosen" : "");
    }));
    byId("going-on").textContent = thought && thought.going_on ? "It followed the plan that it had made before."
      : position === moves ? "The episode has ended; nothing is left to choose." : "";
  }

  function showWords(thought, found) {
    byId("words-card").hidden = !episode.thoughts.some((one) => one && one.words);
    const why = thought && thought.words;
    for (const id of ["words", "shares"]) byId(id).replaceChildren();
    byId("gap").textContent = "";
    byId("words-lead").textContent = position === moves ? "The episode has ended; nothing is left to choose."
      : why ? `What moved it towards "${texts[why.best]}", and what towards "${texts[why.second]}":` : "There was only one thing to do.";
    if (!why) return;
    const top = [...found].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, MOST_WORDS);
    byId("words").append(...top.map((word) => element("li", { className: word.weight < 0 ? "against" : "for" },
      element("span", { textContent: word.text }), element("span", { className: "value", textContent: signed(word.weight) }))));
    const shares = Object.entries(why.shares).filter(([, weight]) => Math.abs(weight) >= 0.0005);
    const reach = Math.max(...shares.map(([, weight]) => Math.abs(weight)), 1e-9);
    byId("shares").append(...shares.map(([source, weight]) => bar(SOURCES[source] ?? source, weight, -reach, reach, signed(weight), "",
      weight < 0 ? "against" : "for")));
    byId("gap").textContent = `Integrated gradients: the two values differ by ${signed(why.difference)}, with all texts blank by `
      + `${signed(why.blank)}. The words add up to what lies between, but for a gap of ${signed(why.gap)}.`;
  }

  function showExpected(thought) {
    byId("expected-card").hidden = !episode.thoughts.some((one) => one && one.expected.length);
    const came = position < moves ? episode.seen[position + 1][0] : -1;
    const expected = thought ? thought.expected : [];
    const rows = expected.slice(0, MOST_EXPECTED).map(([text, chance]) => bar(
      texts[text].split("\n", 1)[0], chance, 0, 1, `${(100 * chance).toFixed(1)}%`, text === came ? "this came" : "", text === came ? "chosen" : ""));
    if (rows.length) {
      const known = expected.some(([text]) => text === came);
      const rest = Math.max(0, 1 - expected.reduce((sum, [, chance]) => sum + chance, 0));
      rows.push(bar("a text from elsewhere", rest, 0, 1, `${(100 * rest).toFixed(1)}%`, known ? "" : "this came", known ? "" : "chosen"));
    }
    byId("expected").replaceChildren(...rows);
  }

  function drawLog() {
    byId("log").replaceChildren(...episode.seen.map(([text], step) => {
      const jump = element("button", { type: "button", className: "quiet", textContent: step ? `> ${texts[episode.commands[step - 1]]}` : "The beginning" });
      jump.addEventListener("click", () => go(step));
      return element("li", {}, jump, element("div", { className: "text", textContent: texts[text] }));
    }));
  }

  // -- moving through an episode -----------------------------------------------------------------------------------

  function go(step) {
    position = Math.max(0, Math.min(moves, step));
    const thought = episode.thoughts[position] ?? null;
    redraws.forEach((redraw) => redraw(position));
    showWeighed(thought);
    showWords(thought, showText(thought));
    showExpected(thought);
    byId("scrub").value = position;
    byId("scrub").setAttribute("aria-valuetext", `step ${position} of ${moves}`);
    byId("position").textContent = `${position} / ${moves}`;
    [...byId("log").children].forEach((line, index) => line.classList.toggle("now", index === position));
    for (const [id, end] of [["first", 0], ["back", 0], ["next", moves], ["last", moves]]) byId(id).disabled = position === end;
    if (position === moves) pause();
  }

  function pause() {
    clearInterval(timer);
    timer = undefined;
    byId("play").classList.remove("playing");
    byId("play").setAttribute("aria-label", "Play");
    byId("text").setAttribute("aria-live", "polite");
  }

  function play() {
    if (timer) { pause(); return; }
    if (position === moves) go(0);
    timer = setInterval(() => go(position + 1), STEP_MS / Number(byId("speed").value));
    byId("play").classList.add("playing");
    byId("play").setAttribute("aria-label", "Pause");
    byId("text").setAttribute("aria-live", "off");
  }

  function show(index) {
    pause();
    episode = data.episodes[index];
    moves = episode.commands.length;
    byId("verdict").textContent = episode.verdict;
    byId("scrub").max = moves;
    const [map, moveTo] = drawMap(episode.plan, texts, (step) => go(step));
    byId("map").replaceChildren(map);
    redraws = [moveTo];
    drawTime();
    drawLog();
    go(0);
  }

  function switchTheme() {
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark"
      || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.dataset.theme = dark ? "light" : "dark";
  }

  const KEYS = {
    " ": play, ArrowRight: () => go(position + 1), ArrowLeft: () => go(position - 1), Home: () => go(0), End: () => go(moves),
  };

  byId("theme").addEventListener("click", switchTheme);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "t" || event.key === "T") switchTheme();
    const taken = event.target.closest("select, input, summary") || (event.key === " " && event.target.closest("button"));
    if (!data.episodes.length || taken || !(event.key in KEYS)) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  if (data.left_out) {
    byId("left-out").hidden = false;
    byId("left-out").textContent = `${count(data.left_out, "more episode")} would have made this page too large; a transcript holds all.`;
  }
  if (!data.episodes.length) return;
  byId("viewer").hidden = false;
  byId("pick-label").hidden = data.episodes.length < 2;
  byId("pick").append(...data.episodes.map((one, index) => element("option", { value: index,
    textContent: `${texts.length && data.episodes.every((other) => other.game === one.game) ? "" : `${one.game} `}${one.seed}${one.won ? "" : ", not won"}` })));
  byId("pick").addEventListener("change", (event) => show(Number(event.target.value)));
  for (const [id, does] of [["first", KEYS.Home], ["back", KEYS.ArrowLeft], ["play", play], ["next", KEYS.ArrowRight], ["last", KEYS.End]]) {
    byId(id).addEventListener("click", does);
  }
  byId("scrub").addEventListener("input", (event) => go(Number(event.target.value)));
  byId("speed").addEventListener("change", () => { if (timer) { pause(); play(); } });
  // On a phone the buttons stay within reach of the thumb, as long as there is something of the episode on the screen.
  new IntersectionObserver(([seen]) => byId("transport").classList.toggle("docked", seen.isIntersecting)).observe(byId("viewer"));
  show(0);
})();
