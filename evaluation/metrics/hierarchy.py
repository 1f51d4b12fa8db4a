"""Which findings a general term includes: a film that is called normal denies each of them.

Independent of the tables of the check of drafts, because the share of drafts that it objects to is a figure itself.
"""

from serve_app.domain.facts import BONES, DEVICES, LUNGS, Fact, Finding, Location, Side

_F = Finding
COVERS: dict[Finding, frozenset[Finding]] = {
    # "Heart and lungs are normal" is also written beside a calcification, a fracture or a device.
    _F.ABNORMALITY: frozenset(_F) - BONES - DEVICES - {_F.ABNORMALITY, _F.CALCIFICATION, _F.AORTIC_CALCIFICATION},
    # Clear lungs may have wide bronchi, dense hila, congested vessels or too much air.
    _F.LUNG_LESION: LUNGS
    - {_F.LUNG_LESION, _F.CALCIFICATION, _F.HILAR_ENLARGEMENT, _F.BRONCHIAL_THICKENING}
    - {_F.EDEMA, _F.EMPHYSEMA, _F.COPD, _F.BRONCHITIS},
    _F.OPACITY: frozenset({_F.CONSOLIDATION, _F.INFILTRATE}),
    _F.BONE_LESION: frozenset({_F.RIB_FRACTURE, _F.CLAVICLE_FRACTURE}),
    _F.DEVICE: DEVICES - {_F.DEVICE},
}
"""General terms and the findings that they include, besides themselves."""


def denies(denial: Fact, stated: Fact) -> bool:
    """Whether what one fact calls absent includes what another one states."""
    if denial.finding is stated.finding:
        return meet(denial.side, stated.side)
    is_there = meet(denial.side, stated.side) and denial.location in (None, Location.DIFFUSE, stated.location)
    # A general term about one side says nothing of a finding whose side is unknown.
    is_known_there = stated.side is not None or denial.side not in (Side.RIGHT, Side.LEFT)
    return stated.finding in COVERS.get(denial.finding, frozenset()) and is_there and is_known_there


def meet(one: Side | None, other: Side | None) -> bool:
    """Whether two sides have one in common; an unstated side may be any."""
    return one is None or other is None or one is other or Side.BILATERAL in (one, other)
