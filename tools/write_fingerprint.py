"""Add the fingerprint of a VGG release to those that ``nstyle reconstruct check`` knows.

    python tools/write_fingerprint.py oxford vgg16-oxford.safetensors
    python tools/write_fingerprint.py torchvision ~/.cache/torch/hub/checkpoints/vgg16-397923af.pth

Use only a file whose origin is certain, as all other files are compared with it.
"""

import json
import sys
from pathlib import Path

from nstyle.encoders.fingerprint import FILE, fingerprint
from nstyle.encoders.vgg_weights import read_vgg_file
from nstyle.system.files import write_atomically

STORE = Path(__file__).parents[1] / "nstyle" / "encoders" / FILE


def main() -> None:
    """Compute the fingerprint and store it under its release and architecture."""
    if len(sys.argv) != 3:
        sys.exit("usage: write_fingerprint.py RELEASE FILE")
    release, path = sys.argv[1], Path(sys.argv[2])
    weights = read_vgg_file(path)
    known = json.loads(STORE.read_text(encoding="utf-8")) if STORE.exists() else {}
    known[f"{release}/{weights.architecture}"] = {
        name: [float(f"{value:.8g}") for value in row] for name, row in fingerprint(weights).items()
    }
    rows = ",\n".join(
        f"  {json.dumps(key)}: {{\n"
        + ",\n".join(f"    {json.dumps(name)}: {row}" for name, row in known[key].items())
        + "\n  }"
        for key in sorted(known)
    )
    write_atomically(STORE, f"{{\n{rows}\n}}\n".encode())
    print(f"{STORE.name}: {', '.join(sorted(known))}")


if __name__ == "__main__":
    main()
