"""How far a negation or an uncertainty reaches through a clause."""

import re
from dataclasses import dataclass, field
from itertools import zip_longest

from serve_app.domain.facts import LUNG_SIGNS, PLEURA, Finding, Polarity, Side
from serve_app.facts.cues import Cue, Kind
from serve_app.facts.mentions import Mention
from serve_app.facts.normality import NO
from serve_app.facts.phrases import FRACTURES, Phrase, begins_statement, end_of
from serve_app.facts.terms import without_captures

# "Clear", "can be seen".
_OUT_OF_SIGHT = re.compile(r"rõ|(?:thấy|quan sát) được")
# "Both effusion and pneumothorax are absent".
_OF_ALL = re.compile(r"(?<!\w)đều $")
_IN_PLACE = re.compile(r" (?:ở |nằm )?(?:đúng vị trí|tại chỗ)")
# "..., now not any more".
_NOT_ANY_MORE = re.compile(r" ?(?:hiện(?: tại| nay)?|nay|đến nay)? (?:không (?:thấy )?còn|(?:đã )?hết)")
# Of the doubts those that stand behind their finding, and what may follow a cue there: "to first of all".
_DOUBT_BEHIND = re.compile(r"(?:(?:không|chưa).*trừ|loại trừ|hay |(?:được )?nghĩ|nghi ngờ)")
_NOTHING_MORE = re.compile(r"(?: (?:đến|tới|đầu tiên|nhiều|hơn|nhất|được))*\W*")
_NOT = re.compile(r"(?<!\w)(?:không|chưa)(?!\w)")
_NO_LESION = re.compile(without_captures(f"{NO} (gì )?(các )?(điều )?(tổn thương|bất thường)"))
_TURNS: dict[Kind, Polarity | None] = {
    Kind.NEGATIVE: Polarity.ABSENT,
    Kind.REMOVED: Polarity.ABSENT,
    Kind.UNSEEN: None,
    Kind.UNCERTAIN: Polarity.UNCERTAIN,
    Kind.DOUBT: Polarity.UNCERTAIN,
}
# What a list goes on with that begins with "no lesion of the lungs", "no lesion of the bones".
_LESIONS = {Finding.LUNG_LESION: LUNG_SIGNS | PLEURA, Finding.BONE_LESION: FRACTURES}


def judge(clause: str, phrases: list[Phrase]) -> list[Mention]:
    """Give each mention of a clause its polarity, and return the mentions in reading order."""
    reading = _Reading(clause)
    for before, phrase, after in zip_longest([Phrase(), *phrases[:-1]], phrases, phrases[1:]):
        reading.read(before, phrase, after)
    return reading.judged


