"""Whole reports of the gold set are parted at their conclusion and checked as drafts."""

import json
from pathlib import Path

from evaluation.planted.errors import Draft
from evaluation.planted.gold import draft_alarms, gold_drafts, report_alarms


def write_gold(folder: Path, *texts: str) -> None:
    lines = [json.dumps({"id": f"r{number}", "text": text, "facts": []}) for number, text in enumerate(texts)]
    (folder / "reports.jsonl").write_text("\n".join(lines), encoding="utf-8")


def test_only_reports_with_both_sections_are_drafts(tmp_path: Path) -> None:
    write_gold(tmp_path, "- BÓNG TIM TO\nKẾT LUẬN: BÓNG TIM TO", "- BÓNG TIM TO", "KL: Bóng tim to.")

    assert dict(gold_drafts(tmp_path)) == {"r0": Draft("- BÓNG TIM TO", "BÓNG TIM TO")}


def test_an_alarm_is_counted_with_its_codes(tmp_path: Path) -> None:
    write_gold(tmp_path, "Bóng tim to.\nKL: Bóng tim to.", "Bóng tim to.\nKết luận: lao phổi.")

    assert draft_alarms(tmp_path) == {"num": 2, "num_alarmed": 1, "codes": {"r1": ["dropped", "unsupported"]}}


def test_a_whole_report_is_checked_as_one_section_too(tmp_path: Path) -> None:
    write_gold(tmp_path, "Bóng tim to. Bóng tim không to.", "Bóng tim to.")

    assert report_alarms(tmp_path) == {"num": 2, "num_alarmed": 1, "codes": {"r0": ["contradicts-itself"]}}
