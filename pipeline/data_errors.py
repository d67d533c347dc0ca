"""What can go wrong with data versions, and how the errors of DVC's remotes are told."""

import errno

from pipeline.errors import PipelineError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_WORDS = ("507", "Insufficient Storage", "InsufficientStorage", "QuotaExceeded", "StorageFull")
_FORBIDDEN = (errno.EROFS, errno.EPERM, errno.EACCES)
_WRONG_PLACE = (FileNotFoundError, NotADirectoryError, IsADirectoryError, FileExistsError)


class DataRegistryError(PipelineError):
    """A data version that cannot be published or read."""


class DataRemoteUnreachable(DataRegistryError):
    """A remote that is down, slow or busy."""

    transient = True


def store_error(what: str, error: Exception) -> DataRegistryError:
    """Return the error to raise: it says what failed, why and what to do, and whether trying again may help.

    Args:
        what: what failed and where.
        error: as a file system raised it; each kind of remote has errors of its own.
    """
    number, words = getattr(error, "errno", None), " ".join(str(error).split()) or type(error).__name__
    if number in _FULL or any(word in words for word in _FULL_WORDS):
        return DataRegistryError(f"{what}: it is full ({words}); make room there (`mlops data clean`) and run again")
    if isinstance(error, PermissionError) or number in _FORBIDDEN:
        return DataRegistryError(
            f"{what}: it does not allow it ({words}); give this process the right, or name another "
            f"place in MLOPS_DATA_REMOTE_URI"
        )
    if isinstance(error, _WRONG_PLACE):
        return DataRegistryError(f"{what}: {words}; is MLOPS_DATA_REMOTE_URI the place where it was stored?")
    if isinstance(error, TimeoutError):
        words = "it did not answer in time"
    return DataRemoteUnreachable(f"{what}: {words}; nothing is lost: run again when it is back")
