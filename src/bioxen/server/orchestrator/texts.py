"""Texts of large models that orchestrators sent before: requests come with a handle in their place.

A handle is made of the text with a secret of this process. So only who sent a text has its handle: nobody
computes with a model of which they know no more than the digest, which results tell. A service that was
started anew knows no handle of before, and says that it lacks the text.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import sys
from contextvars import ContextVar

from bioxen.errors import ModelNotFoundError
from bioxen.protocol.request import ComputeRequest
from bioxen.server.bytecode.recent import Recent
from bioxen.server.bytecode.scan import MAX_CHARACTERS
from bioxen.server.engines.models import given_text
from bioxen.server.within import Within

PATH = "/texts"
"""Where a service takes texts; its answer is the handle."""
HEADER = "BioXen-Text"
BY_HANDLE = "handle"
"""What the header says of a request whose model's text is a handle."""
TEXTS = 256
"""Texts kept."""
BYTES = 2 * MAX_CHARACTERS
"""Bytes of them all together."""
_SCHEME = "text:"
"""How a handle begins. It is no model in any format, so a request that lost its header is refused."""
_FORM = re.compile(rf"{_SCHEME}//[0-9a-f]{{64}}")
_by_handle: ContextVar[bool] = ContextVar("bioxen_text_by_handle", default=False)


class KeptTexts:
    """Texts under their handles, the least recently used first out; for one event loop."""

    def __init__(self, texts: int = TEXTS, limit: int = BYTES) -> None:
        self._secret = secrets.token_bytes(32)
        self._texts: Recent[str, str] = Recent(texts, limit)

    def handle(self, text: str) -> str:
        """Return the handle of a text; may be asked in any thread."""
        return f"{_SCHEME}//{hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()}"

    def keep(self, handle: str, text: str) -> None:
        """Keep a text under its handle."""
        self._texts.put(handle, text, sys.getsizeof(text))

    def whole(self, request: ComputeRequest) -> ComputeRequest:
        """Return a request that came with a handle as one with the text; any other as it is.

        Raises:
            ModelNotFoundError: the text is not here, or not any longer.
        """
        given = given_text(request) if _by_handle.get() else None
        if given is None:
            return request
        text = self._texts.get(given.text)
        if text is None:
            raise ModelNotFoundError(
                "The model's text is not here under that handle.",
                details={"place": given.field, "remedy": "Send the text itself."},
            )
        return request.model_copy(update={given.field: text})


def is_handle(text: str) -> bool:
    """Return whether `text` has the form of a handle."""
    return _FORM.fullmatch(text) is not None


def accepted(given: str | None) -> bool:
    """Return whether a sender's header says that a handle stands for the text."""
    return given == BY_HANDLE


def by_handle(is_so: bool) -> Within[bool]:
    """Take the text of the request in this block for a handle, or not."""
    return Within(_by_handle, is_so)