@dataclass(slots=True)
class _Reading:
    """The state that is carried from phrase to phrase; `listed` is what the running list named so far.

    A polarity that is null is that of what cannot be judged.
    """

    clause: str
    judged: list[Mention] = field(default_factory=list)
    listed: list[Mention] = field(default_factory=list)
    polarity: Polarity | None = Polarity.PRESENT
    turned_by: Kind | None = None
    is_past_comma: bool = False
    is_unseen: bool = False

    def read(self, before: Phrase, phrase: Phrase, after: Phrase | None) -> None:
        """Follow the cue of a phrase, then judge its mentions."""
        cue, kind = phrase.opened_by, phrase.kind
        if kind is Kind.BUT or (kind is Kind.POSITIVE and self.is_past_comma) or self._is_told_why(cue):
            self._begin(Polarity.PRESENT)
        elif cue is not None and cue.kind in _TURNS:
            if self.judged and _looks_back(self.clause, before, phrase, after):
                self._look_back(cue, before)
                return
            self._turn(cue)
        if kind is Kind.OR and self.polarity is Polarity.PRESENT and phrase.mentions and before.mentions:
            self._leave_open(before.mentions[-1])
        self.is_past_comma = not phrase.is_before_or and (
            kind is Kind.COMMA or (self.is_past_comma and kind in (Kind.JOIN, Kind.OR))
        )
        if kind in (Kind.COMMA, Kind.JOIN, Kind.OR) and (denied := _denied_at_end(self.clause, before, kind)):
            self._begin(Polarity.ABSENT, denied)
            self.is_past_comma = kind is not Kind.OR
        self._judge(phrase)

    def _is_told_why(self, cue: Cue | None) -> bool:
        """Whether what cannot be judged is followed by the reason: "hidden by an effusion"."""
        return self.polarity is None and cue is not None and self.clause[cue.start : cue.end] in ("do", "bởi")

    def _begin(self, polarity: Polarity | None, *listed: Mention, turned_by: Kind | None = None) -> None:
        self.polarity, self.listed, self.turned_by = polarity, [*listed], turned_by

    def _turn(self, cue: Cue) -> None:
        """Negate or doubt what follows; a suspicion inside a negated list stays negated ("không thấy nốt nghi u")."""
        if cue.kind is Kind.UNCERTAIN and self.polarity is Polarity.ABSENT and not self.is_past_comma:
            return
        self._begin(_TURNS[cue.kind], turned_by=cue.kind)
        self.is_unseen = cue.kind is Kind.UNSEEN or _OUT_OF_SIGHT.search(self.clause, cue.start, cue.end) is not None

    def _leave_open(self, one: Mention) -> None:
        """Doubt both of "pneumonia or collapse"."""
        if not one.is_normality:
            one.polarity = Polarity.UNCERTAIN
            self._begin(Polarity.UNCERTAIN, one, turned_by=Kind.OR)

    def _look_back(self, cue: Cue, before: Phrase) -> None:
        num_back = 1 if cue.kind is Kind.DOUBT else max(1, len(before.mentions))
        if _OF_ALL.search(self.clause, 0, cue.start):
            num_back = len(self.listed)
        polarity = _TURNS[cue.kind]
        if polarity is None:
            del self.judged[-num_back:]
            return
        for mention in self.judged[-num_back:]:
            mention.polarity = polarity

    def _judge(self, phrase: Phrase) -> None:
        for index, mention in enumerate(phrase.mentions):
            if index == 0 and self.is_past_comma and self._is_new_statement(phrase, mention):
                self._begin(Polarity.PRESENT)
            if self.turned_by is Kind.REMOVED and not mention.finding.is_device:
                self._begin(Polarity.PRESENT)
            polarity = Polarity.ABSENT if mention.is_normality else self.polarity
            if polarity is not None:
                mention.polarity = polarity
                # "No clear effusion" denies one of any amount.
                mention.severity = None if polarity is Polarity.ABSENT else mention.severity
                self.judged.append(mention)
            if not mention.is_normality:
                self.listed.append(mention)

    def _is_new_statement(self, phrase: Phrase, mention: Mention) -> bool:
        """Whether a finding after a comma states something of its own instead of going on with the list."""
        is_subject = begins_statement(self.clause, phrase)
        last = self.listed[-1] if self.listed else None
        if last is None:
            # No finding is negated so far, perhaps only a view: "không thấy rõ vòm hoành, ...".
            return self.is_unseen or is_subject or self._adds_detail(mention)
        return (
            (is_subject and mention.start > last.end)
            or (last.is_normality and mention.finding not in _LESIONS.get(last.finding, ()))
            or (mention.finding.is_device and not last.finding.is_device)
            or (mention.finding.is_device and _IN_PLACE.match(self.clause, mention.end) is not None)
            or any(item.finding is mention.finding and item.side is not mention.side for item in self.listed)
            or self._adds_detail(mention)
        )

    def _adds_detail(self, mention: Mention) -> bool:
        """Whether it has an amount, a place or a single side while the rest of the list has none."""
        return (
            (mention.severity is not None and all(item.severity is None for item in self.listed))
            or (mention.location is not None and all(item.location is None for item in self.listed))
            or (
                mention.side in (Side.RIGHT, Side.LEFT)
                and all(item.side is None or item.is_normality for item in self.listed)
            )
        )


def _denied_at_end(clause: str, phrase: Phrase, goes_on_by: Kind) -> Mention | None:
    """Give the "no lesion" at a phrase's end, whose negation a list may go on with; "or" goes on with any other."""
    last = phrase.mentions[-1] if phrase.mentions else None
    if last is None or not last.is_normality:
        return None
    denial = _NOT if goes_on_by is Kind.OR else _NO_LESION
    goes_on = denial is _NOT or last.finding in _LESIONS
    return last if goes_on and denial.search(clause, last.start, last.end) else None


def _looks_back(clause: str, before: Phrase, phrase: Phrase, after: Phrase | None) -> bool:
    """Whether a cue stands behind its finding ("tràn dịch: không", "viêm phổi?")."""
    cue = phrase.opened_by
    if cue is None or phrase.mentions:
        return False
    is_afterthought = before.kind is Kind.COMMA and _NOT_ANY_MORE.match(clause, before.start)
    if not before.mentions and not is_afterthought:
        return False
    if cue.kind is Kind.UNCERTAIN and not _DOUBT_BEHIND.match(clause, cue.start):
        return False
    return _NOTHING_MORE.fullmatch(clause, cue.end, end_of(clause, after)) is not None
