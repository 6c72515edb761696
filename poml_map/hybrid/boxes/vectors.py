"""The few operations on 64 lanes that the engine is made of, as numba intrinsics in LLVM's own language.

numba turns a loop into vector code where it can prove that it may; a comparison of 64 numbers that ends in 64 bits is
beyond it. Each operation stands here once, without any instruction of a certain processor: LLVM cuts the 64 lanes to
the registers that are there (4 of AVX-512, 8 of AVX2, 16 of SSE2 or NEON).

Lanes are taken from a flat array at an offset. Masks are uint64, bit `i` for lane `i`. Nothing is checked, unless
numba's own NUMBA_BOUNDSCHECK=1 is set: then every access that leaves its array raises IndexError.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

#: Lanes of every operation: bits of a mask, pixels of a block, blocks of a window, windows of a batch.
LANES = 64

_BIT, _INT32, _INT64, _FLOAT32 = ir.IntType(1), ir.IntType(32), ir.IntType(64), ir.FloatType()
_MASK = ir.IntType(LANES)
_LARGEST = ir.Constant(_FLOAT32, 3.4028234663852886e38)
_INFINITY = float("inf")


class _Code:
    """Writes the code of one operation: `arguments` by number, arrays with the offset that follows them."""

    def __init__(self, context, builder, signature, arguments):
        self.context, self.builder, self.signature, self.arguments = context, builder, signature, arguments

    def pointer(self, array: int, further=None):
        """Address of 64 elements: those at the offset that follows the array, or so many `further` on."""
        kept = self.context.make_array(self.signature.args[array])(
            self.context, self.builder, self.arguments[array]
        )
        offset = self.arguments[array + 1]
        if further is not None:
            offset = self.builder.add(offset, further)
        if config.BOUNDSCHECK:
            self._check(offset, kept.nitems)
        return self.builder.gep(kept.data, [offset])

    def _check(self, offset, size):
        build = self.builder
        end = build.add(offset, ir.Constant(offset.type, LANES))
        outside = build.or_(
            build.icmp_signed("<", offset, ir.Constant(offset.type, 0)), build.icmp_signed(">", end, size)
        )
        with build.if_then(outside, likely=False):
            self.context.call_conv.return_user_exc(build, IndexError, ("lanes outside of an array",))

    def load(self, pointer, element):
        """64 elements at the address."""
        address = self.builder.bitcast(pointer, _vector(element).as_pointer())
        values = self.builder.load(address)
        values.align = 4
        return values

    def store(self, values, pointer):
        """64 elements to the address."""
        address = self.builder.bitcast(pointer, values.type.as_pointer())
        self.builder.store(values, address).align = 4

    def lanes(self, scalar):
        """The scalar in every lane."""
        vector = _vector(scalar.type)
        nothing = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(nothing, scalar, ir.Constant(_INT32, 0))
        return self.builder.shuffle_vector(first, nothing, ir.Constant(_vector(_INT32), [0] * LANES))

    def flags(self, mask):
        """A mask as 64 flags."""
        return self.builder.bitcast(mask, _vector(_BIT))

    def mask(self, flags):
        """64 flags as a mask."""
        return self.builder.bitcast(flags, _MASK)

    def reduce(self, values, operator):
        """The one lane that is `operator` than all others, by halves."""
        while values.type.count > 1:
            half = values.type.count // 2
            low, high = (
                self.builder.shuffle_vector(
                    values, values, ir.Constant(ir.VectorType(_INT32, half), list(range(start, start + half)))
                )
                for start in (0, half)
            )
            values = self.builder.select(self.builder.fcmp_ordered(operator, low, high), low, high)
        return self.builder.extract_element(values, ir.Constant(_INT32, 0))


def _vector(element):
    return ir.VectorType(element, LANES)


def _comparison(operator):
    @intrinsic
    def compare(typingctx, values, offset, threshold):
        def code(*parts):
            to = _Code(*parts)
            found = to.load(to.pointer(0), _FLOAT32)
            return to.mask(to.builder.fcmp_ordered(operator, found, to.lanes(to.arguments[2])))

        return types.uint64(values, types.intp, types.float32), code

    return compare


#: ``at_most(values, offset, threshold)``: mask of the lanes with a value of at most the threshold.
at_most = _comparison("<=")
#: ``above(values, offset, threshold)``: mask of the lanes with a value above the threshold.
above = _comparison(">")


@intrinsic
def finite(typingctx, values, offset):
    """``finite(values, offset)``: mask of the lanes that are neither NaN nor infinite."""

    def code(*parts):
        to = _Code(*parts)
        found = to.load(to.pointer(0), _FLOAT32)
        inside = [
            to.builder.fcmp_ordered(operator, found, to.lanes(bound))
            for operator, bound in (("<=", _LARGEST), (">=", to.builder.fneg(_LARGEST)))
        ]
        return to.mask(to.builder.and_(*inside))

    return types.uint64(values, types.intp), code


def _extreme(operator, of_none):
    @intrinsic
    def extreme(typingctx, values, offset, mask):
        def code(*parts):
            to = _Code(*parts)
            found = to.load(to.pointer(0), _FLOAT32)
            none = to.lanes(ir.Constant(_FLOAT32, of_none))
            return to.reduce(to.builder.select(to.flags(to.arguments[2]), found, none), operator)

        return types.float32(values, types.intp, types.uint64), code

    return extreme


#: ``smallest(values, offset, mask)``: smallest value in the lanes of the mask; infinity if there is none.
smallest = _extreme("<", _INFINITY)
#: ``largest(values, offset, mask)``: largest value in the lanes of the mask; minus infinity if there is none.
largest = _extreme(">", -_INFINITY)


def _change(new):
    """Operation on the lanes of a mask: those of a second mask change by one value, the others by another."""

    @intrinsic
    def change(typingctx, values, offset, mask, chosen, value, otherwise):
        def code(*parts):
            to = _Code(*parts)
            pointer = to.pointer(0)
            old = to.load(pointer, _INT32)
            by = to.builder.select(to.flags(to.arguments[3]), *map(to.lanes, to.arguments[4:]))
            to.store(to.builder.select(to.flags(to.arguments[2]), new(to, old, by), old), pointer)
            return to.context.get_dummy_value()

        return types.void(values, types.intp, types.uint64, types.uint64, types.int32, types.int32), code

    return change


#: ``add_either(sums, offset, mask, chosen, value, otherwise)``: adds one of two values in the lanes of the mask.
add_either = _change(lambda to, old, by: to.builder.add(old, by))
#: ``set_either(values, offset, mask, chosen, value, otherwise)``: puts one of two values into the lanes of the mask.
set_either = _change(lambda to, old, by: by)


@intrinsic
def lowest(typingctx, mask):
    """``lowest(mask)``: number of the lowest lane of a mask that is not empty."""

    def code(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(_BIT, 1))

    return types.intp(types.uint64), code


@intrinsic
def size(typingctx, mask):
    """``size(mask)``: number of lanes in the mask."""

    def code(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.intp(types.uint64), code


@intrinsic
def as_float(typingctx, bits):
    """``as_float(bits)``: the float32 with these 32 bits."""

    def code(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], _FLOAT32)

    return types.float32(types.int32), code


@intrinsic
def count_at_most(typingctx, values, offset, limits, of_limits, counts, of_counts, n):
    """``count_at_most(values, offset, limits, 0, counts, 0, n)``: how many values are at most the limit of their lane.

    The values of a lane lie 64 x 64 elements apart, as those of one pixel in tree after tree do; the counts of all
    lanes stay in registers meanwhile.
    """

    def code(*parts):
        to = _Code(*parts)
        build = to.builder
        limits_here = to.load(to.pointer(2), _INT32)
        total = cgutils.alloca_once_value(build, ir.Constant(_vector(_INT32), [0] * LANES))
        with cgutils.for_range(build, to.arguments[6]) as loop:
            step = build.mul(loop.index, ir.Constant(_INT64, LANES * LANES))
            found = to.load(to.pointer(0, step), _INT32)
            flags = build.icmp_signed("<=", found, limits_here)
            build.store(build.sub(build.load(total), build.sext(flags, _vector(_INT32))), total)
        to.store(build.load(total), to.pointer(4))
        return to.context.get_dummy_value()

    signature = types.void(values, types.intp, limits, types.intp, counts, types.intp, types.intp)
    return signature, code
