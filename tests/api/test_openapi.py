"""The OpenAPI document is valid, whole and true."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI
from jsonschema import Draft202012Validator

from serve_app.api.door.problems import STATUS
from tests.api.conftest import open_door

DOCUMENT = open_door().app.openapi()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def contents() -> Iterator[Any]:
    for name, operation in OPERATIONS.items():
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                yield pytest.param(content, id=f"{name} {status} {media_type}")


def named_examples(content: dict[str, Any]) -> list[Any]:
    return [example["value"] for example in content.get("examples", {}).values()]


def test_the_document_is_valid_openapi() -> None:
    assert OpenAPI.model_validate(DOCUMENT).openapi.startswith("3.1")


def test_every_route_is_there() -> None:
    assert set(OPERATIONS) == {
        "POST /v1/reports",
        "GET /healthz",
        "GET /readyz",
        "GET /version",
        "POST /predict",
        "GET /health",
        "POST /v1/keys",
        "GET /v1/keys",
        "POST /v1/keys/{key_id}/rotation",
        "DELETE /v1/keys/{key_id}",
    }


@pytest.mark.parametrize("content", contents())
def test_every_answer_has_examples_that_fit_its_schema(content: dict[str, Any]) -> None:
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    examples = [content["example"]] if "example" in content else named_examples(content)

    assert examples
    for example in examples:
        Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_described(name: str) -> None:
    operation = OPERATIONS[name]

    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}
    assert operation.get("deprecated", False) is (name in {"POST /predict", "GET /health"})


def test_operation_ids_are_distinct() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("name", "absent"), [("POST /v1/reports", {404, 502}), ("POST /predict", {404})])
def test_every_status_of_an_error_is_documented(name: str, absent: set[int]) -> None:
    documented = {int(status) for status in OPERATIONS[name]["responses"]}

    assert documented == {200, 408, 500, *STATUS.values()} - absent


def test_every_form_field_is_described_and_none_is_required_for_there_are_two_for_images() -> None:
    form = OPERATIONS["POST /v1/reports"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    schema = DOCUMENT["components"]["schemas"][form["$ref"].rsplit("/", 1)[-1]]

    assert set(schema["properties"]) == {"image", "images", "sex", "age", "view", "views", "confirm", "correct"}
    assert "required" not in schema
    for field in schema["properties"].values():
        assert field["description"]
    for name in ("sex", "age", "view"):
        assert schema["properties"][name]["examples"]


def test_every_file_is_one_for_generators_of_clients_too() -> None:
    """They read `format`, which OpenAPI 3.1 no longer needs; without it a film would be text."""
    files = [node for node in nodes(DOCUMENT) if "contentMediaType" in node]

    assert len(files) == 3
    assert all(file["format"] == "binary" for file in files)


def nodes(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
    for child in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from nodes(child)


async def test_the_document_is_served() -> None:
    async with open_door().client() as client:
        assert (await client.get("/openapi.json")).json() == DOCUMENT


async def test_the_page_for_people_loads_only_what_is_served_beside_it() -> None:
    async with open_door().client() as client:
        page = await client.get("/docs")
        addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        loaded = {address: await client.get(f"/{address}") for address in addresses}

    assert {"docs/swagger-ui-bundle.js", "docs/swagger-ui.css", "docs/swagger-initializer.js"} <= set(loaded)
    assert {address: answer.status_code for address, answer in loaded.items()} == dict.fromkeys(addresses, 200)
    assert not re.search(r"https?://|<script>|<style|style=", page.text)


async def test_the_page_for_people_may_load_nothing_from_elsewhere() -> None:
    async with open_door().client() as client:
        policy = (await client.get("/docs")).headers["content-security-policy"]

    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "*" not in policy


async def test_what_the_page_does_not_load_is_not_there() -> None:
    async with open_door().client() as client:
        response = await client.get("/docs/absent.js")

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
