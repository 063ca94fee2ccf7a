"""Arrays of a result as NumPy's, in whatever form they came."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioxen.client.answers import raise_for_fault
from bioxen.client.transport import Answer
from bioxen.errors import MissingModuleError, ValidationError
from bioxen.protocol.base import parse
from bioxen.protocol.kinetic import ArrayReference, NumberArray

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Arrays:
    """Reads the arrays of results; those by reference from one orchestrator."""

    def __init__(self, send: Callable[[str, str], Answer]) -> None:
        self._send = send

    def load(self, array: NumberArray | Mapping[str, Any]) -> NDArray[np.float64]:
        """Return an array of a result, with NaN for null.

        Args:
            array: in any encoding, such as `result["service_results"]["members"]["values"]`.

        Raises:
            ArrayNotFoundError: it is not kept any more.
            MissingModuleError: numpy is not installed.
            ServiceUnavailableError: the orchestrator cannot be reached.
        """
        try:
            import numpy as np
        except ImportError:
            raise MissingModuleError(
                "Loading arrays needs numpy, which is not installed.",
                details={"remedy": "Install it with pip install numpy, or save() the file."},
            ) from None
        message = array if isinstance(array, NumberArray) else parse(NumberArray, array)
        if message.reference is not None:
            file = io.BytesIO(self._content(message.reference))
            loaded: NDArray[np.float64] = np.load(file, allow_pickle=False)
            return loaded
        if message.base64 is not None:
            flat = np.frombuffer(base64.b64decode(message.base64), "<f8").astype(float)
        else:
            flat = np.array(message.numbers, dtype=float)  # None becomes NaN
        return flat.reshape(message.shape)

    def save(self, array: NumberArray | Mapping[str, Any], path: Path | str) -> Path:
        """Write an array that is by reference to a file that `numpy.load` reads; return its path.

        Raises:
            ValidationError: the array is not by reference.
            ArrayNotFoundError: it is not kept any more.
            ServiceUnavailableError: the orchestrator cannot be reached.
        """
        message = array if isinstance(array, NumberArray) else parse(NumberArray, array)
        if message.reference is None:
            raise ValidationError(
                "The numbers of this array are in the result itself.",
                details={"place": "encoding", "remedy": "Use load(), or ask with encoding 'reference'."},
            )
        target = Path(path)
        target.write_bytes(self._content(message.reference))
        return target

    def _content(self, reference: ArrayReference) -> bytes:
        answer = self._send("GET", reference.path)
        raise_for_fault(answer)
        return answer.content
