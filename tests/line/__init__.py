"""The daemon as a test drives it: its processes, a broker, a consumer."""
