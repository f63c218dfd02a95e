"""The OPC UA server: a mirror of the ledger that a PLC or a SCADA system reads.

server.py         the receiver: a thread with an event loop of its own
door.py           who gets in, and what becomes of those who do not
listening.py      asyncua's server with that door before it
owned.py          to each session its own subscriptions
users.py          names and hashed passwords
certificates.py   our own certificate, and the clients' that are trusted
nodes.py          the flat PLC block as nodes
"""
