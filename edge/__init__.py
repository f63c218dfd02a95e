"""The daemon on the line.

A frame's way: acquire -> inspect -> ledger -> deliver -> the mill (console beside it).
"""
