"""Forms within bounds, held in memory: a film never touches the disk.

FastAPI reads forms with its own, wider bounds and spools them to files; this route class replaces that reading.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from typing import Any, get_origin

from fastapi import Request, Response, UploadFile
from fastapi.dependencies.utils import get_flat_dependant
from fastapi.routing import APIRoute
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from serve_app.api.door.uploads import too_large
from serve_app.domain.errors import EmptyUpload

MAX_IMAGES = 4
MAX_FIELDS = 8 + MAX_IMAGES
MAX_FIELD_BYTES = 1024


class _MemoryParser(MultiPartParser):
    # With 0, SpooledTemporaryFile never rolls over to a file.
    spool_max_size = 0
    is_complete = False

    def on_end(self) -> None:
        """Note that the closing boundary came; the parser itself takes a form that ends early."""
        self.is_complete = True


class UploadRequest(Request):
    """A request that reads one small multipart form; `fields` says of each field whether it may come repeatedly."""

    def __init__(self, request: Request, fields: Mapping[str, bool], *, ignores_others: bool) -> None:
        super().__init__(request.scope, request.receive)
        self._fields = fields
        self._ignores_others = ignores_others

    async def form(self, **_: Any) -> FormData:  # type: ignore[override]
        """Read the form.

        Raises:
            HTTPException: 415 if it is not a multipart form, 400 if it is malformed, has too many parts, repeats a
                field or has an unknown one.
        """
        if self._form is None:
            self._form = self._checked(await self._read())
        return self._form

    def _checked(self, form: FormData) -> FormData:
        names = [name for name, _ in form.multi_items()]
        for name, is_repeated in self._fields.items():
            if names.count(name) > 1 and not is_repeated:
                raise HTTPException(400, f"The form gives the field {name} more than once.")
        if not self._ignores_others and not set(names) <= set(self._fields):
            known = ", ".join(self._fields)
            raise HTTPException(400, f"The form has an unknown field. Known fields: {known}.")
        return form

    async def _read(self) -> FormData:
        media_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "multipart/form-data":
            raise HTTPException(415, "Send the image and the fields as multipart/form-data.")
        async with aclosing(self.stream()) as stream:
            parser = _MemoryParser(
                self.headers, stream, max_files=MAX_IMAGES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES
            )
            try:
                form = await parser.parse()
            except MultiPartException as exc:
                # Not chained: the cause of an HTTPException is taken for the error itself.
                raise HTTPException(400, exc.message) from None
        if not parser.is_complete:
            raise HTTPException(400, "The form ends before its closing boundary.")
        return form


def upload_route(*, ignores_others: bool = False) -> type[APIRoute]:
    """Make the kind of route whose form is an `UploadRequest` of the fields that the route names.

    `ignores_others` is for clients of the first version, which accepted any field.
    """

    class UploadRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """Wrap FastAPI's handler."""
            handle = super().get_route_handler()
            params = get_flat_dependant(self.dependant).body_params
            fields = {param.alias: get_origin(param.field_info.annotation) is list for param in params}

            async def handle_upload(request: Request) -> Response:
                return await handle(UploadRequest(request, fields, ignores_others=ignores_others))

            return handle_upload

    return UploadRoute


async def read_images(images: Sequence[UploadFile], max_upload_bytes: int) -> list[bytes]:
    """Take the bytes out of uploaded files; the forms let go of them.

    Raises:
        EmptyUpload: a file has none.
        UploadTooLarge: together they have more than allowed.
    """
    files = [await image.read() for image in images]
    for image in images:
        await image.close()
    if not all(files):
        raise EmptyUpload
    if sum(map(len, files)) > max_upload_bytes:
        raise too_large(max_upload_bytes)
    return files
