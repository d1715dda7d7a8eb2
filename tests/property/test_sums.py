"""What the checker's sums of IO refuse the exact prediction refuses as well, so a sum may only say too little."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema import Guest
from qslot.schema.firmware import predict
from qslot.schema.verify import verify

from ..real.layouts import controller, layout

RESERVES: Final = st.lists(st.sampled_from([4096, 4096, 8192, 16384]), max_size=5)


@pytest.mark.parametrize("firmware", ["ovmf", "seabios"])
@given(main=RESERVES, below=st.lists(RESERVES, max_size=2))
def test_sums_refuse_nothing_that_the_prediction_allows(firmware: str, main: list[int], below: list[list[int]]) -> None:
    """Found by reading: ports that alignment loses to the main root hold the range of an expander."""
    seats = [controller(f"pcie.0:{1 + n:02x}", "pxb-pcie", f"x{n}", bus_nr=60 * (n + 1)) for n in range(len(below))]
    for bus, first, reserves in (("pcie.0", 8, main), *((f"x{n}", 0, reserves) for n, reserves in enumerate(below))):
        for slot, reserve in enumerate(reserves, start=first):
            number = len(seats)
            seats.append(
                controller(f"{bus}:{slot:02x}", "pcie-root-port", f"p{number}", chassis=number, io_reserve=reserve)
            )
    planned = layout("q35", *seats, firmware=firmware)
    if predict(planned).failure is None:
        found = verify(Guest.from_layout(planned), planned)
        assert [finding for finding in found if finding.rule == "io-space"] == []
