"""A gateway that is a process of its own, for the suites in Python."""

import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
BINARY = os.environ.get("GATECAST", str(HERE.parent.parent / "target" / "debug" / "gatecast"))
TV, BACKEND, WALL = "clients-tv-key", "clients-backend-key", "clients-wall-key"


class Gateway:
    """A gateway with a configuration and `more` over it, which can be restarted where it was."""

    def __init__(self, config="gateway.toml", **more):
        self.config, self.more = config, more
        self.listen = "127.0.0.1:0"
        self.up()

    def up(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GATECAST__")}
        environment |= self.more | {"GATECAST__LISTEN": self.listen}
        command = [BINARY, "serve", "--config", str(HERE / self.config)]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        match = re.fullmatch(r"listening on http://(\S+)\n", line)
        assert match, f"the gateway said {line!r}"
        self.listen = match[1]

    def down(self):
        self.process.terminate()
        assert self.process.wait(15) == 0, "an orderly end"

    def publish(self, room, event, data):
        request = urllib.request.Request(
            f"http://{self.listen}/v1/rooms/{room}/events",
            data=json.dumps({"event": event, "data": data}).encode(),
            headers={"X-API-Key": BACKEND},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["id"]
