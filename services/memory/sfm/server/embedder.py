"""The vector of a text, from an OpenAI-compatible /v1/embeddings endpoint."""

from __future__ import annotations

import json
from http import HTTPStatus

import aiohttp
import numpy as np
from common.config.settings import SMFSettings
from common.utils.trace import headers
from numpy.typing import NDArray

from sfm.errors import InvalidField, NotReady, Unconfigured
from sfm.server import fields

BYTES_A_COMPONENT = 64
"""Room for one number of the answer, as JSON."""
ROOM_BYTES = 1 << 16
"""Room for the rest of the answer."""


class Embedder:
    """Asks the configured endpoint.

    Args:
        settings: embedder_url, embedder_model, embedder_timeout_seconds and the dimension.
        session: makes the requests; stays open.
    """

    def __init__(self, settings: SMFSettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session

    async def embed(self, text: str) -> NDArray[np.float32]:
        """The vector, shape (dimension,), finite and of non-zero norm.

        Raises:
            Unconfigured: no endpoint is configured.
            NotReady: it does not answer, or with what is no vector of this dimension.
        """
        if not self._settings.embedder_url:
            raise Unconfigured("text: needs an embedder, and embedder_url is not set; send a vector")
        try:
            values = await self._ask(self._settings.embedder_url, text)
            return fields.direction(values, self._settings.dimension, "embedding")
        except (aiohttp.ClientError, TimeoutError, ValueError, TypeError, KeyError, IndexError) as error:
            raise NotReady(f"the embedder gave no vector: {type(error).__name__}") from error
        except InvalidField as error:
            raise NotReady(f"the embedder's vector is not usable: {error}") from error

    async def _ask(self, url: str, text: str) -> list[float]:
        wait = aiohttp.ClientTimeout(total=self._settings.embedder_timeout_seconds)
        asked = {"model": self._settings.embedder_model, "input": [text]}
        sent = self._session.post(url, json=asked, headers=headers(), timeout=wait, allow_redirects=False)
        largest = ROOM_BYTES + BYTES_A_COMPONENT * self._settings.dimension
        async with sent as answer:
            if answer.status != HTTPStatus.OK:
                raise ValueError(f"status {answer.status}")
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > largest:
                    raise ValueError("the answer is too large")
        return [float(value) for value in json.loads(body)["data"][0]["embedding"]]
