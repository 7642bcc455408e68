"""`report.html`: one self-contained file, of bounded size whatever the data's."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup

from sft_audit import __version__
from sft_audit.audit import Outcome
from sft_audit.check import FAMILIES, WOUNDS
from sft_audit.config import AuditConfig
from sft_audit.report.advice import add_advice
from sft_audit.report.galleries import MOST_CARDS, read_galleries
from sft_audit.report.ledger import (
    Asked,
    Fault,
    Reason,
    Waived,
    read_asked,
    read_faults,
    read_reasons,
    read_waived,
)
from sft_audit.report.pictures import (
    BIT_COLOURS,
    BIT_PARTS,
    TOKEN_COLOURS,
    TOKEN_PARTS,
    Blindness,
    Imbalance,
    Pollution,
    draw_blindness,
    draw_imbalance,
    draw_pollution,
)
from sft_audit.report.sources import Source, read_sources, write_csv
from sft_audit.report.visible import between, cut, percent, visible
from sft_audit.report.wounds import Wound
from sft_audit.store import Store

MOST_BYTES = 3_000_000
_MOST_SOURCES = 60
_MOST_FILES = 40
_MOST_FAULTS = 12


@dataclass(frozen=True, slots=True)
class Size:
    """How much was looked at."""

    samples: int
    malformed: int
    images: int
    turns: int
    sources: int
    findings: int
    rows: int


@dataclass(frozen=True, slots=True)
class File:
    """One file that was read."""

    name: str
    format: str
    rows: int
    malformed: int
    audited: int
    n_bytes: int
    content_hash: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the template shows."""

    outcome: Outcome
    size: Size
    reasons: tuple[Reason, ...]
    wounds: tuple[Wound, Wound, Wound]
    blindness: Blindness
    pollution: Pollution
    imbalance: Imbalance
    checks: tuple[Asked, ...]
    faults: tuple[Fault, ...]
    waived: tuple[Waived, ...]
    sources: tuple[Source, ...]
    files: tuple[File, ...]
    n_files: int
    image_tokens: str
    baseline: str
    configuration: str
    versions: Mapping[str, str]

    @property
    def other_families(self) -> tuple[str, ...]:
        """Return the families that are no wound, in the order in which they are known."""
        found = {one.family for one in self.checks} - set(WOUNDS)
        return tuple(sorted(found, key=lambda letters: [*FAMILIES, letters].index(letters)))

    @property
    def others(self) -> tuple[tuple[str, tuple[Asked, ...]], ...]:
        """Return the families that are no wound, each with its name and checks."""
        return tuple(
            (FAMILIES.get(letters, letters), self.family(letters)) for letters in self.other_families
        )

    @property
    def flagged(self) -> tuple[Asked, ...]:
        """Return the checks that found something: the wounds first."""
        order = [*WOUNDS, *self.other_families]
        return tuple(
            sorted((one for one in self.checks if one.findings), key=lambda c: order.index(c.family))
        )

    def family(self, letters: str) -> tuple[Asked, ...]:
        """Return the checks of a family."""
        return tuple(one for one in self.checks if one.family == letters)


def write_report(
    folder: Path, store: Store, outcome: Outcome, config: AuditConfig, wounds: tuple[Wound, Wound, Wound]
) -> None:
    """Write `report.html` and `sources.csv` into the audit folder; `weights` must be there."""
    sources = add_advice(store, read_sources(store), outcome)
    write_csv(folder / "sources.csv", sources)
    page = _page(store, outcome, config, sources, wounds)
    (folder / "report.html").write_bytes(_render(store, page, config))


def _render(store: Store, page: Page, config: AuditConfig) -> bytes:
    """Return the page, at most MOST_BYTES long: where it would be longer, pictures go first, then cards."""
    template = environment().get_template("report.html.j2")
    for most, pixels in ((MOST_CARDS, config.thumbnails), (MOST_CARDS, False), (2, False), (0, False)):
        galleries = read_galleries(store, config, most, pixels=pixels)
        rendered: bytes = template.render(page=page, galleries=galleries, pixels=pixels).encode("utf-8")
        if len(rendered) <= MOST_BYTES:
            return rendered
    raise AssertionError(f"the report takes {len(rendered):,} bytes without any card")


def _page(
    store: Store,
    outcome: Outcome,
    config: AuditConfig,
    sources: tuple[Source, ...],
    wounds: tuple[Wound, Wound, Wound],
) -> Page:
    asked = [e.check for e in outcome.evidence if e.state == "gathered" and e.check.startswith("PRF")]
    files = store.rows(
        "select file, format, rows, malformed, audited, n_bytes, content_hash from files order by file"
    )
    return Page(
        outcome=outcome,
        size=_size(store),
        reasons=read_reasons(store, outcome),
        wounds=wounds,
        blindness=draw_blindness(store, sources),
        pollution=draw_pollution(store, sources, sorted(asked)),
        imbalance=draw_imbalance(store),
        checks=read_asked(store, outcome),
        faults=read_faults(outcome),
        waived=read_waived(store, config),
        sources=sources,
        files=tuple(File(*row) for row in files[:_MOST_FILES]),
        n_files=len(files),
        image_tokens=config.image_tokens,
        baseline=str(config.baseline or ""),
        configuration=_configuration(config),
        versions=_versions(),
    )


def _size(store: Store) -> Size:
    return Size(
        *store.rows(
            """
            select
                (select count(*) from samples),
                (select count(*) from samples where malformed),
                (select count(distinct coalesce(image_id, uri)) from image_uses),
                (select count(*) from turns),
                (select count(distinct coalesce(source, file)) from samples),
                (select count(*) from findings where status = 'open'),
                (select coalesce(sum(rows), 0)::bigint from files)
            """
        )[0]
    )


def _configuration(config: AuditConfig) -> str:
    given: str = yaml.safe_dump(config.model_dump(mode="json"), allow_unicode=True, sort_keys=True)
    return given


def _versions() -> Mapping[str, str]:
    from importlib.metadata import version
    from platform import python_version

    packages = ("duckdb", "numpy", "pillow", "pyarrow", "scikit-learn")
    return {"sft-audit": __version__, "python": python_version()} | {name: version(name) for name in packages}


@cache
def environment() -> Any:  # noqa: ANN401 - jinja2 is imported late
    """Return the environment of the templates: everything printed is escaped and made visible."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sft_audit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cut"] = cut
    environment.filters["percent"] = percent
    environment.filters["bits"] = _bits
    environment.globals.update(
        between=between,
        most_sources=_MOST_SOURCES,
        most_faults=_MOST_FAULTS,
        bit_parts=BIT_PARTS,
        bit_colours=BIT_COLOURS,
        token_parts=TOKEN_PARTS,
        token_colours=TOKEN_COLOURS,
    )
    return environment


def _bits(amount: float | None) -> str:
    return "-" if amount is None else f"{amount:.3f}"


def _shown(value: object) -> object:
    """Spell out what would hide or reorder text, in everything that the template prints."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
