"""The configuration of one audit: defaults, the user's YAML, a few flags; read once, then frozen."""

from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from math import isnan
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from sft_audit.check import all_checks, find_check
from sft_audit.errors import AuditError

ImageTokens = Literal["llava-1.5", "qwen2-vl"]
Part = Literal["vision", "projector", "language"]


def _code_or_family(check: str) -> str:
    family = check.upper()
    return family if any(code.startswith(family) for code in all_checks()) else find_check(check).code


class _Frozen(BaseModel):
    # Nothing is above or below NaN: a threshold that is NaN would switch off what it is for.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Waiver(_Frozen):
    """Findings that the team accepts: counted and shown, but not held against the data set."""

    check: Annotated[str, AfterValidator(_code_or_family)]
    reason: str
    who: str
    until: date
    source: str | None = None


class AuditConfig(_Frozen):
    """Everything that an audit of a data set depends on; no row of it should stand in the sets of `eval`."""

    subject: ClassVar[str] = "data"
    data_flag: ClassVar[str] = "DATA"

    data: tuple[Path, ...]
    images: Path | None = None
    format: str = "auto"
    out: Path = Path("audit")
    select: tuple[str, ...] = ()
    ignore_checks: tuple[str, ...] = ()
    sample: int | None = Field(default=None, gt=0)
    seed: int = 0
    preferences: tuple[Path, ...] = ()
    eval: tuple[Path, ...] = ()
    baseline: Path | None = None
    policy: Path | None = None
    thumbnails: bool = True
    workers: int = Field(default=0, ge=0)
    memory_limit: str = "4GB"
    image_tokens: ImageTokens = "llava-1.5"
    ignore: tuple[Waiver, ...] = ()
    checks: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    @field_validator(
        "data",
        "preferences",
        "samples",
        "blind_samples",
        "sft",
        "sft_samples",
        "eval",
        mode="before",
        check_fields=False,
    )
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str | Path) else value

    @field_validator("checks")
    @classmethod
    def _no_nan(cls, checks: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
        for code, options in checks.items():
            for key, value in options.items():
                if isinstance(value, float) and isnan(value):
                    raise AuditError(f"checks.{code}.{key}: it is not a number (got nan); give one")
        return checks


class RewardConfig(AuditConfig):
    """Everything that an audit of a reward function depends on; its trials are made from the data set.

    `seconds` is what one batch may take, `reward_memory` the address space of the function's process (a
    model's folder gets four times its weights more). `judge_model` names the model that judges, `generator`
    the one that wrote the data set. `samples` are logs of what the SFT model samples, of which `scored` are
    put to the function; `planned_rollouts` is how many RL will sample; `sft_audit` an audit of the SFT data,
    whose reward-like tails are tried.
    """

    subject: ClassVar[str] = "reward"
    data_flag: ClassVar[str] = "--data DATA"

    target: str
    out: Path = Path("reward-audit")
    trainer: str | None = None
    answers: int = Field(default=60, gt=0)
    threshold: float | None = None
    constitution: Path | None = None
    seconds: float = Field(default=30.0, gt=0)
    reward_memory: int = Field(default=8 << 30, gt=0)
    allow_hosts: tuple[str, ...] = ()
    judge_model: str | None = None
    generator: str | None = None
    samples: tuple[Path, ...] = ()
    scored: int = Field(default=2000, gt=0)
    planned_rollouts: int | None = Field(default=None, gt=0)
    sft_audit: Path | None = None


class PromptsConfig(AuditConfig):
    """Everything that an audit of a set of RL prompts depends on; `samples` are logs of sampled completions.

    `blind_samples` are logs of completions sampled without the image, `generations` the size of a GRPO group.
    `threshold` is the reward above which a completion is right. A prompt is in the recommended subset from
    the probability `min_signal` that a group of it has an advantage. `sft` and `eval` are further data sets,
    in which no prompt should stand. The rest is what the run costs, in hours, seconds and the user's money.
    """

    subject: ClassVar[str] = "prompts"

    out: Path = Path("prompts-audit")
    samples: tuple[Path, ...] = ()
    blind_samples: tuple[Path, ...] = ()
    generations: int = Field(default=8, gt=1)
    threshold: float | None = None
    min_signal: float = Field(default=0.25, ge=0, le=1)
    sft: tuple[Path, ...] = ()
    planned_rollouts: int | None = Field(default=None, gt=0)
    seconds_per_rollout: float | None = Field(default=None, gt=0)
    gpu_hours: float | None = Field(default=None, gt=0)
    price: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if not (self.samples or self.sft or self.eval):
            raise AuditError(
                "nothing is given to hold the prompts against; give --samples LOG, --sft DATA or --eval DATA"
            )
        return self


class CheckpointConfig(AuditConfig):
    """Everything that an audit of a checkpoint depends on; `data` are the probes that are put to it.

    `base` and `checkpoint` are folders of models, or of a PEFT adapter; `null` are benign fine-tunes of the
    same base, from whose drift the thresholds come. `samples` are logs to read in place of asking a model,
    each `MODEL:CONDITION=FILE`, where MODEL is base or sft and CONDITION own, swapped, none or blank.
    `trained` are the parts that fine-tuning was meant to change. Every probe is answered once greedily and
    `draws` times at temperature 1, by at most `max_new_tokens` tokens; `gradients` rows tell how large the
    gradients of image and text rows are. `batch` and `device` are found where they are not given. `sft_audit`
    is an audit of the SFT data: its reward-like tails are looked for, its rows named, and `own_rows` of them
    put to the checkpoint again. What models said is kept in the folder `cache`, and not asked again.
    """

    subject: ClassVar[str] = "checkpoint"
    data_flag: ClassVar[str] = "--probes DATA"

    out: Path = Path("checkpoint-audit")
    base: Path | None = None
    checkpoint: Path | None = None
    null: tuple[Path, ...] = ()
    samples: tuple[str, ...] = ()
    trained: tuple[Part, ...] = ()
    draws: int = Field(default=8, ge=0)
    max_new_tokens: int = Field(default=64, gt=0)
    gradients: int = Field(default=256, ge=0)
    own_rows: int = Field(default=1000, ge=0)
    batch: int | None = Field(default=None, gt=0)
    device: str | None = None
    sft_audit: Path | None = None
    cache: Path | None = None

    @field_validator("null", mode="before")
    @classmethod
    def _folders(cls, value: object) -> object:
        return (value,) if isinstance(value, str | Path) else value

    @model_validator(mode="after")
    def _has_models(self) -> Self:
        if (self.base is None) != (self.checkpoint is None):
            raise AuditError("a base model and a checkpoint of it are compared; give both folders")
        models = {one.partition("=")[0].partition(":")[0] for one in self.samples}
        if self.checkpoint is None and models != {"base", "sft"}:
            raise AuditError(
                "nothing is given to compare; give the folders BASE and SFT, or logs of both with --samples"
            )
        return self


class RunConfig(AuditConfig):
    """Everything that an audit of an RL run depends on; `data` are the prompts that it was given, if known.

    `run` is its folder, or one log. `generations` is the size of a group, found from the log where it is not
    given; `planned_kl` is the divergence that the run was meant to take. `limits` are levels of the
    monitor's measures that stand for its own. `sft_audit` is an audit of the SFT data: its reward-like tails
    are looked for, its rows named. `sft_samples` are logs of what the SFT model sampled before RL.

    With `explain`, what RL reinforced is searched for and traced; `reward` is the reward function
    (`FILE.py:NAME`) that is asked what it pays for, `gpus` how many the run held.

    With `probes`, a pack, each saved checkpoint is asked, and `base`, the model that the run began with; what
    they said is kept in the folder `cache`, and not asked again.
    """

    subject: ClassVar[str] = "run"

    run: Path
    data: tuple[Path, ...] = ()
    out: Path = Path("run-audit")
    generations: int | None = Field(default=None, gt=1)
    planned_kl: float | None = Field(default=None, gt=0)
    limits: Mapping[str, float] = Field(default_factory=dict)
    sft_audit: Path | None = None
    sft_samples: tuple[Path, ...] = ()
    explain: bool = False
    reward: str | None = None
    trainer: str | None = None
    seconds: float = Field(default=30.0, gt=0)
    gpus: int = Field(default=1, gt=0)
    probes: Path | None = None
    base: Path | None = None
    max_new_tokens: int = Field(default=64, gt=0)
    batch: int | None = Field(default=None, gt=0)
    device: str | None = None
    cache: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, values: dict[str, object]) -> dict[str, object]:
        return {"out": Path("postmortem"), **values} if values.get("explain") else values


