"""Ingestion: collect a window of the source, validate it by the contract, publish it as a data version."""
