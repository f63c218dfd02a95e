"""The operator's page, a reader of the ledger."""
