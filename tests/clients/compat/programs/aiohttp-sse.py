"""An event stream read by hand with aiohttp. Its default ends every request after five minutes (`total`)."""

import aiohttp

from comeback import SILENCE, URL, come_back, event, headers, see

PATIENCE = aiohttp.ClientTimeout(total=None, sock_read=SILENCE)


async def open(position):
    try:
        async with aiohttp.ClientSession(timeout=PATIENCE) as session, session.get(URL, headers=headers(position)) as response:
            if response.status != 200:
                see(refused=response.status)
                return response.status
            fields = {}
            async for line in response.content:
                if line == b"\n":
                    if "data" in fields:
                        event(fields.get("event"), fields.get("id"), fields["data"], position)
                    fields = {}
                else:
                    name, _, value = line.decode().rstrip("\n").partition(": ")
                    fields[name] = value
            see(ended=True)
    except (aiohttp.ClientError, OSError):
        see(broken=True)


come_back(open)
