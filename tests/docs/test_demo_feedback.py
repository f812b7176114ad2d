"""The demo of answers, on a part of its data: it learns, is attacked, audited, and reports, and gives nobody away."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from jalousie.report import load_feedback_card, render_feedback_html

DEMO = Path(__file__).resolve().parent.parent.parent / "demo" / "feedback.py"
PEOPLE = 8_000


@pytest.mark.usefixtures("adult_csv", "adult_test_csv")
def test_the_demo_learns_is_attacked_and_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("demo_feedback", DEMO)
    assert spec is not None
    assert spec.loader is not None
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    everybody = demo.prepare
    monkeypatch.setattr(demo, "OUT", tmp_path / "demo")
    monkeypatch.setattr(demo, "EPSILONS", (1.0, 4.0))
    monkeypatch.setattr(demo, "ATTACKED", (4.0,))
    monkeypatch.setattr(demo, "CONTRACT", demo.CONTRACT + "  answer-grid: 0\n")
    monkeypatch.setattr(demo, "prepare", lambda: tuple(table[:PEOPLE] for table in everybody()))
    demo.main()
    out = capsys.readouterr().out

    page = (demo.OUT / "report.html").read_text(encoding="utf-8")
    card = load_feedback_card((demo.OUT / "report.json").read_bytes())
    assert page == render_feedback_html(card)
    assert card.curve is not None
    assert card.curve.baseline is not None
    assert card.curve.central is not None
    assert [point.epsilon for point in card.curve.points] == [1.0, 4.0]
    assert card.curve.baseline < card.curve.points[-1].score < card.curve.central + 0.01
    assert f"{card.curve.points[-1].score:.3f}" in out
    assert len(card.attacks) == 9
    assert all(fact.live and fact.answered for fact in card.attacks)
    assert {check.verdict for check in card.checks} == {"PASS"}
    assert [terms.contract for terms in card.terms] == ["learn-1", "learn-4", "attack-4"]
    assert card.ledger is not None
    assert card.ledger.entries == card.ledger.cosigned > 100
    assert card.ledger.answered >= 2 + sum(fact.answered - fact.replayed for fact in card.attacks)
    assert "the ML party cosigned" in out
    for text in (page, (demo.OUT / "report.json").read_text(encoding="utf-8"), out):
        for secret in ("p00017", ">50K", "&gt;50K", "50K", "Husband", str(tmp_path), "provider.csv"):
            assert secret not in text
