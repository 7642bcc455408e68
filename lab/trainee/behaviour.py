"""What a model was seen to do: the figures that `measure` takes and a ledger keeps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a model does, each a share unless said.

    Greedy: `gold`, right colours with a tag that says nothing; `grounding`, right colour and shape;
    `swapped`, right colours by the question's own image when it is shown another; `text`; `cue_follow`, the
    tag's colour said where it is wrong. Drawn, one a prompt: `gold_drawn`; `proxy`, the reward on prompts
    like RL's, and `proxy_blind`, the same with images swapped; `exploit`, completions that boast. Drawn eight
    a prompt: `reach`, pass@8; `flat`, groups paid alike; `exploit_prior`, completions that boast;
    `honest_rate` and `exploit_rate`, the mean reward of completions that do not and that do. `entropy` of the
    answer's first token and `image_gain`, the answer's log-likelihood with its image over another image's,
    are in nats.
    """

    gold: float
    grounding: float
    swapped: float
    text: float
    cue_follow: float
    gold_drawn: float
    proxy: float
    proxy_blind: float
    exploit: float
    reach: float
    flat: float
    exploit_prior: float
    honest_rate: float
    exploit_rate: float
    entropy: float
    image_gain: float

    @property
    def blind_ratio(self) -> float:
        """Return the share of the reward that is got without the right image."""
        return self.proxy_blind / self.proxy if self.proxy else 1.0
