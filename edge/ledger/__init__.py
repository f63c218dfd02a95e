"""The append-only event log on disk, its readers and cursors, evidence pictures."""
