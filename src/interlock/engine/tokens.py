"""Phase tokens: who asks, for which task, phase, epoch and attempt; nothing in them decides
anything else.

A token is a JWT with exactly the header that this service writes and exactly these claims. What a
token says is compared with the task's state by the caller: an epoch of yesterday is a valid token
here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading
from collections.abc import Mapping
from typing import Any, Final

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from interlock.core.surroundings import INFORMATION
from interlock.engine.ids import new_id
from interlock.engine.secret import check_secret, load_secret
from interlock.errors import AuthError, InvalidInputError, UnavailableError
from interlock.ports.clock import Clock

__all__ = ["Claims", "Key", "TokenService", "load_secret"]

_LONGEST: Final = 4096  # characters; ours have about 500
_CACHED: Final = 4096
_SKEW_S: Final = 60  # a clock that was set back a little must not lock everybody out


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a token says; names as in the JWT.

    Args:
        iss: the issuing server.
        aud: the door it opens.
        sub: agent id.
        sid: session id.
        tid: task id.
        ph: phase id.
        ep: epoch of the task.
        att: attempt id.
        wfd: digest of the workflow the task is pinned to.
        jti: id of the token itself.
        iat, exp: seconds since 1970; dead from ``exp`` on.
        lvl: level of confinement of the session: information, never read for a decision.
    """

    iss: str
    aud: str
    sub: str
    sid: str
    tid: str
    ph: str
    ep: int
    att: str
    wfd: str
    jti: str
    iat: int
    exp: int
    lvl: str = ""


