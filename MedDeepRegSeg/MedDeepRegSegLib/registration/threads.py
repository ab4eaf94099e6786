"""Keep the linear algebra in one thread."""

from contextlib import AbstractContextManager, nullcontext


def one_thread() -> AbstractContextManager:
    """Return a context in which BLAS uses one thread.

    The matrices of a registration are small: waking further threads costs more than they save (up to five times the
    wall time on a busy machine), and one thread sums in one order. Without threadpoolctl, which comes with
    scikit-learn, nothing changes.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(limits=1, user_api="blas")
