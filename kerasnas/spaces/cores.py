"""How many processor cores there are to plan with."""

import os
import sys


def cores() -> int:
    """Processor cores that this process may use.

    A smaller number in `OMP_NUM_THREADS`, which caps the threads of numerical libraries, counts.
    """
    there = os.cpu_count() or 1
    if sys.platform == "linux":
        there = len(os.sched_getaffinity(0))
    cap = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(there, int(cap)) if cap.isdigit() and int(cap) > 0 else there
