"""Where batches come from: files, http, object stores and databases, each given as local files to read."""

from ingestion.sources.address import shown
from ingestion.sources.file import SourceFile
from ingestion.sources.open import open_source

__all__ = ["SourceFile", "open_source", "shown"]
