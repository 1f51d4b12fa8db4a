"""Certificates as an edge forwards them: the last hop's counts, one owner or none."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.access.certificates import Certificate, CertificateAuthenticator, read_xfcc
from serve_app.domain.access import Credentials
from serve_app.domain.call import Principal, Scope
from serve_app.domain.errors import Unauthenticated
from serve_app.settings import ClientCertificatesSettings

PACS = "spiffe://hospital/pacs"
PRINCIPAL = Principal("certificate:pacs", "north", frozenset({Scope.REPORTS_WRITE}))


def of(form: str = "xfcc", **sign: str) -> CertificateAuthenticator:
    """Know one certificate."""
    owner: dict[str, Any] = {"name": "pacs", "tenant": "north", "scopes": ["reports:write"]} | sign
    return CertificateAuthenticator(
        ClientCertificatesSettings.model_validate({"header": "x-client", "form": form, "owners": [owner]})
    )


@pytest.mark.parametrize(
    ("header", "certificate"),
    [
        ('By=spiffe://a;Hash=00;Subject="CN=pacs,O=Hospital";URI=spiffe://b', ("CN=pacs,O=Hospital", "spiffe://b")),
        ("Hash=00;URI=spiffe://b", ("", "spiffe://b")),
        ('Hash=00;Subject="";URI=', ("", "")),
        ('hash=00;SUBJECT="CN=a;b, c"', ("CN=a;b, c", "")),
        ('Hash=00;Subject="CN=a\\",b"', ('CN=a\\",b', "")),
        ('Hash=00;Subject="CN=a\\\\";URI=u', ("CN=a\\\\", "u")),
        ('Subject="CN=first",Subject="CN=last"', ("CN=last", "")),
        ('Subject="CN=first,Subject=\\"CN=no\\"", Hash=0;Subject="CN=last"', ("CN=last", "")),
        ('URI=first;Subject="CN=first",Hash=00', ("", "")),
        ("Hash=00;DNS=a;DNS=b;URI=u", ("", "u")),
    ],
)
def test_the_last_element_is_read(header: str, certificate: tuple[str, str]) -> None:
    assert read_xfcc(header) == Certificate(*certificate)


@pytest.mark.parametrize(
    "header",
    [
        "",
        ",",
        "Subject",
        "=a",
        'Subject="CN=a',
        'Subject="CN=a"b',
        'Subject="CN=a\\"',
        "Subject=a;",
        "Subject=a,",
        ",Subject=a",
        "Subject=a;;URI=b",
        'Subject=a"b',
        "Subject=a;Subject=b",
        "URI=a;URI=b",
        "URI=a;uri=a",
        "Hash=" + "0" * 40_000,
    ],
    ids=lambda header: header[:24],
)
def test_what_is_malformed_or_ambiguous_is_refused(header: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_xfcc(header)


@settings(deadline=None)
@given(hearsay=st.text(st.characters(exclude_characters='"\\', max_codepoint=0x7E, min_codepoint=0x20)))
def test_no_quoted_value_reaches_beyond_its_quotes(hearsay: str) -> None:
    assert read_xfcc(f'Subject="{hearsay}",URI=b') == Certificate("", "b")
    assert read_xfcc(f'Hash=00;Subject="{hearsay}"') == Certificate(hearsay)


@settings(deadline=None)
@given(st.text(st.sampled_from('SubjectURI=";,\\ a')))
def test_any_text_is_read_or_refused(header: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(read_xfcc(header), Certificate)


async def test_a_uri_names_its_owner() -> None:
    known = of(uri=PACS)

    assert await known.authenticate(Credentials(certificate=f"By=x;Hash=00;URI={PACS}")) == PRINCIPAL
    for other in (
        f"URI={PACS}2",
        f"URI={PACS.upper()}",
        f'Subject="{PACS}"',
        f"URI={PACS},Hash=00",
        "URI=",
        "URI=none",
    ):
        with pytest.raises(Unauthenticated):
            await known.authenticate(Credentials(certificate=other))


async def test_a_subject_names_its_owner_character_by_character() -> None:
    known = of(subject="CN=pacs,O=Hospital")

    assert await known.authenticate(Credentials(certificate='Hash=00;Subject="CN=pacs,O=Hospital"')) == PRINCIPAL
    for other in (
        'Subject="CN=pacs\\,O=Hospital"',
        'Subject="O=Hospital,CN=pacs"',
        'Subject="CN=pacs,O=Hospital,C=VN"',
        'Subject=""',
        'Subject="none"',
    ):
        with pytest.raises(Unauthenticated):
            await known.authenticate(Credentials(certificate=other))


async def test_a_header_with_the_subject_alone_is_taken_as_it_is() -> None:
    known = of("subject", subject="CN=pacs,O=Hospital")

    assert await known.authenticate(Credentials(certificate="CN=pacs,O=Hospital")) == PRINCIPAL
    for other in ('Subject="CN=pacs,O=Hospital"', "CN=pacs", ""):
        with pytest.raises(Unauthenticated):
            await known.authenticate(Credentials(certificate=other))


async def test_a_certificate_that_fits_two_owners_opens_nothing() -> None:
    owner = {"name": "pacs", "tenant": "north", "scopes": ["chat"], "uri": PACS}
    other = {"name": "other", "tenant": "south", "scopes": ["chat"], "subject": "CN=pacs"}
    both = CertificateAuthenticator(
        ClientCertificatesSettings.model_validate({"header": "x-client", "owners": [owner, other]})
    )

    assert (await both.authenticate(Credentials(certificate=f"URI={PACS}"))).tenant == "north"
    with pytest.raises(Unauthenticated):
        await both.authenticate(Credentials(certificate=f'Subject="CN=pacs";URI={PACS}'))
