"""What a file of code defines, imports and does."""

import ast
from collections.abc import Iterator

#: Decorators that keep what they decorate to itself; any other may enter it somewhere, as a check or a divergence.
_PRIVATE = {"cache", "cached_property", "contextmanager", "dataclass", "no_grad", "picture", "total_ordering", "wraps"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Module:
    """One file: ``definitions`` by name, names of ``imports`` by what they stand for here, and ``effects``.

    Effects are the statements that do something when the module is imported: they count with whatever is reached in it.
    """

    def __init__(self, name: str, text: str, is_package: bool = False):
        self.name, tree = name, ast.parse(text)
        imports = [each for node in ast.walk(tree) for each in _imports(node, name, is_package)]
        self.imports = {alias: means for alias, means, _ in imports}
        self.definitions: dict[str, list[ast.stmt]] = {}
        self.effects: list[ast.stmt] = []
        for statement in tree.body:
            bound = list(_bound(statement))
            for each in bound:
                self.definitions.setdefault(each, []).append(statement)
            if _acts(statement, bound):
                self.effects.append(statement)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        self.unused = [full for alias, _, full in imports if alias not in used]


def chain_of(node: ast.expr) -> list[str]:
    """``a.b.c`` as its names; nothing for what does not begin with a name."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def _imports(node: ast.AST, module: str, is_package: bool) -> Iterator[tuple[str, str, str]]:
    """The names that an import statement binds, what they stand for, and what is imported."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            first = alias.name.partition(".")[0]
            yield (alias.asname, alias.name, alias.name) if alias.asname else (first, first, alias.name)
    if isinstance(node, ast.ImportFrom):
        base = module.split(".")[: len(module.split(".")) - node.level + is_package] if node.level else []
        for alias in node.names:
            full = ".".join([*base, *filter(None, [node.module]), alias.name])
            yield alias.asname or alias.name, full, full


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module binds, apart from those that it imports."""
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        yield statement.name
        return
    targets = [*getattr(statement, "targets", ()), getattr(statement, "target", None)]
    targets += [item.optional_vars for item in getattr(statement, "items", ())]
    for target in filter(None, targets):
        yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    for part in ("body", "orelse", "finalbody"):
        for inner in getattr(statement, part, ()):
            yield from _bound(inner)
    for handler in getattr(statement, "handlers", ()):
        for inner in handler.body:
            yield from _bound(inner)


def _acts(statement: ast.stmt, bound: list[str]) -> bool:
    """Whether a statement of a module does more than to define something."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return False
    if isinstance(statement, ast.Expr):
        return not isinstance(statement.value, ast.Constant)
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        names = [
            chain[-1] for each in statement.decorator_list for chain in [chain_of(getattr(each, "func", each))] if chain
        ]
        return not set(names) <= _PRIVATE
    return not bound or not isinstance(statement, (ast.Assign, ast.AnnAssign))
