"""What code computed a result: a hash of modules of this package and of all that they import from it."""

import ast
import hashlib
import importlib.util
import json
from functools import cache
from pathlib import Path

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
#: How a result is stored, announced or timed does not change it.
_NEUTRAL = ("records", "files", "fingerprints", "costs", "progress", "pool")


@cache
def fingerprint(*modules: str) -> str:
    """Return a hash of modules of this package and of all that they import from the package.

    Comments, docstrings and layout do not count: rewording must not cost a training run.
    """
    package = __name__.partition(".")[0]
    passed_over = {package, *(f"{package}.{name}" for name in _NEUTRAL)}
    pending, sources = list(modules), {}
    while pending:
        name = pending.pop()
        if name in sources or name in passed_over:
            continue
        tree = ast.parse(Path(importlib.util.find_spec(name).origin).read_text())
        pending += imported(tree, package)
        for node in ast.walk(tree):
            if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        sources[name] = ast.dump(tree)
    return hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()[:20]


def imported(tree: ast.AST, package: str) -> list[str]:
    """The modules of ``package`` that a piece of code imports by their full names."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module.partition(".")[0] == package:
            # ``from package.a import b`` names the module a.b, or something inside a.
            found.append(node.module)
            if importlib.util.find_spec(node.module).submodule_search_locations:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                found += [name for name in names if importlib.util.find_spec(name)]
    return [name for name in found if name.partition(".")[0] == package]
