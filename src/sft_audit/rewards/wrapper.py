"""A reward function under watch: called as before, its result and arguments shown to another function."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

R = TypeVar("R")
Arguments = Mapping[str, Any]
After = Callable[[Any, Arguments], Any]


def wrap(reward: R, after: After, attributes: Arguments) -> R:
    """Return the reward function, whose results go through `after`, which is given its arguments by name.

    Convention, name and signature are kept, async where it was; a class comes back as a subclass. What comes
    back has these `attributes`. A result that can be gone over only once is a list by then.
    """
    if inspect.isclass(reward):
        members = {
            "__doc__": reward.__doc__,
            "__module__": reward.__module__,
            "__call__": _around(reward.__call__, after),
        }
        return type(reward.__name__, (reward,), {**members, **attributes})  # type: ignore[return-value]
    wrapped = _around(reward, after)  # type: ignore[arg-type]
    for name, value in attributes.items():
        setattr(wrapped, name, value)
    return wrapped  # type: ignore[return-value]


def name_of(reward: object) -> str:
    """Return the name of a reward function; of an object that of its class."""
    return str(getattr(plain(reward), "__name__", type(plain(reward)).__name__))


def plain(reward: Any) -> Any:  # noqa: ANN401 - any callable
    """Return the function inside of partial ones."""
    while isinstance(reward, functools.partial):
        reward = reward.func
    return reward


def _around(reward: Callable[..., Any], after: After) -> Callable[..., Any]:
    signature = inspect.signature(reward)

    async def awaited(*positional: Any, **keywords: Any) -> Any:  # noqa: ANN401
        found = await reward(*positional, **keywords)
        return after(_kept(found), _by_name(signature, positional, keywords))

    def called(*positional: Any, **keywords: Any) -> Any:  # noqa: ANN401
        found = reward(*positional, **keywords)
        return after(_kept(found), _by_name(signature, positional, keywords))

    held: Callable[..., Any] = awaited if _is_async(reward) else called
    functools.update_wrapper(held, reward)
    held.__name__ = name_of(reward)  # trainers name metrics after it, and an object has none
    return held


def _kept(found: Any) -> Any:  # noqa: ANN401
    """Return the result; an iterator as a list: a trainer goes over it once, and so does `after`."""
    return list(found) if isinstance(found, Iterator) else found


def _by_name(signature: inspect.Signature, positional: Sequence[Any], keywords: Arguments) -> dict[str, Any]:
    """Return the arguments of a call by name, those of `**kwargs` among them."""
    bound = signature.bind(*positional, **keywords).arguments
    rest = next((n for n, one in signature.parameters.items() if one.kind is one.VAR_KEYWORD), "")
    return {**{n: one for n, one in bound.items() if n != rest}, **bound.get(rest, {})}


def _is_async(reward: Callable[..., Any]) -> bool:
    inner = plain(reward)
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(inner.__call__)
