"""Who may read a source: credentials, kept out of every log, message, commit and task result."""

from typing import Any

from pydantic import Secret, SecretStr

from pipeline.contract.base import Section


class Connection(Section):
    """Credentials under a name that a contract gives. Printing it shows no secret."""

    login: str = ""
    password: SecretStr = SecretStr("")
    options: Secret[dict[str, Any]] = Secret({})
    """What the source's own library takes: fsspec's storage options, or `headers` for http."""
