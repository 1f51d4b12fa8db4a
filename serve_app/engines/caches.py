"""How images and tenants are named to a model server's caches: by our digest and per tenant, by no client's word."""

import hashlib
import hmac


def image_id(tenant: str, digest: str) -> str:
    """Name an image for one tenant's caches: another tenant's equal image has another id."""
    return hmac.new(tenant.encode(), digest.encode(), hashlib.sha256).hexdigest()


def cache_salt(tenant: str) -> str:
    """Name a tenant's share of the prefix cache."""
    return image_id(tenant, "cache-salt")
