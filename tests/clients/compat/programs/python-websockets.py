"""Python websockets, which pings by itself and gives up a gateway that does not answer in time."""

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from comeback import KEY, SILENCE, after, come_back, read, see


async def open(position):
    key = {"X-API-Key": KEY}
    try:
        async with connect(after(position), additional_headers=key, ping_interval=SILENCE / 2, ping_timeout=SILENCE / 2) as socket:
            while True:
                read(await socket.recv(), position)
    except ConnectionClosed as why:
        code = why.rcvd.code if why.rcvd else 1006
        see(closed=code)
        return code
    except (WebSocketException, OSError):
        see(broken=True)


come_back(open)
