"""What can go wrong in serving."""

from pipeline.errors import PipelineError


class ServingError(PipelineError):
    """Serving failed."""


class ReleaseError(ServingError):
    """A version that cannot be released, or that the target does not take up."""


class ServiceError(ServingError):
    """The prediction service could not be reached (`status` None) or refused a request, with its own words."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ImageError(ServingError):
    """A model image that cannot be built, or a registry that refuses it."""


class RegistryAwayError(ImageError):
    """An image registry that cannot be reached just now."""

    transient = True
