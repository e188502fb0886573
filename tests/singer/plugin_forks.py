"""Starts plugins in processes of their own, quickly: a fork of this one, which has made their imports, which take a second each time.

Usage: ``plugin_forks.py SOCKET``. A connection to the Unix socket hands over three open files, and a JSON object with argv, environment
and folder; it is told the plugin's process id, and its exit code when it has ended.
"""

import gc
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

from e3db_connectors.cli import main
from e3db_connectors.singer import tap, target

MAIN = {"tap-e3db": tap.main, "target-e3db": target.main, "e3db-connectors": main}


def serve(path):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    gc.collect()
    gc.freeze()  # so that the forks share what is here
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            if not os.fork():
                listener.close()
                return watch(connection)
            connection.close()


def watch(connection):
    """Fork the plugin and wait for it; in the plugin's process, give back what it is to do."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, files, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    child = os.fork()
    if not child:
        connection.close()
        return message, files
    connection.sendall(f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def become(message, files):
    """Turn into what would have been started."""
    asked = json.loads(message)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    os.chdir(asked["folder"])
    sys.argv = asked["argv"]
    gc.unfreeze()
    return MAIN[Path(sys.argv[0]).name]


if __name__ == "__main__":
    sys.exit(become(*serve(sys.argv[1]))())
