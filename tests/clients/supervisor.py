"""Holds a listening socket, and starts processes with it as systemd does (socket activation, sd_listen_fds(3)), so that one
can be replaced by another. It prints the port; a line `start BINARY CONFIG` starts a process and prints its number, and
`signal NUMBER NAME` sends it a signal."""

import os
import resource
import signal
import socket
import subprocess
import sys

# A connection is a descriptor.
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
print(listener.getsockname()[1], flush=True)
GIVEN = 'exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" serve --config "$1"'
for line in sys.stdin:
    match line.split():
        case ["start", binary, config]:
            command = ["sh", "-c", GIVEN, binary, config]
            process = subprocess.Popen(command, stdin=listener.fileno(), stdout=subprocess.DEVNULL)
            print(process.pid, flush=True)
        case ["signal", number, name]:
            os.kill(int(number), getattr(signal, name))
            if name == "SIGTERM":
                print(os.waitpid(int(number), 0)[1], flush=True)
