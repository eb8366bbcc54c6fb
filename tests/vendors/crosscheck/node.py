"""The Node packages, in a process that answers one line of JSON with another."""

import json
import os
import subprocess


class NodeError(Exception):
    """The package threw."""


class Node:
    """`oracle.mjs` with the packages of `modules`."""

    def __init__(self, script: str, modules: str):
        # ES modules ignore NODE_PATH: the script is told where the packages are.
        self.process = subprocess.Popen(
            ["node", script, modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        )

    def call(self, operation: str, **arguments):
        """The result of an operation; raises `NodeError` with the text of what was thrown."""
        line = json.dumps({"operation": operation, **arguments}) + "\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the Node process ended during {operation}")
        answer = json.loads(answer)
        if "error" in answer:
            raise NodeError(answer["error"])
        return answer["result"]

    def verdict(self, operation: str, **arguments) -> bool:
        """Of a verifier: what throws refuses."""
        try:
            return bool(self.call(operation, **arguments))
        except NodeError:
            return False

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
