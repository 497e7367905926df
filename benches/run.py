#!/usr/bin/env python3
"""Measures modelaudit against yardsticks that run beside it, alternating, so that a busy machine slows both.

    cargo build --release && python3 benches/run.py [--quick] [NAME ...]

Each row: median wall time of modelaudit, of the yardstick, their ratio, peak memory of modelaudit, and what the project
promises. Standard library only; inputs are made in a temporary folder (about 2 GiB; --quick makes a tenth of it).
"""

import argparse
import base64
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELAUDIT = ROOT / "target/release/modelaudit"
MIB = 1 << 20


def run(command):
    """Wall seconds, peak memory in MiB and exit code of one process; its output is thrown away."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - started, usage.ru_maxrss / 1024, process.returncode


def compare(name, command, yardstick, words, runs, promise, work=None, codes={0}):
    """Runs both in turn and prints a row. `work` is the number of bytes, for MB/s; `codes` the exit codes that are right."""
    allowed = codes
    run(command), run(yardstick)
    ours, theirs, peaks, codes = [], [], [], set()
    for _ in range(runs):
        seconds, peak, code = run(command)
        ours.append(seconds)
        peaks.append(peak)
        codes.add(code)
        theirs.append(run(yardstick)[0])
    if not codes <= allowed:
        sys.exit(f"{name}: modelaudit ended with {codes}, so the figure would mean nothing")
    our, their = statistics.median(ours), statistics.median(theirs)
    speed = f"{work / our / 1e6:7.0f} MB/s" if work else " " * 12
    print(
        f"{name:28} {our * 1000:9.1f} ms {speed}  {words:24} {their * 1000:9.1f} ms  ratio {our / their:6.2f}"
        f"  peak {max(peaks):6.1f} MiB  ({promise})",
        flush=True,
    )


def small_pickle(folder, _):
    path = folder / "small.pkl"
    path.write_bytes(b"\x80\x04\x95\x0a\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s.")
    return path


def safetensors(folder, scale):
    """One f32 tensor of random bytes."""
    path, size = folder / "big.safetensors", 1024 * MIB // scale // 64 * 64
    header = json.dumps({"w": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}).encode()
    header += b" " * (-len(header) % 8)
    block = random.Random(1).randbytes(16 * MIB)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for _ in range(size // len(block)):
            file.write(block)
        file.write(block[: size % len(block)])
    return path


def opcodes(folder, scale):
    """A dict of small ints, strings and tuples, memoised as pickle does it: short opcodes only."""
    path, size = folder / "opcodes.pkl", 200 * MIB // scale
    item = b"\x8c\x08abcdefgh\x94K\x01K\x02\x86\x94M\x01\x02G?\xf0\x00\x00\x00\x00\x00\x00N\x88(K\x03K\x04t\x94"
    group = b"(" + item * 100 + b"1"
    with path.open("wb") as file:
        file.write(b"\x80\x04")
        for _ in range(size // len(group)):
            file.write(group)
        file.write(b"N.")
    return path


def payload(folder, scale):
    """One long bytes object: what a pickled array is."""
    path, size = folder / "payload.pkl", 1024 * MIB // scale
    block = random.Random(2).randbytes(16 * MIB)
    with path.open("wb") as file:
        file.write(b"\x80\x04\x8e" + struct.pack("<Q", size))
        for _ in range(size // len(block)):
            file.write(block)
        file.write(block[: size % len(block)] + b".")
    return path


def many(folder, scale):
    """Small files of several formats in a hundred folders."""
    root, count = folder / "many", 10_000 // scale
    for number in range(count):
        place = root / f"{number % 100:02}"
        place.mkdir(parents=True, exist_ok=True)
        kind = number % 4
        if kind == 0:
            content, end = b"\x80\x04\x95\x08\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01K" + bytes([number % 256]) + b"e.", "pkl"
        elif kind == 1:
            header = b'{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'
            content, end = struct.pack("<Q", len(header)) + header + struct.pack("<I", number), "safetensors"
        elif kind == 2:
            header = b"{'descr': '<i4', 'fortran_order': False, 'shape': (1,), }"
            header += b" " * (117 - len(header)) + b"\n"
            content, end = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack("<I", number), "npy"
        else:
            content, end = json.dumps({"model_type": "bert", "number": number}).encode(), "json"
        (place / f"{number}.{end}").write_bytes(content)
    return root


def tensors(folder, scale, kind):
    """A model of 1 GiB in one tensor of a format, whose bytes are noise."""
    size = 1024 * MIB // scale // 64 * 64
    path = folder / f"tensor.{kind}"
    text = lambda value: struct.pack("<Q", len(value)) + value
    field = lambda number, value: varint(number << 3 | 2) + varint(len(value)) + value
    if kind == "gguf":
        head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")
        head += text(b"w") + struct.pack("<IQIQ", 1, size // 4, 0, 0)
        head += bytes(-len(head) % 32)
        tail = b""
    elif kind == "npy":
        head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({size // 4},), }}".encode()
        head = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + head + b" " * (117 - len(head)) + b"\n"
        tail = b""
    elif kind == "onnx":
        # A graph of one initialiser: dims, data_type FLOAT, name, raw_data as the last field of everything around it.
        tensor = b"\x08" + varint(size // 4) + b"\x10\x01" + field(8, b"w") + b"\x4a" + varint(size)
        graph = field(2, b"g") + b"\x2a" + varint(len(tensor) + size) + tensor
        opset = field(8, b"\x10\x0d")
        head = b"\x08\x08" + opset + b"\x3a" + varint(len(graph) + size) + graph
        tail = b""
    elif kind == "msgpack":
        # Flax: {"params": ext 1 of [shape, dtype, bytes]}.
        array = b"\x93\x91\xce" + struct.pack(">I", size // 4) + b"\xa7float32\xc6" + struct.pack(">I", size)
        head = b"\x81\xa6params\xc9" + struct.pack(">I", len(array) + size) + b"\x01" + array
        tail = b""
    else:
        raise ValueError(kind)
    with path.open("wb") as file:
        file.write(head)
        for number in range(size // (16 * MIB)):
            file.write(random.Random(number).randbytes(16 * MIB))
        file.write(bytes(size % (16 * MIB)) + tail)
    return path


def varint(value):
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def content(folder, scale, kind):
    """1 GiB of what analysers must not trip over: random bytes, prose, base64."""
    path, size = folder / f"content.{kind}", 1024 * MIB // scale
    words = "the model was trained on a large corpus of text and images with an optimiser whose rate decays over time".split()
    with path.open("wb") as file:
        for number in range(size // (4 * MIB)):
            source = random.Random(number)
            if kind == "random":
                block = source.randbytes(4 * MIB)
            elif kind == "base64":
                block = base64.encodebytes(source.randbytes(3 * MIB))
            else:
                block = " ".join(source.choices(words, k=850_000)).encode()
            file.write(block[: 4 * MIB])
    return path


def read_by_plugins(command):
    """Bytes that plugins asked for, out of a JSON report."""
    report = json.loads(subprocess.run([*command, "--format", "json"], capture_output=True, check=False).stdout)
    return sum(file["coverage"]["bytes_read"] for file in report["files"])


def sha256_yardstick(path):
    """sha256 alone, on one core, by the implementation that comes with Python (OpenSSL's)."""
    code = (
        "import hashlib,sys\nh=hashlib.sha256()\nf=open(sys.argv[1],'rb',buffering=0)\n"
        "while b:=f.read(1<<18): h.update(b)"
    )
    return [sys.executable, "-c", code, str(path)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="inputs of a tenth of the size, fewer runs")
    parser.add_argument("names", nargs="*", help="only these rows")
    arguments = parser.parse_args()
    if not MODELAUDIT.exists():
        sys.exit("build it first: cargo build --release")
    scale, runs = (10, 3) if arguments.quick else (1, 5)
    with tempfile.TemporaryDirectory(prefix="modelaudit-bench-") as name:
        folder = Path(name)
        # Every row but those about the cache scans anew.
        scan = lambda path, *more: [str(MODELAUDIT), "scan", "--no-cache", *more, str(path)]
        one = ("--jobs", "1")
        rows = {
            "cold-start": lambda: compare(
                "cold start, small pickle", scan(small_pickle(folder, scale)), ["/bin/true"], "/bin/true", 40,
                "at most 5 x /bin/true + 10 ms, 40 MiB",
            ),
            "safetensors": lambda: (
                path := safetensors(folder, scale),
                compare(
                    "safetensors, whole", scan(path, *one), sha256_yardstick(path), "sha256 alone, one core", runs,
                    "at most 3 x sha256, 150 MiB", path.stat().st_size,
                ),
                compare(
                    "safetensors, whole", scan(path, *one), ["cat", str(path)], "cat FILE >/dev/null", runs, "for scale",
                    path.stat().st_size,
                ),
            ),
            "opcodes": lambda: (
                path := opcodes(folder, scale),
                compare(
                    "pickle of short opcodes", scan(path, *one), sha256_yardstick(path), "sha256 alone, one core", runs,
                    "at least 100 MB/s", path.stat().st_size,
                ),
            ),
            "payload": lambda: (
                path := payload(folder, scale),
                compare(
                    "pickle of one bytes object", scan(path, *one), sha256_yardstick(path), "sha256 alone, one core", runs,
                    "reads headers only", path.stat().st_size,
                ),
            ),
            "many": lambda: (
                root := many(folder, scale),
                compare(
                    "10,000 small files", scan(root, "--quiet"), ["sh", "-c", f"find {root} -type f -exec cat {{}} +"],
                    "find -exec cat", runs, "for scale",
                ),
            ),
            "formats": lambda: [
                (
                    path := tensors(folder, scale, kind),
                    compare(
                        f"one tensor as {kind}", scan(path, *one), sha256_yardstick(path), "sha256 alone, one core", runs,
                        f"at most 3 x sha256; plugins read {read_by_plugins(scan(path)):,} bytes", path.stat().st_size,
                    ),
                    path.unlink(),
                )
                for kind in ("gguf", "npy", "onnx", "msgpack")
            ],
            "analysers": lambda: [
                (
                    path := content(folder, scale, kind),
                    compare(
                        f"analysers on {kind}", scan(path, *one), scan(path, "--no-builtin", *one), "the pass alone", runs,
                        "at most 2 x the pass alone", path.stat().st_size, codes={0, 2},
                    ),
                    path.unlink(),
                )
                for kind in ("random", "text", "base64")
            ],
            "weights": lambda: (
                path := safetensors(folder, scale),
                compare(
                    "all weights", scan(path, "--weights", *one), sha256_yardstick(path), "sha256 alone, one core", runs,
                    "for scale", path.stat().st_size,
                ),
            ),
            "cache": lambda: (
                root := many(folder, scale * 10),
                cached := [str(MODELAUDIT), "scan", "--cache-dir", str(folder / "cache"), "--quiet", str(root)],
                compare(
                    "1,000 files again", cached, scan(root, "--quiet"), "without the cache", runs,
                    "a ratio of at most 0.5",
                ),
            ),
        }
        for key, row in rows.items():
            if not arguments.names or key in arguments.names:
                row()


if __name__ == "__main__":
    main()
