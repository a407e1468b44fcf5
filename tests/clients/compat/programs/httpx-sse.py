"""httpx-sse, in httpx, which gives up a body that is silent for 5 s by default."""

import h2.exceptions
import httpx
from httpx_sse import SSEError, aconnect_sse

from comeback import HTTP2, SILENCE, URL, come_back, event, headers, see


async def open(position):
    try:
        async with httpx.AsyncClient(timeout=SILENCE, http2=HTTP2) as client:
            async with aconnect_sse(client, "GET", URL, headers=headers(position)) as source:
                see(protocol="h2" if source.response.http_version == "HTTP/2" else "http/1.1")
                if source.response.status_code != 200:
                    see(refused=source.response.status_code)
                    return source.response.status_code
                async for one in source.aiter_sse():
                    event(one.event, one.id, one.data, position)
                see(ended=True)
    # The last one comes through as it is where the gateway ends an HTTP/2 connection in order.
    except (httpx.HTTPError, SSEError, h2.exceptions.ProtocolError):
        see(broken=True)


come_back(open)
