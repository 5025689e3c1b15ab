"use strict";
// The map of an episode, and what draws it: plain functions that know of nothing else on the page.

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function shape(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const count = (many, what) => `${many} ${what}${many === 1 ? "" : "s"}`;

// Draws the plan of an episode. `go` is called with the step to go to when a room is clicked. Gives the drawing, and what
// moves it to a step.
function drawMap({ rooms, ways, goal, at, shut, walkers }, texts, go) {
  let now = 0;
  const floors = [...new Set(rooms.map((room) => room[3]))].sort((a, b) => a - b);
  const north = Math.max(...rooms.map((room) => room[2]));
  const south = Math.min(...rooms.map((room) => room[2]));
  const start = {};
  let width = 0;
  for (const floor of floors) {
    const xs = rooms.filter((room) => room[3] === floor).map((room) => room[1]);
    start[floor] = 10 * (width - Math.min(...xs));
    width += Math.max(...xs) - Math.min(...xs) + 1.6;
  }
  const spot = rooms.map(([, x, y, floor]) => [start[floor] + 10 * x, 10 * (north - y)]);
  const many = floors.length > 1;
  const box = [-6, many ? -11 : -6, 10 * (width - 1.6) + 12, 10 * (north - south) + (many ? 17 : 12)];
  const svg = shape("svg", { viewBox: box.join(" "), role: "img", "aria-labelledby": "map-says" });
  const says = shape("title", { id: "map-says" });
  svg.append(says);
  svg.style.maxWidth = `${box[2] * 9}px`;
  if (many) {
    for (const floor of floors) {
      const left = Math.min(...rooms.flatMap((room, index) => (room[3] === floor ? [spot[index][0]] : [])));
      svg.append(shape("text", { x: left - 3.2, y: -6, class: "floor" }, `floor ${floor - floors[0] + 1}`));
    }
  }
  const bars = ways.map(([a, b, kind, name]) => drawWay(svg, spot[a], spot[b], kind, texts[name], rooms[a][3] - rooms[b][3]));
  const squares = rooms.map(([name], index) => {
    const [x, y] = spot[index];
    const square = shape("rect", { x: x - 3.3, y: y - 3.3, width: 6.6, height: 6.6, rx: 1.5, class: "room" },
      shape("title", {}, texts[name]));
    square.addEventListener("click", () => {
      const visit = at.findIndex((room, step) => room === index && step > now);
      const again = visit < 0 ? at.indexOf(index) : visit;
      if (again >= 0) go(again);
    });
    square.classList.toggle("known", at.includes(index));
    svg.append(square);
    return square;
  });
  for (const [a, b, kind] of ways) if (kind === "stairs") drawStairs(svg, spot[a], spot[b], rooms[a][3] - rooms[b][3]);
  svg.append(shape("circle", { cx: spot[at[0]][0], cy: spot[at[0]][1], r: 2.3, class: "begin" }));
  if (goal >= 0) {
    svg.append(shape("circle", { cx: spot[goal][0], cy: spot[goal][1], r: 1.9, class: "goal" },
      shape("title", {}, `the goal: ${texts[rooms[goal][0]]}`)));
  }
  const trail = svg.appendChild(shape("path", { class: "trail" }));
  const others = walkers.map(([name]) => svg.appendChild(shape("path", { d: "M0-2.2L2.2 0L0 2.2L-2.2 0z", class: "walker" },
    shape("title", {}, texts[name]))));
  const player = svg.appendChild(shape("circle", { r: 1.9, class: "player" }));

  const place = (mark, room) => { mark.style.transform = `translate(${spot[room][0]}px, ${spot[room][1]}px)`; };
  const show = (position) => {
    now = position;
    const here = at[position];
    const seen = new Set(at.slice(0, position + 1));
    squares.forEach((square, room) => {
      square.classList.toggle("seen", seen.has(room));
    });
    trail.setAttribute("d", at.slice(0, position + 1).map((room, step) => {
      const apart = step === 0 || rooms[room][3] !== rooms[at[step - 1]][3];
      return `${apart ? "M" : "L"}${spot[room].join(" ")}`;
    }).join(""));
    bars.forEach((bar, way) => bar && bar.classList.toggle("shut", Boolean(shut.length && shut[position].includes(way))));
    others.forEach((mark, walker) => place(mark, walkers[walker][1][position]));
    place(player, here);
    says.textContent = `Map of ${count(rooms.length, "room")}. The player is in ${texts[rooms[here][0]]}`
      + `${goal < 0 ? "" : here === goal ? ", where the goal is" : `; the goal is in ${texts[rooms[goal][0]]}`}.`;
  };
  return [svg, show];
}

function drawWay(svg, [ax, ay], [bx, by], kind, name, climbs) {
  if (climbs) return null;
  svg.append(shape("line", { x1: ax, y1: ay, x2: bx, y2: by, class: "way" }));
  const turned = `translate(${(ax + bx) / 2} ${(ay + by) / 2}) rotate(${(Math.atan2(by - ay, bx - ax) * 180) / Math.PI})`;
  if (kind === "one_way") {
    svg.append(shape("path", { d: "M-1-1L.9 0L-1 1z", transform: turned, class: "oneway" },
      shape("title", {}, "this way only")));
  }
  if (kind !== "door" && kind !== "gate") return null;
  return svg.appendChild(shape("rect", { x: -0.55, y: -1.9, width: 1.1, height: 3.8, rx: 0.3, transform: turned, class: "bar-mark" },
    shape("title", {}, name)));
}

function drawStairs(svg, a, b, climbs) {
  if (!climbs) return;
  const up = "M-1 .8L0-1L1 .8z";
  const down = "M-1-.8L0 1L1-.8z";
  for (const [[x, y], path, says] of [[a, climbs < 0 ? up : down, climbs < 0 ? "up" : "down"],
    [b, climbs < 0 ? down : up, climbs < 0 ? "down" : "up"]]) {
    const left = says === "up" ? -1.9 : 1.9;
    svg.append(shape("path", { d: path, transform: `translate(${x + left} ${y - 1.9})`, class: "stair" },
      shape("title", {}, `stairs ${says}`)));
  }
}
