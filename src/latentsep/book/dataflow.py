"""Which cells of a chapter a cell builds on: those that define the names which it uses, and theirs in turn.

Read off the code, without running it. A name belongs to the last cell that assigns it, and to cells that change it
after that: ``x[0] = 1``, ``x += y``, ``x.append(y)``, or an assignment in a branch or loop, which may not happen. It
errs towards more cells: one that only might change a name counts.
"""

import ast
import symtable
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass
class _Cell:
    """The names that a cell uses before it assigns them, those that it assigns, and those that it may change."""

    uses: set[str] = field(default_factory=set)
    assigns: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)


def origins(cells: Sequence[str]) -> list[list[int]]:
    """For the code of each cell the numbers of those it builds on, itself included, in order.

    Raises ``SyntaxError`` for what is no Python.

    >>> origins(["x = 1", "y = 2", "z = x + 1", "x = 5", "print(z)"])
    [[0], [1], [0, 2], [3], [0, 2, 4]]
    """
    owners: dict[str, set[int]] = {}
    found: list[set[int]] = []
    modules: set[str] = set()
    for number, source in enumerate(cells):
        cell = _read(source)
        modules |= cell.imports
        direct = set().union(*(owners.get(name, set()) for name in cell.uses))
        found.append({number}.union(*(found[other] for other in direct)))
        owners |= {name: {number} for name in cell.assigns}
        for name in cell.changes - modules:  # a call of a module's function changes no module
            owners[name] = owners.get(name, set()) | {number}
    return [sorted(each) for each in found]


def _read(source: str) -> _Cell:
    cell = _Cell()
    _follow(ast.parse(source).body, cell, set(), certain=True)
    return cell


def _follow(statements: list[ast.stmt], cell: _Cell, known: set[str], certain: bool) -> None:
    """Go through statements in order; ``known`` are names that have been assigned on the way here."""
    for statement in statements:
        heads, bodies, targets = _opened(statement)
        stored = set().union(*map(_stored, targets))
        for head in heads:
            loaded, own = _names(head)
            cell.uses |= loaded - known
            stored |= own
        cell.changes |= _changed(statement)
        cell.imports |= stored if isinstance(statement, (ast.Import, ast.ImportFrom)) else set()
        surely = certain and (not bodies or isinstance(statement, (ast.With, ast.AsyncWith)))
        (cell.assigns if surely else cell.changes).update(stored)
        known |= stored
        for body in bodies:
            _follow(body, cell, known, surely)


def _opened(statement: ast.stmt) -> tuple[list[ast.AST], list[list[ast.stmt]], list[ast.expr]]:
    """What a statement does first, the blocks in it, and what it assigns on the way into them."""
    match statement:
        case ast.For() | ast.AsyncFor():
            return [statement.iter], [statement.body, statement.orelse], [statement.target]
        case ast.With() | ast.AsyncWith():
            named = [item.optional_vars for item in statement.items if item.optional_vars is not None]
            return [item.context_expr for item in statement.items], [statement.body], named
        case ast.If() | ast.While():
            return [statement.test], [statement.body, statement.orelse], []
        case ast.Try():
            caught = [handler.body for handler in statement.handlers]
            return [], [statement.body, *caught, statement.orelse, statement.finalbody], []
    return [statement], [], []


def _names(node: ast.AST) -> tuple[set[str], set[str]]:
    """The global names that a statement or expression loads, also inside functions, and those that it assigns."""
    table = symtable.symtable(ast.unparse(node), "cell", "exec")
    loaded = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    stored = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    stored |= {child.get_name() for child in table.get_children() if child.get_name() in _defined(node)}
    for child in _below(table):
        loaded |= {s.get_name() for s in child.get_symbols() if s.is_referenced() and s.is_global()}
    changed = {node.target.id} if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) else set()
    return loaded | changed, stored - changed


def _defined(node: ast.AST) -> set[str]:
    return {node.name} if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) else set()


def _below(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _below(child)


def _stored(target: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _changed(statement: ast.stmt) -> set[str]:
    """The names whose values a simple statement may change in place."""
    match statement:
        case ast.AugAssign():
            targets: list[ast.expr] = [statement.target]
        case ast.Assign():
            targets = [t for t in statement.targets if isinstance(t, (ast.Attribute, ast.Subscript))]
        case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
            targets = [method]
        case _:
            return set()
    return {name for target in targets if (name := _base(target))}


def _base(target: ast.expr) -> str | None:
    while isinstance(target, (ast.Attribute, ast.Subscript)):
        target = target.value
    return target.id if isinstance(target, ast.Name) else None
