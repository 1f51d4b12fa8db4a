"""Names images and tenants for a model server's caches: from our digest and per tenant, never from client input."""

import hashlib
import hmac


def image_id(tenant: str, digest: str) -> str:
    """Return an image's id for one tenant's caches; the same image has another id for another tenant."""
    return hmac.new(tenant.encode(), digest.encode(), hashlib.sha256).hexdigest()


def cache_salt(tenant: str) -> str:
    """Return the salt that separates a tenant's share of the prefix cache."""
    return image_id(tenant, "cache-salt")
