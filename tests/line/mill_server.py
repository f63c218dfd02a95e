"""The mill's OPC UA server, as `tests.line.plc.MillServer` starts it."""

import asyncio
import gc
import json
import signal
import sys
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.server.internal_session import InternalSession


async def serve(told: dict[str, Any]) -> None:
    """Serve variables by name, of the types of their values."""
    gc.disable()
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{told['port']}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    await server.register_namespace("urn:works:mill")
    await add(server, told["values"])
    if told["short"]:
        shorten(told["short"])
    later = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, later.set)
    async with server:
        await later.wait()
        await add(server, told["later"])
        await asyncio.Event().wait()


async def add(server: Server, values: dict[str, Any]) -> None:
    """Variables that anybody may write."""
    for name, value in values.items():
        node = ua.NodeId.from_string(f"ns=2;s={name}")
        variable = await server.nodes.objects.add_variable(node, name, value)
        await variable.set_writable()


def shorten(service: str) -> None:
    """Have a service leave out the last of its results; null instead of none."""
    whole = getattr(InternalSession, service)

    async def short(session: InternalSession, asked: object) -> object:
        found = await whole(session, asked)
        return (found[:-1] or None) if session.external else found

    setattr(InternalSession, service, short)


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text())))
