"""The API's page for people: Swagger UI over the OpenAPI document, with all that it loads.

Every address on it is relative, so it works behind a path prefix.
"""

from html import escape

from fastapi import FastAPI
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

# The page runs and loads only what this server serves; Swagger UI draws its icons from data addresses.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'; base-uri 'none'"
)

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. The same for programs: <a href="openapi.json">openapi.json</a></noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/swagger-initializer.js" type="module"></script>
</html>
"""

# Adapted for Swagger UI: the server's address has the prefix that the page was loaded from, and fields left blank are
# not sent.
INITIALIZER = """\
const server = new URL(".", location.href).href.replace(/\\/$/, "");
const answer = await fetch(`${server}/openapi.json`);
const withoutBlanks = (request) => {
  if (request.body instanceof FormData)
    for (const name of new Set(request.body.keys()))
      if (request.body.getAll(name).every((value) => value === "")) request.body.delete(name);
  return request;
};
SwaggerUIBundle({
  spec: { ...(await answer.json()), servers: [{ url: server }] },
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: withoutBlanks,
});
"""


def add_docs_page(app: FastAPI) -> None:
    """Serve the page at /docs, and its scripts and styles under /docs/."""

    def page() -> HTMLResponse:
        content = _PAGE.format(title=escape(app.title))
        return HTMLResponse(content, headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})

    def initializer() -> Response:
        return Response(INITIALIZER, media_type="text/javascript")

    app.add_api_route("/docs", page, include_in_schema=False, response_class=HTMLResponse)
    app.add_api_route("/docs/swagger-initializer.js", initializer, include_in_schema=False, response_class=Response)
    app.mount("/docs", StaticFiles(packages=[("fastapi_swagger", "resources")]))
