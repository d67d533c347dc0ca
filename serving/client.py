"""A small client of the prediction service."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr

from serving.errors import ServiceError


class ServiceClient:
    """Talks to one prediction service over one pool of connections. Safe to share between threads.

    Every method raises ServiceError, with the service's own words, when a request is refused or nobody answers.
    """

    def __init__(self, base_url: str, timeout: float = 10, key: SecretStr | None = None) -> None:
        self._url = base_url
        headers = {"X-API-Key": key.get_secret_value()} if key else {}
        self._http = httpx.Client(base_url=base_url, timeout=timeout, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def model(self) -> dict[str, Any] | None:
        """Return what is served (version, data version, metrics, fields), or None while nothing is.

        Where nothing is, but a release was refused, that alone is returned, as `refused`.
        """
        response = self._send("GET", "/model")
        if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return dict(self._content(response))
        refused = response.json().get("refused")
        return {"refused": refused} if refused else None

    def ready(self) -> bool:
        """Whether the service answers predictions just now."""
        return self._send("GET", "/health/ready").is_success

    def predict(
        self, record: Mapping[str, Any], *, caller: str | None = None, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Ask for the prediction of one record; asked again with the same key, the first answer comes back."""
        headers = _headers(caller, idempotency_key)
        answer: dict[str, Any] = self._content(self._send("POST", "/predict", json=dict(record), headers=headers))
        return answer

    def predict_batch(
        self, records: Sequence[Mapping[str, Any]], *, caller: str | None = None, idempotency_key: str | None = None
    ) -> list[dict[str, Any]]:
        """Ask for many predictions; return each row's answer, or its problem under `refused`, in their order."""
        headers = _headers(caller, idempotency_key)
        rows = [dict(record) for record in records]
        answers: list[dict[str, Any]] = self._content(self._send("POST", "/predict/batch", json=rows, headers=headers))
        return answers

    def actuals(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Tell the truth of earlier predictions and return each row's outcome.

        Args:
            rows: each with `prediction_id` (the `id` of an answer) and `actual`, in the target's unit.
        """
        outcomes: list[dict[str, Any]] = self._content(self._send("POST", "/actuals", json=[dict(row) for row in rows]))
        return outcomes

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **content)
        except httpx.HTTPError as error:
            raise ServiceError(f"{self._url}: the prediction service does not answer: {error}") from error
        except ValueError as error:  # NaN in the content, or letters that no header may hold
            raise ServiceError(f"{self._url}: the request cannot be sent: {error}") from error

    def _content(self, response: httpx.Response) -> Any:
        try:
            content = response.json()
        except ValueError as error:
            raise ServiceError(f"{self._url}: answered no JSON (status {response.status_code})") from error
        if response.is_success:
            return content
        detail = content.get("detail") if isinstance(content, dict) else None
        raise ServiceError(detail or f"{self._url}: answered status {response.status_code}", response.status_code)


def _headers(caller: str | None, idempotency_key: str | None) -> dict[str, str]:
    given = {"X-Caller": caller, "Idempotency-Key": idempotency_key}
    return {name: value for name, value in given.items() if value is not None}
