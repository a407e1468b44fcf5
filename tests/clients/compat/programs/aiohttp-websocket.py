"""aiohttp's WebSocket, which pings by itself when told to (`heartbeat`)."""

import aiohttp

from comeback import KEY, SILENCE, after, come_back, read, see


async def open(position):
    try:
        async with aiohttp.ClientSession(trust_env=True) as session:
            async with session.ws_connect(after(position), headers={"X-API-Key": KEY}, heartbeat=SILENCE) as socket:
                async for message in socket:
                    read(message.data, position)
                code = socket.close_code or 1006
                see(closed=code)
                return code
    except (aiohttp.ClientError, OSError):
        see(broken=True)


come_back(open)
