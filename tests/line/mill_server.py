"""The mill's OPC UA server, as `tests.line.plc.MillServer` starts it."""

import asyncio
import gc
import json
import signal
import sys
from pathlib import Path
from typing import Any

from asyncua import Server, ua


async def serve(told: dict[str, Any]) -> None:
    """Serve variables by name, of the types of their values."""
    gc.disable()
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{told['port']}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    await server.register_namespace("urn:works:mill")
    await add(server, told["values"])
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


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text())))
