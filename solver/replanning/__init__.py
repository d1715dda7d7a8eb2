"""Planning again beside a previous layout: who moves, as few as there can be; then what the guest sees otherwise."""

from .replan import replanned as replanned
from .who_stays import Plan as Plan
