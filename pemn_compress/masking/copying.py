"""A copy of a model as it is in the middle of a training: activations, closures and all.

`copy.deepcopy` refuses results of autograd, which models keep to look at (`self.features = x`), and
leaves functions as they are: one that closes over the model would go on calling the old one.
"""

import copy
import functools
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import CellType, FunctionType, MethodType
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pemn_compress.errors import ModelError
from pemn_compress.masking.references import held_beside, reached
from pemn_compress.masking.sharding import unsharded


def copied(model: nn.Module, instead: Mapping[Tensor, Tensor]) -> nn.Module:
    """Return a deep copy of a model, with `instead`'s tensors in the place of its own.

    Activations are copied without their history; functions and weak references that lead to a part
    of the model lead to the copy's. Raises ModelError, which names the attribute, for a model that
    cannot be copied.
    """
    memo: dict[int, Any] = {id(old): new for old, new in instead.items()}
    with unsharded(model), _Detaching():
        try:
            made = copy.deepcopy(model, memo)
        except Exception as error:  # whatever a user's attribute raises
            raise _uncopied(model, memo, error) from None
    _Rebinding(model, memo).through(made)
    old = {id(module) for module in model.modules()}
    for place, value in held_beside(made):
        if id(value) in old:
            raise ModelError(
                f"{place}: leads back to the model that was to be copied: expected a method, or an "
                "attribute that copy.deepcopy copies"
            )
    return made


class _Detaching(TorchFunctionMode):
    """Copies a tensor that autograd made as its values."""

    def __torch_function__(
        self,
        func: Any,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is Tensor.__deepcopy__ and not args[0].is_leaf:
            tensor, memo = args
            made = memo[id(tensor)] = tensor.detach().clone()
            return made
        return func(*args, **(kwargs or {}))


class _Rebinding:
    """Lets functions and weak references in a copy lead to the copy."""

    def __init__(self, model: nn.Module, memo: dict[int, Any]) -> None:
        self._model, self._memo = model, memo
        parts = [*model.modules(), *model.parameters(), *model.buffers()]
        self._parts = {id(part) for part in parts}
        self._own = {id(one) for one in memo.values()}  # what may be changed: it is the copy's
        self._seen: set[int] = set()
        self._elsewhere: dict[int, Any] = {}  # what has been looked into, and leads nowhere here

    def through(self, made: nn.Module) -> None:
        """Go through all attributes of all modules of the copy."""
        for module in made.modules():
            self._inside(vars(module))

    def _leads(self, value: Any) -> bool:
        looked: dict[int, Any] = {}
        ends = self._parts | self._elsewhere.keys()
        for _, one in reached([("", value)], lambda one: id(one) in ends):
            if id(one) in self._parts:
                return True
            looked[id(one)] = one
        self._elsewhere |= looked
        return False

    def _new(self, value: Any) -> Any:
        """Return what a value has to be in the copy: itself, changed inside, or another."""
        known = self._memo.get(id(value))
        if isinstance(value, FunctionType):
            if known is None and self._leads(value):
                known = self._function(value)
            return value if known is None else known
        if isinstance(value, weakref.ReferenceType):
            target = self._memo.get(id(value()))
            return value if target is None or value() is None else weakref.ref(target)
        if isinstance(value, functools.partial):
            function, args = self._new(value.func), tuple(map(self._new, value.args))
            keywords = {key: self._new(one) for key, one in value.keywords.items()}
            news = (function, *args, *keywords.values())
            if _same(news, (value.func, *value.args, *value.keywords.values())):
                return value
            return functools.partial(function, *args, **keywords)
        if isinstance(value, MethodType):
            function = self._new(value.__func__)
            return value if function is value.__func__ else MethodType(function, value.__self__)
        if type(value) is tuple:
            news = tuple(map(self._new, value))
            return value if _same(news, value) else news
        self._inside(value)
        return value

    def _inside(self, value: Any) -> None:
        """Change what a container or an object of the copy holds."""
        if id(value) in self._seen or isinstance(value, Tensor | nn.Module):
            return
        self._seen.add(id(value))
        if isinstance(value, dict):
            for key, one in list(value.items()):
                self._set(one, functools.partial(value.__setitem__, key))
        elif isinstance(value, list | deque):
            for index, one in enumerate(list(value)):
                self._set(one, functools.partial(value.__setitem__, index))
        elif isinstance(value, set):
            news = {one: self._new(one) for one in value}
            if not _same(news, news.values()):
                value.clear()
                value.update(news.values())
        elif id(value) in self._own:
            self._inside(getattr(value, "__dict__", {}))

    def _set(self, one: Any, put: Callable[[Any], None]) -> None:
        new = self._new(one)
        if new is not one:
            put(new)

    def _function(self, function: FunctionType) -> FunctionType:
        """Return a function that closes over the copy; cells that do not are shared."""
        cells = tuple(self._cell(cell) for cell in function.__closure__ or ())
        made = FunctionType(
            function.__code__, function.__globals__, function.__name__, None, cells or None
        )
        self._memo[id(function)] = made
        for cell, old in zip(cells, function.__closure__ or (), strict=True):
            if cell is not old and id(cell) not in self._seen:
                self._seen.add(id(cell))
                cell.cell_contents = self._copied(old.cell_contents)
        made.__defaults__ = self._copied(function.__defaults__)
        made.__kwdefaults__ = self._copied(function.__kwdefaults__)
        functools.update_wrapper(made, function, updated=())
        del made.__dict__["__wrapped__"]
        vars(made).update({k: self._copied(one) for k, one in vars(function).items()})
        return made

    def _cell(self, cell: CellType) -> CellType:
        if id(cell) not in self._memo:
            self._memo[id(cell)] = cell
            try:
                if self._leads(cell.cell_contents):
                    self._memo[id(cell)] = CellType()
            except ValueError:  # not yet set
                pass
        made: CellType = self._memo[id(cell)]
        return made

    def _copied(self, value: Any) -> Any:
        """Return a value as the copy's function has it: a part of the model as the copy's."""
        if not self._leads(value):
            return value
        if isinstance(value, FunctionType):
            return self._new(value)
        with _Detaching():
            return self._new(copy.deepcopy(value, self._memo))


def _same(ones: Iterable[Any], others: Iterable[Any]) -> bool:
    return all(one is other for one, other in zip(ones, others, strict=True))


def _uncopied(model: nn.Module, memo: dict[int, Any], error: Exception) -> ModelError:
    """Return the error that names the attribute which cannot be copied."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name in ("_modules", "_parameters", "_buffers"):
                continue
            try:
                copy.deepcopy(value, dict(memo))
            except Exception:  # this is the one
                place = ".".join(filter(None, (path, name)))
                return ModelError(
                    f"{place}: cannot be copied ({type(value).__name__}: {reason}): expected "
                    "attributes that copy.deepcopy copies"
                )
    return ModelError(f"{type(model).__name__}: cannot be copied: {reason}")
