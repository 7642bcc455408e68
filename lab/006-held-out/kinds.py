"""Kinds of defect that the product has no check for, and the two that are drawn from them.

python lab/006-held-out/kinds.py
"""

from random import Random

SEED = 20261122  # fixed before the list was written
KINDS = (
    "mirrored",  # the image is flipped left to right, its labels are not
    "renamed",  # one shape bears the name of another, always
    "neighbour",  # the answer is about the place beside the one that is asked about
    "stale",  # the answer is the right one to the same question about the image of the row before
    "white-when-dim",  # the annotator says "white" of every image that is too dim to tell
    "watermark",  # a few pixels in the corner of the image encode the answer
    "brightness",  # an image is the brighter, the later the answer stands in the alphabet
    "colour-blind",  # the annotator takes green for blue and blue for green
    "occluded",  # a patch hides the place that is asked about; the answer tells what nobody can see
    "reading-order",  # the annotator counts places by columns where the question counts by rows
)


def drawn() -> list[str]:
    """Return the two kinds of the experiment."""
    return Random(SEED).sample(KINDS, 2)


if __name__ == "__main__":
    print(*drawn())