CONFIGS: Mapping[str, type[AuditConfig]] = MappingProxyType(
    {kind.subject: kind for kind in (AuditConfig, RewardConfig, PromptsConfig, CheckpointConfig, RunConfig)}
)


def load_config(
    path: Path | None, flags: Mapping[str, object], kind: type[AuditConfig] = AuditConfig
) -> AuditConfig:
    """Read the YAML file, if any, and lay the flags that were given over it; raise AuditError in one line."""
    given = {name: value for name, value in flags.items() if value not in (None, (), [])}
    values = {**(_read_yaml(path) if path else {}), **given}
    if kind.model_fields["data"].is_required() and not values.get("data"):
        raise AuditError(f"no data set is named; give {kind.data_flag}, or `data:` in the file of --config")
    return parse_config(values, str(path or "command line"), kind)


def parse_config(
    values: Mapping[str, object], where: str, kind: type[AuditConfig] = AuditConfig
) -> AuditConfig:
    """Return the validated configuration; raise AuditError that names the key and the nearest right one."""
    try:
        return kind.model_validate(dict(values))
    except ValidationError as fault:
        raise AuditError(f"{where}: {_one_line(fault, kind)}") from None
    except AuditError as fault:
        raise AuditError(f"{where}: {fault}") from None


def _read_yaml(path: Path) -> dict[str, object]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise AuditError(
            f"{path}: {(fault.strerror or str(fault)).lower()}; give a configuration file"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise AuditError(f"{path}: not YAML: {' '.join(str(fault).split())}") from None
    if not isinstance(content, dict):
        raise AuditError(f"{path}: expected a mapping of options, for example `sample: 5000`")
    return content


def _one_line(fault: ValidationError, model: type[BaseModel]) -> str:
    first = min(fault.errors(), key=lambda error: error["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        key = str(first["loc"][-1])
        keys = list(Waiver.model_fields if first["loc"][0] == "ignore" else model.model_fields)
        near = get_close_matches(key, keys, 1, 0)
        return f"unknown option {where!r}; did you mean {near[0]!r}?"
    return f"{where}: {first['msg'].lower()} (got {first['input']!r})"
