"""A session with somebody's OPC UA server: for what the courier writes there or hears there."""