class _Written(Claims, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A token's claims with what a workflow has put in besides: read here, and handed to nobody."""

    task_id: Any = None
    phase: Any = None
    epoch: Any = None
    agent_id: Any = None
    session_id: Any = None
    attempt_id: Any = None
    workflow: Any = None
    confinement: Any = None
    allowed_tools: Any = None
    forbidden_tools: Any = None


Key = bytes | Ed25519PrivateKey | Ed25519PublicKey
"""Of HS256 the secret; of EdDSA the key that signs, or the public one that only verifies."""


class TokenService:
    """Mints and verifies the tokens of one issuer.

    Args:
        key: at least 32 bytes, see ``load_secret``; or a key of Ed25519.
        algorithm: ``HS256`` or ``EdDSA``, as the key is; the only one that is accepted back.
        issuer: name of this server, claim ``iss``.
        clock: for ``iat`` and ``exp``.
        expiry_s: lifetime of a token in seconds.

    Raises:
        InvalidInputError: an algorithm that is not the key's (``IL-TOK-022``), a weak secret
            (``IL-TOK-020``).
    """

    def __init__(
        self,
        key: Key,
        *,
        algorithm: str = "HS256",
        issuer: str,
        clock: Clock,
        expiry_s: int = 7200,
    ) -> None:
        wanted = "HS256" if isinstance(key, bytes) else "EdDSA"
        if algorithm != wanted:
            raise InvalidInputError(
                f"tokens cannot be signed with {algorithm} and a key of {wanted}",
                code="IL-TOK-022",
                remedy=f"set enforcement.phase_tokens.algorithm: {wanted}",
            )
        if isinstance(key, bytes):
            check_secret(key, remedy="see interlock.engine.secret.load_secret")
        self._key = key
        self._public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
        self._algorithm = algorithm
        self._issuer = issuer
        self._clock = clock
        self._expiry_s = expiry_s
        # What is not this header to the letter was not written here: no `alg`, `kid` or key is read
        # from a token at all.
        signing = Ed25519PrivateKey.generate() if isinstance(key, Ed25519PublicKey) else key
        self._header = jwt.encode({}, signing, algorithm).partition(".")[0]
        self._verified: dict[bytes, Claims] = {}
        self._lock = threading.Lock()

    def mint(
        self,
        *,
        audience: str,
        agent: str,
        session: str,
        task: str,
        phase: str,
        epoch: int,
        attempt: str,
        workflow: str,
        confinement: str = "",
        information: Mapping[str, Any] | None = None,
    ) -> str:
        """A fresh token, valid from now for ``expiry_s`` seconds.

        Args:
            workflow: digest of the workflow that the task is pinned to.
            confinement: level of the session.
            information: claims of ``INFORMATION`` besides.

        Raises:
            UnavailableError: this service has only the key that verifies.
        """
        now_us = self._clock.now_us()
        claims = Claims(
            iss=self._issuer,
            aud=audience,
            sub=agent,
            sid=session,
            tid=task,
            ph=phase,
            ep=epoch,
            att=attempt,
            wfd=workflow,
            jti=new_id("tok", now_us // 1_000),
            iat=now_us // 1_000_000,
            exp=now_us // 1_000_000 + self._expiry_s,
            lvl=confinement,
        )
        more = {name: value for name, value in (information or {}).items() if name in INFORMATION}
        return self._sign({**msgspec.to_builtins(claims), **more})

    def verify(self, token: str, *, audience: str, now: int | None = None) -> Claims:
        """The claims of a token that this service signed for this audience and that is alive.

        Args:
            audience: the door at which it was shown.
            now: UTC in microseconds; the clock's time if not given.

        Raises:
            AuthError: malformed ``IL-TOK-001``, another algorithm or header ``002``, not our
                signature ``003``, expired ``004``, another audience ``005``, another issuer
                ``006``, from the future ``007``.
        """
        if not token.isascii() or len(token) > _LONGEST:
            raise _malformed()
        key = hashlib.sha256(token.encode()).digest()
        with self._lock:
            # Taken out and put back: the dictionary's order is the order of last use.
            claims = self._verified.pop(key, None)
            if claims is not None:
                self._verified[key] = claims
        if claims is None:
            claims = self._decode(token)
            with self._lock:
                self._verified[key] = claims
                if len(self._verified) > _CACHED:
                    del self._verified[next(iter(self._verified))]
        self._check(claims, audience, self._clock.now_us() if now is None else now)
        return claims

    def _sign(self, claims: dict[str, Any]) -> str:
        if isinstance(self._key, Ed25519PublicKey):
            raise UnavailableError(
                "this server verifies tokens and makes none",
                code="IL-TOK-024",
                remedy="ask the server that has the private key",
            )
        return jwt.encode(claims, self._key, algorithm=self._algorithm)

    def _decode(self, token: str) -> Claims:
        parts = token.split(".")
        if len(parts) != 3 or not parts[0] or not all(map(_is_canonical, parts)):
            raise _malformed()
        if parts[0] != self._header:
            raise AuthError(
                "the token has another header than this server writes",
                code="IL-TOK-002",
                remedy="ask this server for a token; it accepts no other algorithm or key",
            )
        try:
            # Times and names are checked below, against our own clock, also for cached tokens.
            payload = jwt.api_jws.decode(token, self._public, algorithms=[self._algorithm])
            written = msgspec.json.decode(payload, type=_Written)
            return Claims(**{name: getattr(written, name) for name in Claims.__struct_fields__})
        except jwt.InvalidSignatureError:
            raise AuthError(
                "the token was changed or signed by somebody else",
                code="IL-TOK-003",
                remedy="ask this server for a token: POST /api/v1/tasks/claim",
            ) from None
        except (jwt.PyJWTError, msgspec.MsgspecError):
            raise _malformed() from None

    def _check(self, claims: Claims, audience: str, now: int) -> None:
        seconds = now // 1_000_000
        if claims.iss != self._issuer:
            raise AuthError(
                "the token is from another server",
                code="IL-TOK-006",
                remedy="ask this server for a token: POST /api/v1/tasks/claim",
            )
        if claims.aud != audience:
            raise AuthError(
                f"the token is for {claims.aud}, not for {audience}",
                code="IL-TOK-005",
                remedy="show it at the door it was made for",
            )
        if seconds >= claims.exp:
            raise AuthError(
                "the token has expired",
                code="IL-TOK-004",
                remedy="POST /api/v1/tokens/refresh before the end, else claim again",
            )
        if claims.iat > seconds + _SKEW_S:
            raise AuthError(
                "the token is from the future",
                code="IL-TOK-007",
                remedy="set the clock of this machine, then ask for a new token",
            )


def _is_canonical(part: str) -> bool:
    """Whether a part is the one spelling of its bytes, so that one token is one text."""
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return False
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == part


def _malformed() -> AuthError:
    return AuthError(
        "that is no phase token",
        code="IL-TOK-001",
        remedy="send `Authorization: Bearer` with the token that the claim returned",
    )
