"""Other tools in environments of their own under bench/scratch, and easy-vqa's pictures."""

import json
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from pathlib import Path

WORK = Path(__file__).parent / "scratch"

CLEANVISION = """
import json, sys
from cleanvision import Imagelab
if __name__ == "__main__":
    lab = Imagelab(data_path=sys.argv[1])
    lab.find_issues(n_jobs=int(sys.argv[2]), verbose=False)
    sets = [*lab.info["near_duplicates"]["sets"], *lab.info["exact_duplicates"]["sets"]]
    json.dump([[path.rsplit("/", 1)[-1] for path in one] for one in sets], open(sys.argv[3], "w"))
"""

# Its hashing methods need no torch; the methods that do are replaced by nothing.
IMAGEDEDUP = """
import json, sys, types
models = types.ModuleType("imagededup.utils.models")
models.CustomModel = models.MobilenetV3 = object
models.DEFAULT_MODELS = {}
cnn = types.ModuleType("imagededup.methods.cnn")
cnn.CNN = object
sys.modules.update({models.__name__: models, cnn.__name__: cnn})
from imagededup.methods import PHash
if __name__ == "__main__":
    workers = int(sys.argv[2])
    hasher = PHash(verbose=False)
    codes = hasher.encode_images(sys.argv[1], num_enc_workers=workers)
    found = hasher.find_duplicates(encoding_map=codes, max_distance_threshold=10, num_dist_workers=workers)
    json.dump([[name, other] for name, others in found.items() for other in others], open(sys.argv[3], "w"))
"""


@dataclass(frozen=True)
class Peer:
    """One tool: what pip installs (in separate steps), and the program that writes groups of file names."""

    name: str
    installs: tuple[tuple[str, ...], ...]
    program: str


PEERS = (
    Peer("CleanVision 0.3.7", (("cleanvision==0.3.7",),), CLEANVISION),
    Peer(
        "imagededup 0.3.3.post2, PHash, threshold 10",
        (
            ("--no-deps", "imagededup==0.3.3.post2"),
            ("pillow", "tqdm", "scikit-learn", "PyWavelets", "matplotlib", "scipy"),
        ),
        IMAGEDEDUP,
    ),
)


def run_peer(peer: Peer, images: Path, workers: int) -> tuple[float, set[frozenset[str]]]:
    """Return the seconds that the tool takes in its own process, and the pairs of files it calls alike."""
    python = environment(peer.name.split()[0].lower(), peer.installs)
    out = WORK / "peer.json"
    started = time.perf_counter()
    subprocess.run(
        [python, "-c", peer.program, str(images), str(workers), str(out)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    seconds = time.perf_counter() - started
    groups = json.loads(out.read_text())
    return seconds, {frozenset((a, b)) for group in groups for a in group for b in group if a != b}


def easy_vqa() -> Path:
    """Return the folder of easy-vqa's 5,000 pictures."""
    python = environment("easy-vqa", (("--no-deps", "easy-vqa==1.0"),))
    return next(python.parent.parent.glob("lib/*/site-packages/easy_vqa/data"))


def environment(name: str, installs: tuple[tuple[str, ...], ...]) -> Path:
    """Return the Python of a virtual environment under bench/scratch, made when first asked for."""
    folder = WORK / f"venv-{name}"
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        print(f"installing {name}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        for packages in installs:
            subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True, stdout=sys.stderr)
        done.touch()
    return python
