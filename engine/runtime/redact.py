"""Keep secrets out of the log: by type, by the name of the field, and inside URLs."""

import re
from collections.abc import Mapping
from typing import Any

from engine.runtime.secret import STARS, Secret

DEPTH_MAX = 6
"""Levels of nested collections that are looked into; what lies deeper is left out whole."""

# The word ends the name: `access_token` is a secret, `token_address` and `api_key_id` are not.
_SECRET_NAME = re.compile(
    r"(?:^|[_\-. ])(?:password|passwd|passphrase|secret|token|jwt|ticket|cookie|authorization|credentials?|mnemonic"
    r"|(?:api|private|master|signing|encryption|wallet)[_\-]?key)(?:_encrypted)?$",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(?P<user>://[^/\s:@]*):[^/\s@]+@")


def is_secret_name(name: str) -> bool:
    """Whether a field of this name is never shown."""
    return _SECRET_NAME.search(name) is not None


def redacted(value: Any, depth: int = DEPTH_MAX) -> Any:
    """Return `value` without its secrets; collections are copied, everything else is returned as it is."""
    if isinstance(value, Secret):
        return STARS
    if isinstance(value, str):
        return _URL_PASSWORD.sub(rf"\g<user>:{STARS}@", value) if "://" in value else value
    if isinstance(value, Mapping):
        return STARS if depth == 0 else redacted_fields(value, depth - 1)
    if isinstance(value, list | tuple | set | frozenset):
        return STARS if depth == 0 else [redacted(item, depth - 1) for item in value]
    return value


def redacted_fields(fields: Mapping[Any, Any], depth: int = DEPTH_MAX) -> dict[Any, Any]:
    """Return a copy of `fields` with stars in the place of secrets."""
    return {
        name: STARS if isinstance(name, str) and is_secret_name(name) else redacted(value, depth)
        for name, value in fields.items()
    }
