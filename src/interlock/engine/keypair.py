"""The Ed25519 key that phase tokens are signed with: from the environment or a file of the
server's, with its public half beside it for servers that only verify."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from interlock.engine.secret import read_or_make
from interlock.errors import InvalidInputError

__all__ = ["load_keypair", "load_public"]

_REMEDY: Final = (
    'export {variable}="$(openssl genpkey -algorithm ed25519)", or unset it to have a key made'
)


def load_keypair(path: Path, env: Mapping[str, str], *, variable: str) -> Ed25519PrivateKey:
    """The key of the environment, else that of the file, which is made on first use.

    Args:
        path: PEM file of mode 0600 that is used when the variable is unset or empty; the public key
            is written beside it, as ``<path>.pub``.
        variable: holds a private key as PEM.

    Raises:
        InvalidInputError: there is no Ed25519 key (``IL-TOK-023``), or others can read or replace
            the file (``IL-TOK-021``).
    """
    if value := env.get(variable, ""):
        text = value.encode("utf-8", "surrogateescape")
        return _private(text, where=variable, remedy=_REMEDY.format(variable=variable))
    remedy = f"rm {path}, then start again to have one made"
    key = _private(read_or_make(path, _make), where=str(path), remedy=remedy)
    public = path.with_name(f"{path.name}.pub")
    if not public.exists():
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        public.write_bytes(pem)
    return key


def load_public(text: bytes) -> Ed25519PublicKey:
    """The public key of a PEM file, for a server that verifies and makes no tokens.

    Raises:
        InvalidInputError: it is none (``IL-TOK-023``).
    """
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidInputError(
            "that is no public Ed25519 key",
            code="IL-TOK-023",
            remedy="copy keys/jwt.ed25519.pub of the server that makes the tokens",
        )
    return key


def _private(text: bytes, *, where: str, remedy: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidInputError(
            f"{where} holds no Ed25519 key to sign phase tokens with",
            code="IL-TOK-023",
            remedy=remedy,
        )
    return key


def _make() -> bytes:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
