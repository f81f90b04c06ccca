#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of Markdown pages, as a reader would type them.

    doc_commands.py PAGE... --root REPO --folder DIR [--listed COMMAND REASON]...

A command is a line of a ```sh block; a line that ends in a backslash goes on.
DIR has the files that the pages mention, and `build/bin`. Each page's commands
run there one after another, and must succeed.

--listed names commands that take a network or hours, such as `./run quickstart`:
they, and all `./run ...` in the text, are not run but must exist: `./run help`
lists them, and benchmarks and acceptance items parse. A listed command that no
page has is an error, and so is an `--option` in the text that no tool's --help
explains, or a command of graft that docs/commands.md leaves out. Exits with 1 on
any error.
"""

import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

TOOLS = ("graft-compile", "graft-opt", "graft-run", "graft-lsp-server")


def commands_of(text):
    """The logical lines of all ```sh blocks, comments removed."""
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield line.split(" #")[0].strip()


def code_spans(text):
    """What stands between back quotes outside of blocks, on one line or two."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    for span in re.findall(r"`([^`]+)`", text):
        yield " ".join(span.split())


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


class Pages:
    def __init__(self, arguments):
        self.root, self.folder = arguments.root, arguments.folder
        self.listed = dict(arguments.listed)
        self.used, self.errors = set(), []
        self.bin = self.folder / "build" / "bin"
        self.run_help = output_of(self.root / "run", "help")[1]
        self.subcommands = re.findall(
            r"^  (\w+)  ", self.tool_help("graft").split("Subcommands:")[1],
            re.M)
        self.help = "\n".join(
            [self.run_help, *(self.tool_help(tool) for tool in TOOLS),
             *(self.tool_help("graft", name) for name in self.subcommands)])

    def report(self, message):
        self.errors.append(message)
        print(f"error: {message}", file=sys.stderr, flush=True)

    def tool_help(self, tool, *words):
        status, text = output_of(self.bin / tool, *words, "--help")
        if status != 0:
            sys.exit(f"{tool} --help: expects exit code 0, got {status}")
        return text

    def error(self, page, message):
        self.report(f"{page.name}: {message}")

    def check_exists(self, page, command):
        """A command that is not run: `./run WORD ...` with known words."""
        words = shlex.split(command)
        if words[0] != "./run":
            self.error(page, f"expects ./run, got {command}")
        elif len(words) > 1 and not re.search(rf"^  {words[1]}\b",
                                              self.run_help, re.M):
            self.error(page, f"expects a command of ./run help, got {command}")
        elif words[1:2] == ["bench"]:
            # --check does nothing else once the other words are accepted.
            self.check_script(page, "tools/bench/bench.py", *words[2:],
                              "--check")
        elif words[1:2] == ["accept"]:
            items = self.check_script(page, "tools/dev/accept.py", "--list")
            for word in words[2:]:
                if word not in items.split():
                    self.error(page, f"expects an item of ./run accept --list,"
                               f" got {word}")

    def check_script(self, page, script, *words):
        status, text = output_of(sys.executable, self.root / script, *words)
        if status != 0:
            self.error(page, f"{script} {' '.join(words)}: {text.strip()}")
        return text

    def run(self, page, command):
        start = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"})
        print(f"{time.monotonic() - start:5.1f} s  {command}", flush=True)
        if done.returncode != 0:
            print(done.stdout[-4000:], file=sys.stderr, flush=True)
            self.error(page, f"expects exit code 0, got {done.returncode}: "
                       f"{command}")

    def check(self, page):
        text = page.read_text(encoding="utf-8")
        commands = list(commands_of(text))
        if not commands:
            self.error(page, "expects a block of sh, got none")
        for command in commands:
            if command in self.listed:
                print(f"listed:  {command}: {self.listed[command]}")
                self.used.add(command)
                self.check_exists(page, command)
            else:
                self.run(page, command)
        for span in code_spans(text):
            if span.startswith("./run "):
                self.check_exists(page, span)
                continue
            for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span):
                if not re.search(rf"{option}\b", self.help):
                    self.error(page, f"no --help explains {option}")
        if page.name == "commands.md":
            for name in self.subcommands:
                if f"| `{name}` |" not in text:
                    self.error(page, f"expects a row for graft {name}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pages", nargs="+", type=pathlib.Path)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--listed", nargs=2, action="append", default=[],
                        metavar=("COMMAND", "REASON"))
    arguments = parser.parse_args()
    pages = Pages(arguments)
    for page in arguments.pages:
        pages.check(page)
    for command in sorted(set(pages.listed) - pages.used):
        pages.report(f"no page has the listed command {command}")
    print(f"{len(pages.errors)} errors")
    return 1 if pages.errors else 0


if __name__ == "__main__":
    sys.exit(main())
