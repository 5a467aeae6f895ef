"""Servers on loopback for the end-to-end scripts. Only the standard library."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

MENSHEN = os.environ["MENSHEN_BIN"]
MODEL = "smollm2-135m-instruct"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def server(name, command, ready, wait_s=120, env=None):
    log = pathlib.Path(tempfile.gettempdir()) / f"menshen-e2e-{name}.log"
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
    try:
        deadline = time.monotonic() + wait_s
        while True:
            if child.poll() is not None:
                sys.exit(f"{name} ended with {child.returncode}: {log.read_text(errors='replace')[-2000:]}")
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(ready, timeout=2) as answer:
                    if answer.status == 200:
                        break
            if time.monotonic() > deadline:
                sys.exit(f"{name} is not ready after {wait_s} s; see {log}")
            time.sleep(0.1)
        yield
    finally:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)
        child.kill()
