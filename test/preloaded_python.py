# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Runs scripts that need PyTorch without importing it for each of them.

    preloaded_python.py SOCKET SCRIPT|-c ARGUMENT...

acts like `python SCRIPT ARGUMENT...` in all that a test can see: standard streams,
working folder, environment, exit code, and a process of its own. That process is a
copy of one that has imported the frameworks once; lit.cfg.py starts it with

    preloaded_python.py --serve DESCRIPTOR

whose argument is a listening Unix socket, and ends it by closing its standard input.
Nothing is imported before the first script comes.
"""

import array
import atexit
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import traceback


def preload():
    # What a test does not need is not missed.
    for name in ("numpy", "torch", "torch.nn.functional", "safetensors.torch",
                 "transformers", "transformers.models.bert.modeling_bert",
                 "tokenizers"):
        try:
            __import__(name)
        except ImportError:
            pass


def receive(connection):
    """The request and its three descriptors."""
    descriptors = array.array("i")
    data, ancillary, _, _ = connection.recvmsg(
        1 << 20, socket.CMSG_SPACE(3 * descriptors.itemsize))
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content)
    while not data.endswith(b"\n"):
        more = connection.recv(1 << 20)
        if not more:  # whoever asked has gone
            os._exit(1)
        data += more
    return json.loads(data), descriptors


def execute(arguments):
    """As the interpreter does; the exit code."""
    sys.argv = arguments
    try:
        if arguments[0] == "-c":
            sys.argv = ["-c", *arguments[2:]]
            sys.path[0] = ""
            exec(compile(arguments[1], "<string>", "exec"),
                 {"__name__": "__main__"})
        else:
            sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def run(connection):
    """One script, in a process of its own."""
    request, descriptors = receive(connection)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["folder"])
    os.sched_setaffinity(0, request["processors"])
    os.environ.clear()
    os.environ.update(request["environment"])
    # Whoever waits for the script may be killed.
    threading.Thread(target=lambda: connection.recv(1) or os._exit(1),
                     daemon=True).start()
    code = execute(request["arguments"])
    # As at the end of an interpreter, but for what the frameworks would free.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(b"%d\n" % (code & 255))
    os._exit(code & 255)


def serve(descriptor):
    listening = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    first = True
    while True:
        ready, _, _ = select.select([listening, 0], [], [])
        if 0 in ready:
            return
        connection, _ = listening.accept()
        if first:
            preload()
            first = False
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            listening.close()
            run(connection)
        connection.close()


def request(path, arguments):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        text = json.dumps({"arguments": arguments, "folder": os.getcwd(),
                           "environment": dict(os.environ),
                           "processors": list(os.sched_getaffinity(0))})
        connection.sendmsg([text.encode() + b"\n"], [
            (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", (0, 1, 2)))])
        answer = connection.recv(16)
    if not answer:
        sys.exit("preloaded_python.py: the script ended without an exit code")
    return int(answer)


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(int(sys.argv[2]))
    else:
        sys.exit(request(sys.argv[1], sys.argv[2:]))
