"""`clara certificates`: a local authority and the certificate that `clara up --tls` presents."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from serve_app.access.authority import ServerCertificate, certify
from serve_app.operators.terminal import err, out
from serve_app.settings import data_folder

certificates = typer.Typer(no_args_is_help=True, help="Make the certificate of `clara up --tls`, for trying.")


@certificates.command()
def create(
    host: Annotated[
        list[str] | None, typer.Option(help="Further name or address of this machine; give it once for each.")
    ] = None,
) -> None:
    """Make the authority and the certificate, or add names to it, and print the file that clients trust."""
    certificate = local_certificate(*(host or ()))
    err.print(f"The certificate is for {', '.join(sorted(certificate.names))}. Clients trust it by this file:")
    out.print(certificate.authority_file, markup=False)


def local_certificate(*names: str) -> ServerCertificate:
    """Make this user's certificate, or reuse it; what an operator can mend is a sentence and exit code 1."""
    try:
        return certify(data_folder() / "tls", names, datetime.now(UTC))
    except (ValueError, OSError) as error:
        err.print(str(error), style="bold red", markup=False)
        raise typer.Exit(1) from error
