"""Recording a run as it happens, and replaying it event by event."""
