"""The report of a batch that is part of a data version."""

from ingestion.files import BatchReport
from pipeline.data_profile import Profile
from pipeline.data_versions import Changes


class PublishedReport(BatchReport):
    """What was found in a batch, and the version that has it."""

    version: str
    created: bool = True  # False: the version was there already, with the same rows
    before: str | None = None  # the version before it
    changes: Changes | None = None  # against the version before
    profile_before: Profile | None = None  # of all rows of the version before
