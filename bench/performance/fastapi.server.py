"""The application in FastAPI that fastapi.mjs compares: its tasks do nothing, as ours do."""

import os
import platform
import socket
import sys
import threading
import time

import fastapi
import httptools
import uvicorn
import uvloop
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()


async def async_task():
    pass


def sync_task():
    pass


def add_route(path, task, count):
    @app.get(path)
    async def hello(tasks: BackgroundTasks):
        for _ in range(count):
            tasks.add_task(task)
        return {"message": "hello"}


add_route("/async/1", async_task, 1)
add_route("/async/5", async_task, 5)
add_route("/sync/1", sync_task, 1)


@app.get("/none")
async def hello():
    return {"message": "hello"}


@app.get("/cpu-time")
async def cpu_time():
    """Microseconds of CPU time of this process, in all its threads."""
    return time.process_time() * 1e6


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
print(
    f'{{"port": {listener.getsockname()[1]}, "versions": "FastAPI {fastapi.__version__}, uvicorn {uvicorn.__version__}, '
    f'uvloop {uvloop.__version__}, httptools {httptools.__version__}, Python {platform.python_version()}"}}',
    flush=True,
)
config = uvicorn.Config(app, loop="uvloop", http="httptools", log_level="error", access_log=False)
uvicorn.Server(config).run(sockets=[listener])
