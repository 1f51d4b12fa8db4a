"""The words of a drawn film: findings and impression as hyphen bullets, and the way back to facts.

Knows only its own grammar; reading free Vietnamese reports is another module's work.
"""

from collections.abc import Collection, Iterator

from training.phantoms.findings import Finding

_POSITIVE = {
    Finding.CONSOLIDATION_RIGHT: "Đám mờ đông đặc phổi phải.",
    Finding.NODULE_RIGHT: "Nốt mờ phổi phải.",
    Finding.CONSOLIDATION_LEFT: "Đám mờ đông đặc phổi trái.",
    Finding.NODULE_LEFT: "Nốt mờ phổi trái.",
    Finding.EFFUSION_RIGHT_SMALL: "Tràn dịch màng phổi phải lượng ít.",
    Finding.EFFUSION_RIGHT_MODERATE: "Tràn dịch màng phổi phải lượng vừa.",
    Finding.EFFUSION_RIGHT_LARGE: "Tràn dịch màng phổi phải lượng nhiều.",
    Finding.EFFUSION_LEFT_SMALL: "Tràn dịch màng phổi trái lượng ít.",
    Finding.EFFUSION_LEFT_MODERATE: "Tràn dịch màng phổi trái lượng vừa.",
    Finding.EFFUSION_LEFT_LARGE: "Tràn dịch màng phổi trái lượng nhiều.",
    Finding.CARDIOMEGALY: "Bóng tim to.",
    Finding.PACEMAKER: "Máy tạo nhịp.",
    Finding.STERNAL_WIRES: "Chỉ thép xương ức.",
}
_CONCLUSION = {
    Finding.CONSOLIDATION_RIGHT: "Đông đặc phổi phải, theo dõi viêm phổi.",
    Finding.NODULE_RIGHT: "Theo dõi nốt mờ phổi phải.",
    Finding.CONSOLIDATION_LEFT: "Đông đặc phổi trái, theo dõi viêm phổi.",
    Finding.NODULE_LEFT: "Theo dõi nốt mờ phổi trái.",
    **{finding: _POSITIVE[finding] for finding in Finding if finding.startswith("effusion")},
    Finding.CARDIOMEGALY: "Tim to.",
    Finding.PACEMAKER: "Còn máy tạo nhịp.",
    Finding.STERNAL_WIRES: "Chỉ thép xương ức sau mổ.",
}
_DEVICES = frozenset({Finding.PACEMAKER, Finding.STERNAL_WIRES})
_NORMAL_CONCLUSION = "Tim phổi trong giới hạn bình thường."

# A report walks these groups in order; where none of a group is seen, its negative line stands.
_GROUPS: tuple[tuple[str, tuple[Finding, ...]], ...] = (
    (
        "Phổi phải sáng, không thấy tổn thương khu trú.",
        (Finding.CONSOLIDATION_RIGHT, Finding.NODULE_RIGHT),
    ),
    (
        "Phổi trái sáng, không thấy tổn thương khu trú.",
        (Finding.CONSOLIDATION_LEFT, Finding.NODULE_LEFT),
    ),
    (
        "Góc sườn hoành phải nhọn.",
        (Finding.EFFUSION_RIGHT_SMALL, Finding.EFFUSION_RIGHT_MODERATE, Finding.EFFUSION_RIGHT_LARGE),
    ),
    (
        "Góc sườn hoành trái nhọn.",
        (Finding.EFFUSION_LEFT_SMALL, Finding.EFFUSION_LEFT_MODERATE, Finding.EFFUSION_LEFT_LARGE),
    ),
    ("Không tràn khí màng phổi.", ()),
    ("Bóng tim không to.", (Finding.CARDIOMEGALY,)),
    ("Trung thất không di lệch.", ()),
    ("Khung xương lồng ngực không thấy bất thường.", ()),
    ("Không thấy dụng cụ cản quang.", (Finding.PACEMAKER, Finding.STERNAL_WIRES)),
)
_FACT_OF_LINE = {line: finding for words in (_POSITIVE, _CONCLUSION) for finding, line in words.items()}


def findings_text(findings: Collection[Finding]) -> str:
    """Write turn 1: every group of the chest in a fixed order, one bullet a line."""
    return _bullets(line for negative, group in _GROUPS for line in _group_lines(negative, group, findings))


def impression_text(findings: Collection[Finding]) -> str:
    """Write turn 2: what follows from the findings, devices last."""
    lines = [_CONCLUSION[finding] for finding in Finding if finding in findings]
    if not set(findings) - _DEVICES:
        lines.insert(0, _NORMAL_CONCLUSION)
    return _bullets(lines)


def findings_of(text: str) -> frozenset[Finding]:
    """Read the positive facts back from findings or impression; a line outside the grammar says nothing."""
    lines = (line.strip().removeprefix("-").strip() for line in text.splitlines())
    return frozenset(_FACT_OF_LINE[line] for line in lines if line in _FACT_OF_LINE)


def is_in_grammar(text: str) -> bool:
    """Tell whether a findings text is one that `findings_text` writes."""
    return text == findings_text(findings_of(text))


def _group_lines(negative: str, group: tuple[Finding, ...], findings: Collection[Finding]) -> list[str]:
    return [_POSITIVE[finding] for finding in group if finding in findings] or [negative]


def _bullets(lines: Iterator[str] | list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
