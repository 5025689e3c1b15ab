"""The page: what it shows is what was played and thought, in a real browser, and nothing in it is code or fetched."""

import json
import re
from dataclasses import replace

import pytest
from browser import chromium, opened

from textmaze.catalog import load_game, make_agent
from textmaze.env.rollout import rollout
from textmaze.env.thoughts import Words
from textmaze.errors import TextmazeError
from textmaze.explain import explain
from textmaze.show import page as pages
from textmaze.show.floorplan import floorplan
from textmaze.show.formats import html
from textmaze.show.page import Shown, page
from textmaze.show.transcript import by_episode, make_header, verdict

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)> {{data}} \u2028 \x1b[31m & 'quoted'"


def played(game, agent, seeds, split="test"):
    return list(by_episode(rollout(game, agent, seeds, split=split, slots=4)))


@pytest.fixture(scope="module")
def shown():
    """An episode with all that can be known of one."""
    found = explain(make_agent("bert_q", {"encoder": "hash"}, 0)[1], load_game("labyrinth"), 3, split="test")
    first, *rest = found.thoughts
    description, came = found.records[0].before.description, found.records[0].after.text
    one, two = first.weighed[0].command, first.weighed[-1].command
    words = Words(one, two, 0.5, 0.1, 0.05, ((3, 6, 0.25), (7, 10, -0.1)), {"description": 0.15, "note": 0.2})
    first = replace(first, words=words, expected=((came, 0.75), (description, 0.125)))
    return replace(found, thoughts=[first, *rest], potentials=[0.01 * step for step in range(len(found.records))])


@pytest.fixture(scope="module")
def file(shown, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(page("Labyrinth", {"agent": "bert_q"}, [shown]), "utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


def data(text):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def bars(tab, name):
    parts = [[row.query_selector(part).inner_text() for part in (".label", ".value")]
             for row in tab.query_selector_all(f"#{name} > li")]
    return [(label, value.replace("\u2212", "-")) for label, value in parts]


def test_the_values_shown_are_those_of_the_records(browser, file, shown):
    with opened(browser, file) as tab:
        assert tab.inner_text("#verdict") == verdict(shown.records)
        for number, record in enumerate(shown.records):
            thought = shown.thoughts[number]
            assert tab.input_value("#scrub") == str(number)
            assert "".join(record.before.text.split()) == "".join(tab.text_content("#text").split())
            assert tab.inner_text("#inventory") == record.before.inventory
            values = dict.fromkeys(record.before.choices, "\u2013")
            values |= {one.command: f"{one.value:.3f}" for one in thought.weighed}
            assert dict(bars(tab, "weighed")) == values
            assert tab.inner_text("#weighed .chosen .label") == record.command
            series = {row.query_selector("span").inner_text(): row.query_selector("output").inner_text()
                      for row in tab.query_selector_all(".series")}
            assert series["fewest commands left"] == str(record.distance)
            assert series["potential"] == f"{shown.potentials[number]:+.3f}"
            tab.keyboard.press("ArrowRight")
            assert tab.inner_text("#did") == f"> {record.command}"
        assert tab.text_content("#text").startswith(shown.records[-1].after.text)
        assert tab.is_disabled("#next")


def test_words_that_mattered_and_what_was_expected_are_those_of_the_thoughts(browser, file, shown):
    with opened(browser, file) as tab:
        description = shown.records[0].before.description
        marks = {mark.inner_text(): mark.get_attribute("title") for mark in tab.query_selector_all("#text mark")}
        assert marks == {description[3:6].strip(): "+0.250", description[7:10].strip(): "\u22120.100"}
        assert bars(tab, "shares") == [("the place", "+0.150"), ("its notes", "+0.200")]
        assert "gap of +0.050" in tab.inner_text("#gap")
        expected = bars(tab, "expected")
        assert [chance for _, chance in expected] == ["75.0%", "12.5%", "12.5%"]
        assert "this came" in tab.inner_text("#expected .chosen")


def test_buttons_keys_slider_and_curves_move_through_the_episode(browser, file, shown):
    end = str(len(shown.records))
    with opened(browser, file) as tab:
        def at():
            return tab.input_value("#scrub")

        tab.click("#next")
        assert at() == "1"
        tab.click("#last")
        assert at() == end
        tab.click("#back")
        tab.click("#first")
        assert at() == "0"
        tab.keyboard.press("End")
        assert at() == end
        tab.keyboard.press("Home")
        assert at() == "0"
        tab.fill("#scrub", "2")
        assert tab.inner_text("#position") == f"2 / {end}"
        box = tab.query_selector(".series svg").bounding_box()
        tab.mouse.click(box["x"] + box["width"] - 1, box["y"] + 5)
        assert at() == end
        tab.click("summary")
        tab.click("#log li:nth-child(3) button")
        assert at() == "2"


def test_it_plays_and_pauses_by_button_and_by_key(browser, file, shown):
    from playwright.sync_api import expect

    end = str(len(shown.records))
    with opened(browser, file) as tab:
        tab.select_option("#speed", "4")
        tab.click("#play")
        assert tab.get_attribute("#play", "aria-label") == "Pause"
        position = tab.locator("#position")
        expect(position).not_to_have_text(f"0 / {end}")
        tab.click("#play")
        assert tab.get_attribute("#play", "aria-label") == "Play"
        tab.keyboard.press("Home")
        tab.evaluate("document.activeElement.blur()")
        tab.keyboard.press(" ")
        expect(position).to_have_text(f"{end} / {end}", timeout=60_000)
        assert tab.get_attribute("#play", "aria-label") == "Play"


def test_the_player_is_drawn_in_the_room_where_it_is(browser, file, shown):
    with opened(browser, file) as tab:
        for place in shown.plan.at[:4]:
            room = tab.query_selector_all(".room")[place]
            assert "seen" in room.get_attribute("class")
            assert room.query_selector("title").text_content() == shown.plan.names[place]
            x, y = (float(room.get_attribute(name)) + 3.3 for name in ("x", "y"))
            drawn = re.findall(r"-?[\d.]+", tab.query_selector(".player").evaluate("mark => mark.style.transform"))
            assert list(map(float, drawn)) == pytest.approx([x, y])
            tab.keyboard.press("ArrowRight")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_follows_the_system_and_switches(browser, file, theme):
    with opened(browser, file, theme=theme) as tab:
        def ground():
            return tab.evaluate("getComputedStyle(document.body).backgroundColor")

        at_first = ground()
        tab.click("#theme")
        assert ground() != at_first
        tab.keyboard.press("t")
        assert ground() == at_first
        assert (at_first == "rgb(18, 21, 26)") == (theme == "dark")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_it_fits_desktop_and_phone_and_looks_the_part(browser, file, tmp_path, width, height):
    with opened(browser, file, width, height) as tab:
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        for name in ("#map", "#play", "#text"):
            box = tab.query_selector(name).bounding_box()
            assert 0 <= box["x"] <= box["x"] + box["width"] <= width
        play = tab.query_selector("#play").bounding_box()
        assert play["y"] + play["height"] <= height  # within reach without scrolling
        tab.screenshot(path=tmp_path / "page.png")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_has_a_label_and_enough_contrast(browser, file, theme):
    with opened(browser, file, theme=theme) as tab:
        unnamed = tab.evaluate("""[...document.querySelectorAll('button, input, select, svg[role=img]')].filter(one =>
            !(one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.textContent.trim()
              || (one.labels && one.labels.length))).map(one => one.outerHTML)""")
        assert unnamed == []
        colours = {name: tab.evaluate("""name => {
            const probe = document.body.appendChild(document.createElement('i'));
            probe.style.color = `var(--${name})`;
            const found = getComputedStyle(probe).color;
            probe.remove();
            return found;
        }""", name) for name in ("card", "ground", "ink", "soft", "accent", "on-accent")}
        for front, back in [("ink", "card"), ("soft", "card"), ("soft", "ground"), ("accent", "card"),
                            ("on-accent", "accent")]:
            assert contrast(colours[front], colours[back]) >= 4.5, (front, back)


def contrast(one, two):
    """By the Web Content Accessibility Guidelines, which ask for 4.5."""
    def light(colour):
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((light(one), light(two)))
    return (high + 0.05) / (low + 0.05)


def test_what_a_game_says_is_never_markup_or_code(browser, tmp_path):
    game = load_game("corridor")
    records = played(game, make_agent("walkthrough", {}, 0)[1], [0])[0]
    records = [replace(record, command=EVIL, game=EVIL, before=replace(record.before, text=EVIL, inventory=EVIL),
                       after=replace(record.after, text=EVIL, description=EVIL)) for record in records]
    path = tmp_path / "evil.html"
    path.write_text(page(EVIL, {EVIL: EVIL}, [Shown(records, floorplan(None, records))]), "utf-8")
    assert "\x1b" not in path.read_text("utf-8")
    with opened(browser, path) as tab:
        tab.keyboard.press("End")
        assert tab.query_selector("img") is None
        assert len(tab.query_selector_all("script")) == 2
        assert "<img src=x onerror=alert(2)> {{data}}" in tab.text_content("#text")


def test_a_page_of_a_transcript_has_all_episodes_and_no_thoughts(browser, tmp_path):
    game = load_game("tower")
    header = make_header(game, source="tower", split="test", agent="explorer", seeds=range(3))
    episodes = played(game, make_agent("explorer", {}, 0)[1], range(3))
    path = tmp_path / "walks.html"
    path.write_text("".join(html.write(episodes, header)), "utf-8")
    with opened(browser, path) as tab:
        for number, episode in enumerate(episodes):
            tab.select_option("#pick", str(number))
            assert tab.inner_text("#verdict") == verdict(episode)
        assert not tab.is_visible("#weighed-card")
        assert not tab.is_visible("#words-card")
        assert len(tab.query_selector_all(".floor")) > 1


def test_the_same_episodes_give_the_same_bytes_and_unknown_games_are_drawn_too():
    game = load_game("corridor")
    header = make_header(game, source="gone.toml", split="test", agent="explorer", seeds=[0])
    episodes = played(game, make_agent("explorer", {}, 0)[1], [0])
    assert list(html.write(episodes, header)) == list(html.write(iter(episodes), header))
    (episode,) = data("".join(html.write(episodes, header)))["episodes"]
    assert len(episode["seen"]) == len(episodes[0]) + 1


def test_a_page_is_bounded_and_says_how_much_was_left_out(monkeypatch):
    game = load_game("labyrinth")
    episodes = [Shown(records, floorplan(game, records))
                for records in played(game, make_agent("explorer", {}, 0)[1], range(4))]
    whole = len(json.dumps(data(page("all", {}, episodes))))
    monkeypatch.setattr(pages, "MOST_BYTES", whole // 2)
    found = data(page("all", {}, episodes))
    assert 0 < len(found["episodes"]) < 4
    assert found["left_out"] == 4 - len(found["episodes"])
    monkeypatch.setattr(html, "MOST_EPISODES", 1)
    header = make_header(game, source="labyrinth", split="test", agent="explorer", seeds=range(4))
    assert data("".join(html.write([list(one.records) for one in episodes], header)))["left_out"] == 3
    monkeypatch.setattr(pages, "MOST_BYTES", 100)
    with pytest.raises(TextmazeError, match="Not even the first episode fits"):
        page("all", {}, episodes)
