"""A package's code as definitions: what each of them says, and which others it reaches, wherever they stand."""

import ast
import contextlib
import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from latentsep.runtime.modules import FUNCTIONS, Module, chain_of

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Package:
    """The modules of a package in a folder, read when they are asked for.

    What stands in the room called ``neutral`` is never followed.
    """

    def __init__(self, folder: Path, neutral: frozenset[str] = frozenset()):
        self.folder, self.name, self.neutral = folder, folder.name, neutral
        self._modules: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """A module by its full name, or ``None`` if there is none."""
        if name not in self._modules:
            path = self.folder.joinpath(*name.split(".")[1:])
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            found = name.partition(".")[0] == self.name and file.is_file()
            self._modules[name] = Module(name, file.read_text(), path.is_dir()) if found else None
        return self._modules[name]

    def reached(self, starts: Iterable[str], code: str = "") -> dict[tuple[str, str], str]:
        """All that is reached from full names of definitions or modules, and from some ``code`` outside the package.

        By module and name, the text of each definition without comments, docstrings and annotations, and with the
        names of others as they are called where they are defined. Raises ``LookupError`` for a name that is not
        there, but not for one in ``code``.
        """
        found: dict[tuple[str, str], str] = {}
        pending = [place for start in starts for place in self._places(start)]
        outside = Module("", code)
        for statement in ast.parse(code).body:
            with contextlib.suppress(LookupError):  # it will be told when the code is run
                pending += [place for place in self._canonical(outside, statement)[1] if place[0]]
        pending += [place for full in outside.unused for place in self._imported_for_effect(full)]
        while pending:
            place = pending.pop()
            if place in found or (module := self.module(place[0])) is None:
                continue
            name, texts = place[1], []
            for statement in module.definitions[name] if name else module.effects:
                text, others = self._canonical(module, statement)
                texts.append(text)
                pending += others
            found[place] = "\n".join(texts)
            if name == "":
                pending += [p for full in module.unused for p in self._imported_for_effect(full)]
            else:
                pending += self._effects(module.name)
        return {place: text for place, text in found.items() if text}

    def _places(self, full: str) -> list[tuple[str, str]]:
        """Where a full name is defined; of a module all that it defines. Nothing for what is outside or neutral."""
        module, name, _ = self._find(full)
        if module is None or self._is_neutral(module.name):
            return []
        if name:
            return [(module.name, name)]
        return [(module.name, each) for each in module.definitions] + self._effects(module.name)

    def _find(self, full: str) -> tuple[Module | None, str, list[str]]:
        """The module of a full name, the definition in it (none for the module itself), and what follows."""
        parts = full.split(".")
        if parts[0] != self.name:
            return None, "", []
        cut = next((n for n in range(len(parts), 0, -1) if self.module(".".join(parts[:n]))), 0)
        module, rest = self.module(".".join(parts[:cut])), parts[cut:]
        if module is None:
            raise LookupError(f"there is no {full}")
        if not rest or rest[0] in module.definitions:
            return module, rest[0] if rest else "", rest[1:]
        if rest[0] in module.imports:
            return self._find(".".join([module.imports[rest[0]], *rest[1:]]))
        if rest[0].startswith("__"):
            return None, "", []
        raise LookupError(f"there is no {rest[0]} in {module.name}")

    def _is_neutral(self, module: str) -> bool:
        return bool(self.neutral & {".".join(module.split(".")[1 : n + 1]) for n in range(1, module.count(".") + 1)})

    def _effects(self, module: str) -> list[tuple[str, str]]:
        """What importing a module does: in itself, and in the packages around it."""
        parts = module.split(".")
        return [(".".join(parts[:n]), "") for n in range(1, len(parts) + 1)]

    def _imported_for_effect(self, full: str) -> list[tuple[str, str]]:
        return self._places(full) if self.module(full) else []

    def _canonical(self, module: Module, statement: ast.stmt) -> tuple[str, list[tuple[str, str]]]:
        """The text of a statement, and the places that it refers to."""
        writer = _Canonical(self, module)
        written = writer.visit(copy.deepcopy(statement))
        return ast.unparse(written) if written is not None else "", writer.places


class _Canonical(ast.NodeTransformer):
    """Leaves out what does not change what code does, and calls definitions of the package by their own names."""

    def __init__(self, package: Package, module: Module):
        self.package, self.module = package, module
        self.places: list[tuple[str, str]] = []
        self.hidden: list[set[str]] = []  # names that mean something else in the functions around

    def visit(self, node: ast.AST) -> Any:  # a node of the same kind, or ``None`` to leave it out
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return None
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.ClassDef) and not node.decorator_list:
            # Without a decorator that makes them fields, bare annotations say nothing but what types are.
            node.body = [each for each in node.body if not isinstance(each, ast.AnnAssign) or each.value]
        if isinstance(node, FUNCTIONS):
            node.returns = None
            node.decorator_list = [self.visit(each) for each in node.decorator_list]
            self.visit(node.args)
            return self._within(node, _locals(node), ["body"])
        if isinstance(node, ast.Lambda):
            return self._within(node, _locals(node), ["args", "body"])
        if isinstance(node, _COMPREHENSIONS):
            node.generators[0].iter = self.visit(node.generators[0].iter)
            targets = {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
            return self._within(node, targets, node._fields)
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        if isinstance(node, (ast.Name, ast.Attribute)) and (chain := chain_of(node)):
            return self._reference(node, chain)
        return _filled(self.generic_visit(node))

    def _within(self, node: ast.AST, names: set[str], fields: Iterable[str]) -> ast.AST:
        """Visit some fields of a node in which ``names`` are its own."""
        self.hidden.append(names)
        for field in fields:
            value = getattr(node, field)
            if isinstance(value, list):
                value[:] = [new for each in value if (new := self.visit(each)) is not None]
            else:
                setattr(node, field, self.visit(value))
        self.hidden.pop()
        return _filled(node)

    def _reference(self, node: ast.expr, chain: list[str]) -> ast.expr:
        if any(chain[0] in names for names in self.hidden):
            return node
        if chain[0] in self.module.definitions:
            self.places.append((self.module.name, chain[0]))
            return node
        full = ".".join([self.module.imports.get(chain[0], ""), *chain[1:]])
        self.places += self.package._places(full)
        module, name, rest = self.package._find(full)
        if module is None or not name:
            return node
        written: ast.expr = ast.Name(name, ast.Load())
        for attribute in rest:
            written = ast.Attribute(written, attribute, ast.Load())
        return written


def _filled(node: Any) -> Any:
    """A block from which everything was left out holds ``pass``."""
    if getattr(node, "body", None) == []:
        node.body = [ast.Pass()]
    return node


def _locals(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    """The names that a function binds for itself, apart from what it imports."""
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    names = {arg.arg for arg in [*given, function.args.vararg, function.args.kwarg] if arg is not None}
    pending: list[ast.AST] = list(function.body) if isinstance(function.body, list) else [function.body]
    outer: set[str] = set()
    while pending:
        node = pending.pop()
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            outer |= set(node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
            pending += ast.iter_child_nodes(node)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, (*_COMPREHENSIONS, ast.Lambda)):
            pending += ast.iter_child_nodes(node)
    return names - outer
