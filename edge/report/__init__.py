"""The report of one coil, from its events alone: what was found, and what was looked at.

    ledger.inspections (which coils) ──► gather (one coil's events) ──► compose ──► document
    document ──► JSON, table (CSV), page (HTML; strip is its map, lanes its second picture)
    JSON, ledger ──► verify

`document` is the one truth: its JSON is published as `docs/coil-report.schema.json`, and CSV and
HTML hold nothing that is not in it.
"""
