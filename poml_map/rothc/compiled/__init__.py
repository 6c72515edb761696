"""The compiled path of RothC, for maps: the equations of `moisture`, `rates`, `spinup` and `engine` once more.

The order of the loops makes it fast: months outside and a few hundred pixels inside, so that the compiler turns a
month of a block into vector instructions while the block's state stays in the cache. What the vectors need, simple
loops without a branch over arrays that provably do not overlap (rows of one local array), shapes the code.

The kernels check nothing. `forward.run_drivers` does, and it is the way in.
"""
