"""axe-core, which knows what keeps people from reading a page: fetched once from npm's registry, never tracked."""

import hashlib
import io
import subprocess
import tarfile
import tempfile
from base64 import b64encode
from functools import cache
from pathlib import Path

from filelock import FileLock
from playwright.sync_api import Page

from latentsep.runtime import files, paths

_VERSION = "4.14.1"
_SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="  # as npm has it
_SECONDS = 60  # for fetching it; who is offline shall not wait for long

# Formulas lose their insides first: thousands of elements, all MathJax's own, with which one look takes half a minute.
_RUN = """async () => {
  document.querySelectorAll("mjx-math, mjx-assistive-mml").forEach(inside => inside.remove());
  const options = { resultTypes: ["violations"], iframes: false, preload: false };
  const { violations } = await axe.run(document, options);
  return violations.filter(v => ["serious", "critical"].includes(v.impact)).flatMap(v => v.nodes.map(n =>
    `${v.id}: ${n.target.join(" ")}: ${n.any.concat(n.all, n.none).map(c => c.message).join("; ")}`));
}"""


class Unavailable(Exception):
    """axe-core could not be fetched; the message says why, in a line."""


@cache
def script() -> str:
    """Its script. Raises ``Unavailable``, or ``ValueError`` if what came is not what was pinned."""
    path = paths.build() / f"axe-core-{_VERSION}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            files.write_whole(path, _fetched(), paths.build())
    return path.read_text()


def _fetched() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", f"axe-core@{_VERSION}", "--silent", "--fetch-retries=0", "--pack-destination", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"axe-core was not fetched: {error}") from None
        found = list(Path(folder).glob("*.tgz"))
        if done.returncode or not found:
            raise Unavailable(f"axe-core was not fetched: npm pack exited with {done.returncode}")
        packed = found[0].read_bytes()
    if b64encode(hashlib.sha512(packed).digest()).decode() != _SHA512:
        raise ValueError(f"axe-core {_VERSION} is not the package that was pinned")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read()


def barriers(page: Page) -> list[str]:
    """What is serious or critical on a page, a line for each element; afterwards its formulas are gone."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(script())
    return page.evaluate(_RUN)
