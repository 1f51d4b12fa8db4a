"""The OpenAPI document as a page for people, complete in itself: no script, nothing loaded from elsewhere."""

import json
from html import escape
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{background:#f4f4f4;padding:.75rem;overflow:auto;white-space:pre-wrap}summary{cursor:pointer}"
)
# The page may style itself and do nothing else.
CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


def docs_page(document: dict[str, Any]) -> str:
    """Write the page."""
    info = document["info"]
    operations = [
        _operation(f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])}</title>"
        f"<style>{_STYLE}</style><h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        f"<p>{escape(info['description'])}</p>"
        '<p>The same for programs: <a href="openapi.json">openapi.json</a></p>' + "".join(operations)
    )


def _operation(name: str, operation: dict[str, Any]) -> str:
    deprecated = " (deprecated)" if operation.get("deprecated") else ""
    answers = "".join(_answer(status, answer) for status, answer in operation["responses"].items())
    return (
        f"<h2><code>{escape(name)}</code>{deprecated}</h2><p><b>{escape(operation['summary'])}.</b> "
        f"{escape(operation['description'])}</p>{answers}"
    )


def _answer(status: str, answer: dict[str, Any]) -> str:
    examples = "".join(
        f"<p><code>{escape(media_type)}</code></p><pre>{escape(_text(example))}</pre>"
        for media_type, content in answer["content"].items()
        for example in examples_of(content)
    )
    return f"<details><summary><b>{status}</b> {escape(answer['description'])}</summary>{examples}</details>"


def examples_of(content: dict[str, Any]) -> list[Any]:
    """Give the examples of one media type."""
    named = [example["value"] for example in content.get("examples", {}).values()]
    return [content["example"]] if "example" in content else named


def _text(example: Any) -> str:
    return example if isinstance(example, str) else json.dumps(example, ensure_ascii=False, indent=2)
