#!/usr/bin/env python3
"""Writes the small files that the transcripts scan. Standard library only; nothing written here is ever loaded.

Usage: tests/cmd/make.py (twice gives the same bytes).
"""

import hashlib
import struct
import zipfile
from pathlib import Path

HERE = Path(__file__).parent


def npy(shape: str, data: bytes) -> bytes:
    """A numpy file of format 1.0 with 64-bit floats."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def write(path: str, data: bytes) -> None:
    target = HERE / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def archive(path: str, members: dict[str, bytes]) -> None:
    target = HERE / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as out:
        for name, data in members.items():
            out.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


def main() -> None:
    good = npy("(2,)", struct.pack("<2d", 1.0, 2.0))
    write("scan.in/models/good.npy", good)
    # The array is cut off: half of the second number is missing.
    write("scan.in/models/cut.npy", good[:-4])
    # A shape of 8 TiB over 16 bytes.
    write("scan.in/models/absurd.npy", npy("(1099511627776,)", bytes(16)))
    # A member that is unpacked outside the folder it is unpacked to.
    archive("scan.in/models/slip.zip", {"weights.npy": good, "../../.bashrc": b"echo\n"})
    write("scan.in/good/a.npy", good)
    write("scan.in/good/b.npy", good)
    write("scan.in/good/readme.md", b"# a model\n")
    write("output.in/good.npy", good)
    absurd = npy("(1099511627776,)", bytes(16))
    slip = {"weights.npy": good, "../../.bashrc": b"echo\n"}
    for place in ("policy.in", "dry-run.in", "hints.in", "options.in", "metadata.in"):
        write(f"{place}/good/a.npy", good)
        write(f"{place}/good/b.npy", good)
        write(f"{place}/good/readme.md", b"# a model\n")
        write(f"{place}/models/absurd.npy", absurd)
        archive(f"{place}/models/slip.zip", slip)
    digest = hashlib.sha256(good).hexdigest()
    write("options.in/bad.txt", f"# our own\n{digest}  an old model\n".encode())
    write("options.in/wrong.txt", b"abc  not a hash\n")
    write("options.in/plugins/broken.wasm", b"not a component")
    # A model card that names a copyleft licence.
    write("policy.in/card/README.md", b"---\nlicense: agpl-3.0\n---\n# A model\n")
    # A second archive of other bytes with the same flaw.
    archive("baseline.in/slip.zip", slip)
    archive("baseline.in/other.zip", {"../other.txt": b"x"})
    write("config.in/good.npy", good)
    archive("config.in/models/slip.zip", slip)
    write("config.in/modelaudit.toml", b'suppress = ["S405"]\n\n[severity]\nS904 = "info"\n')
    write("config.in/unknown.toml", b'strict = true\nsupress = ["S405"]\n')
    write("config.in/rule.toml", b'[ignore]\n"models/" = ["S40"]\n')
    write("config.in/value.toml", b'timeout = "soon"\n')


if __name__ == "__main__":
    main()
