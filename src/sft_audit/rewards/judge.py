"""Which models a reward's module asks, and the family of a model by its name."""

import ast
import re

# A family by how the names of its models begin, after the publisher (`openai/gpt-4o`).
_FAMILIES = (
    ("openai", r"gpt|chatgpt|o[134](?:-|$)|davinci|text-davinci"),
    ("anthropic", r"claude"),
    ("google", r"gemini|gemma|palm|paligemma"),
    ("qwen", r"qwen|qwq|qvq"),
    ("llama", r"(?:meta-?)?llama"),
    ("mistral", r"mistral|mixtral|pixtral|ministral|magistral|codestral"),
    ("deepseek", r"deepseek|janus"),
    ("internvl", r"internvl|internlm|mini-internvl"),
    ("glm", r"(?:chat)?glm|cogvlm"),
    ("phi", r"phi-?\d"),
    ("kimi", r"kimi|moonlight"),
    ("minicpm", r"minicpm"),
    ("grok", r"grok"),
    ("yi", r"yi-"),
    ("cohere", r"command-|aya-"),
    ("molmo", r"molmo|olmo"),
)
_NAMED = re.compile(r"(?:.*_)?(?:judge|model|model_name|model_id|engine)", re.IGNORECASE)


def family_of(name: str) -> str | None:
    """Return the family of a model's name, None where it tells none."""
    plain = name.strip().lower().rstrip("/").rpartition("/")[2]
    return next((family for family, begins in _FAMILIES if re.match(begins, plain)), None)


def named_models(source: str) -> tuple[str, ...]:
    """Return the models of known family that a module names, as `model="..."` in a call, dict or constant."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.keyword(arg=str(name), value=ast.Constant(value=str(value))) if _NAMED.fullmatch(name):
                found.append(value)
            case ast.Dict(keys=keys, values=values):
                found += [
                    value.value
                    for key, value in zip(keys, values, strict=True)
                    if isinstance(key, ast.Constant) and key.value == "model"
                    if isinstance(value, ast.Constant) and isinstance(value.value, str)
                ]
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))):
                found += [value] if _NAMED.fullmatch(name) else []
            case ast.arguments(args=named, kwonlyargs=only, defaults=defaults, kw_defaults=given):
                pairs = [*zip(named[-len(defaults) or len(named) :], defaults, strict=True)]
                pairs += [(one, value) for one, value in zip(only, given, strict=True) if value is not None]
                found += [
                    value.value
                    for one, value in pairs
                    if _NAMED.fullmatch(one.arg)
                    if isinstance(value, ast.Constant) and isinstance(value.value, str)
                ]
    return tuple(dict.fromkeys(name for name in found if family_of(name)))
