"""A slow model of MPY32 from SLAU367's words, in Python's unbounded integers."""

MPY, MPYS, MAC, MACS, OP2 = 0x4C0, 0x4C2, 0x4C4, 0x4C6, 0x4C8
SUMEXT, MPY32L, OP2L, OP2H, RES0, CTL0 = 0x4CE, 0x4D0, 0x4E0, 0x4E2, 0x4E4, 0x4EC
FRACTIONAL, SATURATING = 4, 8


def signed(value, bits):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


class Model:
    """``result`` is RES3..RES0 without its carry; ``carry`` is MPYC."""

    def __init__(self):
        self.result, self.carry, self.bits, self.extension = 0, 0, 32, 0

    def exact(self, with_sign):
        return signed(self.result, self.bits) if with_sign else self.result & ((1 << self.bits) - 1)

    def saturated(self, fractional):
        """The value with its carry as the sign, kept within the range that reading it has."""
        value = signed(self.carry << self.bits | self.result & ((1 << self.bits) - 1), self.bits + 1)
        limit = 1 << (self.bits - (2 if fractional else 1))
        if -limit <= value < limit:
            return value, False
        top = 1 << (self.bits - 1)
        return (-top if value < 0 else top - 1), True

    def operate(self, mode, first, second, wide, modes):
        """``mode`` 0 to 3 for MPY, MPYS, MAC, MACS; operands as they count (sign and width done)."""
        with_sign, accumulates = bool(mode & 1), bool(mode & 2)
        self.bits = 64 if wide else 32
        if not accumulates:
            base = 0
        elif modes & SATURATING:
            base, clipped = self.saturated(False)
            base = base if clipped or with_sign else self.exact(False)
            if not with_sign:
                base &= (1 << self.bits) - 1
        else:
            base = self.exact(with_sign)
        total = base + first * second
        self.carry = total >> self.bits & 1
        self.result = total & ((1 << self.bits) - 1)
        self.extension = (0xFFFF if self.result >> (self.bits - 1) else 0) if with_sign else self.carry

    def read(self, modes):
        """RES0 to RES1, or RES3, as software reads them."""
        fractional = bool(modes & FRACTIONAL)
        if modes & SATURATING:
            value, clipped = self.saturated(fractional)
            if clipped:
                return self.split(value)
        return self.split(self.result << fractional)

    def split(self, value):
        return [value >> shift & 0xFFFF for shift in range(0, self.bits, 16)]
