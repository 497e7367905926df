#!/usr/bin/env python3
"""Differential fuzzer of the pickle machine: every global that CPython's loaders ask for must be on the machine's list.

    python3 fuzz/differential/run.py [--seconds 60] [--seed 0] [--found FOLDER] [--tails] [CASE ...]

Makes pickles (generate.py), reads each with CPython's loaders in C and in Python (loaders.py) and with the machine, in the
readings that a scan makes (the `globals` example of modelaudit-pickle-machine, which this builds), and compares names: a name
that a loader asks `find_class` for and the machine does not list is a disagreement. So is a case on which the machine ends.
The machine may list more: it goes on where loaders stop. What follows the first stream may be anything, and the machine runs
it only if it looks like a pickle; where it says that it stopped, later streams are counted (and shown with --tails), but are
no disagreement: a scan does not call those bytes read.

Nothing is loaded. `find_class` is overridden in both loaders by a recorder that hands out inert stand-ins, so no module is
imported and no callable of a pickle is called. For that reason names that a pickle computes by calls are not compared.

Names are compared as `module.name`, with each run of characters beyond ASCII as one: which characters the bytes of a Python 2
string are depends on the encoding that a loader was told, and the machine knows one name for all of them.

A seed gives the same cases in the same order; --seconds says when to stop. Each disagreement is printed and its case written
to the folder of --found (default fuzz/artifacts/differential) as a line of hex. With files of such lines (or of pickles) as
arguments, those cases are run instead. Each run begins with known.hex: what was found before, by its cause. Exits with 1 on a disagreement. Standard library only, Python 3.9 or later.
"""

import argparse
import hashlib
import itertools
import json
import re
import resource
import struct
import subprocess
import sys
import time
from pathlib import Path

from generate import Generator
from loaders import LOADERS, asked, quiet

ROOT = Path(__file__).resolve().parents[2]
# Cases that one process of the machine reads.
BATCH = 2000
# Fixtures above this are about size, and would slow the rest.
LARGEST_FIXTURE = 2048
# Disagreements that are shown and kept; one cause gives hundreds.
SHOWN = 20
# Address space beyond what the interpreter has: a loader that is told to allocate gigabytes gets a MemoryError, as it may anywhere.
MEMORY = 256 << 20
# Seconds for a batch, which takes a fraction of one.
PATIENCE = 120


def build():
    """Builds the example, gives its path."""
    command = ["cargo", "build", "--release", "-p", "modelaudit-pickle-machine", "--example", "globals"]
    messages = subprocess.run(command + ["--message-format=json"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    paths = [m.get("executable") for m in map(json.loads, messages.splitlines()) if m.get("target", {}).get("name") == "globals"]
    return [path for path in paths if path][-1]


def machine(example, cases):
    """For each case the offset behind what the machine took for pickles, and the set of names that it lists.

    Ends early where the machine did.
    """
    records = b"".join(struct.pack("<I", len(case)) + case for case in cases)
    try:
        output = subprocess.run([example], input=records, stdout=subprocess.PIPE, timeout=PATIENCE).stdout
    except subprocess.TimeoutExpired as expired:
        output = expired.stdout or b""
    position = 0

    def number():
        nonlocal position
        (value,) = struct.unpack_from("<I", output, position)
        position += 4
        return value

    answers = []
    try:
        for _ in cases:
            end, names = number(), set()
            for _ in range(number()):
                length = number()
                names.add(comparable(output[position : position + length].decode()))
                position += length
            answers.append((end, names))
    except (struct.error, UnicodeDecodeError):
        pass
    if position > len(output):
        answers.pop()  # Its last name was cut off.
    return answers


def comparable(name):
    """A name with each run of characters beyond ASCII as one."""
    return re.sub(r"[^\x00-\x7f]+", "\ufffd", name)


def missing(case, end, listed):
    """Of each loader, the names it asks for that are not listed, and whether all of them stand in streams behind `end`."""
    found, behind = {}, True
    for title, loader, file, encoding in LOADERS:
        with quiet():
            names = asked(loader, file, encoding, case)
        names = {name: start for name, start in names.items() if comparable(name) not in listed}
        if names:
            found[title] = sorted(names)
            behind = behind and min(names.values()) >= end
    return found, behind


def disagreements(example, cases):
    """Cases of a batch on which machine and loaders differ: case, what to say about it, whether it is behind the machine's end."""
    done = 0
    while done < len(cases):
        answers = machine(example, cases[done:])
        for case, (end, listed) in zip(cases[done:], answers):
            found, behind = missing(case, end, listed)
            if found:
                names = "; ".join(f"{title}: {names}" for title, names in found.items())
                yield case, f"{names}; listed: {sorted(listed)}, end {end} of {len(case)}", behind
        done += len(answers)
        if done < len(cases):
            yield cases[done], "the machine ended or hung", False
            done += 1


def given(paths):
    """Cases out of files: lines of hex, or a pickle."""
    for path in paths:
        data = path.read_bytes()
        if re.fullmatch(rb"[0-9a-f\s]+", data):
            yield from map(bytes.fromhex, data.decode().split())
        else:
            yield data


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--found", type=Path, default=ROOT / "fuzz/artifacts/differential")
    parser.add_argument("--tails", action="store_true", help="show the later streams that were taken for other bytes, too")
    parser.add_argument("case", nargs="*", type=Path)
    options = parser.parse_args()

    example = build()
    files = sorted((ROOT / "fixtures/pickle").rglob("*.pkl"))
    fixtures = [data for data in (path.read_bytes() for path in files) if len(data) <= LARGEST_FIXTURE]
    with open("/proc/self/statm") as statm:
        used = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))

    generator = Generator(options.seed, fixtures)
    known = given([Path(__file__).with_name("known.hex")])
    source = given(options.case) if options.case else itertools.chain(known, (generator.case() for _ in itertools.count()))
    deadline = float("inf") if options.case else time.monotonic() + options.seconds
    total = bad = tails = 0
    while time.monotonic() < deadline and (cases := list(itertools.islice(source, BATCH))):
        for case, what, behind in disagreements(example, cases):
            tails += behind
            bad += not behind
            if not behind and bad <= SHOWN or behind and options.tails:
                options.found.mkdir(parents=True, exist_ok=True)
                kept = options.found / f"{hashlib.sha256(case).hexdigest()[:16]}.hex"
                kept.write_text(case.hex() + "\n")
                print(f"{'tail' if behind else 'disagreement'}: {what}\n    {case!r}\n    {kept}", flush=True)
        total += len(cases)
    print(
        f"Python {sys.version.split()[0]}, seed {options.seed}: {total} cases, {bad} disagreements, "
        f"{tails} with names only in later streams that the machine took for other bytes"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
