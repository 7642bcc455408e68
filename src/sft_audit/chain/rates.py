"""One measured error rate: how large, how sure, and where it is from."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sft_audit.chain.graph import Graph, Measured
from sft_audit.errors import AuditError
from sft_audit.gate import read_audit
from sft_audit.interval import Z95

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Side = Literal["low", "middle", "high"]


@dataclass(frozen=True, slots=True)
class Counted:
    """`k` errors of `n` answers, which are worth `worth` independent ones (n where they are independent).

    The 95 % interval is Clopper and Pearson's (1934): the 2.5 % quantile of Beta(k, n - k + 1) and the
    97.5 % quantile of Beta(k + 1, n - k). The middle is Jeffreys' posterior, Beta(k + 1/2, n - k + 1/2).
    """

    k: int
    n: int
    worth: float
    source: str

    @property
    def value(self) -> float:
        """Return the share of errors."""
        return self.k / self.n

    def quantile(self, u: "Floats", side: Side) -> "Floats":
        """Return the quantiles at u of the distribution on that side, same shape."""
        import numpy as np
        from scipy.special import betaincinv

        k = self.value * self.worth
        rest = self.worth - k
        match side:
            case "low":
                return np.asarray(betaincinv(k, rest + 1, u)) if self.k else np.zeros_like(u)
            case "high":
                return np.asarray(betaincinv(k + 1, rest, u)) if self.k < self.n else np.ones_like(u)
        return np.asarray(betaincinv(k + 0.5, rest + 0.5, u))


@dataclass(frozen=True, slots=True)
class Stated:
    """A rate with a 95 % interval from elsewhere.

    It is drawn from two halves of a normal distribution that meet at the value, on the scale
    asin(sqrt(rate)): the 2.5 %, 50 % and 97.5 % quantiles are the three numbers given.
    """

    value: float
    low: float
    high: float
    source: str

    def quantile(self, u: "Floats", side: Side) -> "Floats":  # noqa: ARG002 - one distribution on all sides
        """Return the quantiles at u, same shape."""
        import numpy as np
        from scipy.special import ndtri

        z = ndtri(u)
        low, value, high = np.arcsin(np.sqrt([self.low, self.value, self.high]))
        scale = np.where(z < 0, value - low, high - value) / Z95
        return np.asarray(np.sin(np.clip(value + z * scale, 0, np.pi / 2)) ** 2)


Rate = Counted | Stated


def bounds(rate: Rate) -> tuple[float, float]:
    """Return the 95 % interval of a rate."""
    import numpy as np

    low = rate.quantile(np.array([0.025]), "low")
    return float(low[0]), float(rate.quantile(np.array([0.975]), "high")[0])


def find_rates(graph: Graph, logged: Mapping[str, Rate]) -> dict[str, Rate]:
    """Return every rate of the graph by name: a stage's error, a verifier's `NAME false accepts` and rejects.

    `logged` are those that trajectories hold; they stand in where the graph gives none.
    """
    asked: dict[str, Measured] = dict(graph.stages)
    for name, verifier in graph.verifiers.items():
        asked[false_accepts(name)] = verifier.false_accepts
        asked[false_rejects(name)] = verifier.false_rejects
    return {name: _find(name, measured, logged) for name, measured in asked.items()}


def false_accepts(verifier: str) -> str:
    """Return the name of the rate at which a verifier accepts wrong answers."""
    return f"{verifier} false accepts"


def false_rejects(verifier: str) -> str:
    """Return the name of the rate at which a verifier rejects right answers."""
    return f"{verifier} false rejects"


def _find(name: str, measured: Measured, logged: Mapping[str, Rate]) -> Rate:
    match measured:
        case Measured(errors=int(k), of=int(n)):
            return Counted(k, n, n, "counts")
        case Measured(error=spread) if spread is not None:
            return Stated(spread.value, spread.low, spread.high, "interval given")
        case Measured(audit=Path() as folder, check=str(check)):
            return _audited(name, folder, check)
    if name not in logged:
        raise AuditError(
            f"{name}: no rate is given and no trajectory judges it; "
            "write `errors: 7, of: 200`, or give --trajectories FILE that does"
        )
    return logged[name]


def _audited(name: str, folder: Path, check: str) -> Counted:
    """Return the share that a check flagged in a finished audit."""
    evidence = {one.check: one for one in read_audit(folder).evidence}
    code = check.upper()
    if code not in evidence:
        near = get_close_matches(code, list(evidence), 1, 0)
        cure = f"did you mean {near[0]}?" if near else "it holds no evidence"
        raise AuditError(f"{name}: {folder} holds no evidence of {check!r}; {cure}")
    found = evidence[code]
    if found.state != "gathered" or not found.rate.n:
        why = found.state if found.state != "gathered" else "without a share"
        raise AuditError(f"{name}: {code} in {folder} is {why}; name a check that counted samples")
    if found.findings and not found.rate.k:
        raise AuditError(f"{name}: {code} in {folder} is about the whole; name a check that counts samples")
    return Counted(found.rate.k, found.rate.n, found.rate.n, f"{code} {found.name} in {folder}")
