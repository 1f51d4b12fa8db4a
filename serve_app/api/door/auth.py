"""Who is asking. Until there is authentication everyone is the local principal."""

from typing import Annotated

from fastapi import Depends

from serve_app.domain.conversation import Principal


async def current_principal() -> Principal:
    """Name the principal on whose behalf the request is made."""
    return Principal()


Caller = Annotated[Principal, Depends(current_principal)]
