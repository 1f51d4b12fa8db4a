"""A report may be made from several images; each has its view, and one film goes as it always went."""

import httpx
import pytest

from serve_app.domain.study import ImageRole, StudyImage, View
from serve_app.settings import GatewaySettings
from tests.api.conftest import Door, open_door


async def post(door: Door, files: list[tuple[str, bytes]], **fields: str | list[str]) -> httpx.Response:
    async with door.client() as client:
        parts = [(name, ("film", data)) for name, data in files]
        return await client.post("/v1/reports", files=parts, data=fields)


async def test_images_go_to_the_reporter_in_their_order_with_their_views(door: Door) -> None:
    response = await post(door, [("images", b"frontal"), ("images", b"side")], views=["PA", "lateral"], confirm="true")

    [(_, study, _)] = door.reporter.asked
    assert response.status_code == 200
    assert study.images == (
        StudyImage(b"frontal", View.PA, ImageRole.CURRENT, is_confirmed=True),
        StudyImage(b"side", View.LATERAL, ImageRole.CURRENT, is_confirmed=True),
    )


async def test_views_may_be_left_out_or_blank(door: Door) -> None:
    await post(door, [("images", b"one"), ("images", b"two")])
    await post(door, [("images", b"one"), ("images", b"two")], views=["", "AP"])

    assert [[image.view for image in study.images] for _, study, _ in door.reporter.asked] == [
        [None, None],
        [None, View.AP],
    ]


@pytest.mark.parametrize(
    ("files", "fields"),
    [
        ([("image", b"one"), ("images", b"two")], {}),
        ([("image", b"one")], {"views": ["PA"]}),
        ([("images", b"one"), ("images", b"two")], {"views": ["PA"]}),
        ([("images", b"one")], {"view": "PA"}),
    ],
    ids=["both fields", "views of one image", "fewer views than images", "one view of several images"],
)
async def test_images_and_views_that_do_not_match_are_refused(
    door: Door, files: list[tuple[str, bytes]], fields: dict[str, str | list[str]]
) -> None:
    response = await post(door, files, **fields)

    assert (response.status_code, response.json()["code"]) == (422, "invalid-study")
    assert door.reporter.asked == [] and door.outcomes == ["bad_request"]


async def test_an_unknown_view_is_refused(door: Door) -> None:
    response = await post(door, [("images", b"one")], views=["secret"])

    assert (response.status_code, response.json()["code"]) == (422, "invalid-patient")
    assert "secret" not in response.text


async def test_the_limit_is_for_all_images_together() -> None:
    door = open_door(settings=GatewaySettings(max_upload_bytes=1000))

    fits = await post(door, [("images", b"x" * 500), ("images", b"x" * 500)])
    too_large = await post(door, [("images", b"x" * 500), ("images", b"x" * 501)])

    assert (fits.status_code, too_large.status_code) == (200, 413)


async def test_more_images_than_a_report_may_have_are_refused(door: Door) -> None:
    response = await post(door, [("images", b"x")] * 5)

    assert response.status_code == 400
    assert door.reporter.asked == []


async def test_an_empty_image_among_others_is_refused(door: Door) -> None:
    response = await post(door, [("images", b"x"), ("images", b"")])

    assert (response.status_code, response.json()["code"]) == (400, "empty-upload")
