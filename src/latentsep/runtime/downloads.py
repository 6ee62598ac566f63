"""Files from the network, within a time that is bounded in all cases."""

import io
import threading
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its progress bars complain in notebooks, and none is shown
    import pooch


class Timeout(OSError):
    """Nothing came in time, or not all of it."""


def download(address: str, answer: float, whole: float) -> bytes:
    """What is at an address: its first bytes have ``answer`` seconds to come, and then the whole of it ``whole``.

    Raises ``Timeout``, or whatever went wrong.
    """
    body: io.BytesIO = io.BytesIO()
    errors: list[Exception] = []

    def fetch() -> None:
        try:
            pooch.HTTPDownloader(timeout=answer)(address, body, None)
        except Exception as error:  # handed over to the thread that waits
            errors.append(error)

    # In a thread that may be abandoned: nothing else bounds the look-up of a name, or a server that trickles.
    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    thread.join(answer)
    if body.tell():
        thread.join(whole)
    if errors:
        raise errors[0]
    if thread.is_alive():
        raise Timeout("no answer in time")
    return body.getvalue()
