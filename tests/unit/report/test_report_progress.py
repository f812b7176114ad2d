"""The progress bar: only for people, only when it takes long."""

from __future__ import annotations

import io

import pytest

from jalousie.report.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def _run(stream: io.StringIO, *times: float, done: float = 0.5, text: str = "searching") -> str:
    clock = Clock()
    with Progress(stream, clock) as progress:
        for clock.now in times:
            progress(done, text)
    return stream.getvalue()


def test_short_work_shows_nothing() -> None:
    assert _run(Terminal(), 0.2, 0.9) == ""


def test_long_work_shows_a_bar_and_leaves_the_line_empty() -> None:
    shown = _run(Terminal(), 0.5, 1.5)
    assert shown.count("50%") == 1
    assert "searching" in shown
    assert shown.endswith("\r\x1b[K")


def test_it_draws_ten_times_a_second_at_most() -> None:
    assert _run(Terminal(), *(1 + i / 1000 for i in range(1000))).count("searching") == 10


def test_a_file_or_pipe_gets_nothing() -> None:
    assert _run(io.StringIO(), 1.5, 3) == ""


def test_a_dumb_terminal_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert _run(Terminal(), 2) == ""


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[36m" in _run(Terminal(), 2)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[36m" not in _run(Terminal(), 2)


@pytest.mark.parametrize(("done", "told"), [(-1, " 0%"), (7, "100%"), (0.25, "25%")])
def test_shares_are_kept_in_range(done: float, told: str) -> None:
    assert told in _run(Terminal(), 2, done=done)


def test_text_is_cut_to_the_line_and_cannot_steer_the_terminal() -> None:
    shown = _run(Terminal(), 2, text="\x1b[2J" + "x" * 500)
    assert "\x1b[2J" not in shown
    assert shown.count("x") < 60


def _fail(stream: io.StringIO, clock: Clock) -> None:
    with Progress(stream, clock) as progress:
        clock.now = 2
        progress(0.1, "searching")
        raise ValueError("stop")


def test_an_error_inside_leaves_the_line_empty() -> None:
    stream = Terminal()
    with pytest.raises(ValueError, match="stop"):
        _fail(stream, Clock())
    assert stream.getvalue().endswith("\r\x1b[K")
