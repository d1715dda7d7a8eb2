"""Measures qslot on families of guests, beside a trivial CP-SAT solve, a greedy allocator and a Boolean model."""
