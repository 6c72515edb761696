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

    def array(self, number: int):
        """The array that is an argument."""
        make = self.context.make_array(self.signature.args[number])
        return make(self.context, self.builder, self.arguments[number])

    def pointer(self, number: int, offset=None):
        """Address of 64 elements of the array that is an argument, at the offset that is the next if none is given."""
        array = self.array(number)
        offset = self.arguments[number + 1] if offset is None else offset
        if config.BOUNDSCHECK:
            self._check(offset, array.nitems)
        return self.builder.gep(array.data, [offset])

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


def _change(new, parts, by):
    """Code that replaces the values in the lanes of a mask by ``new(code, old, by)``."""
    to = _Code(*parts)
    pointer = to.pointer(0)
    old = to.load(pointer, _INT32)
    changed = new(to, old, by(to))
    to.store(to.builder.select(to.flags(to.arguments[2]), changed, old), pointer)
    return to.context.get_dummy_value()


def _with_one(new):
    @intrinsic
    def change(typingctx, values, offset, mask, value):
        def code(*parts):
            return _change(new, parts, lambda to: to.lanes(to.arguments[3]))

        return types.void(values, types.intp, types.uint64, types.int32), code

    return change


def _with_either(new):
    @intrinsic
    def change(typingctx, values, offset, mask, chosen, value, otherwise):
        def code(*parts):
            return _change(
                new,
                parts,
                lambda to: to.builder.select(to.flags(to.arguments[3]), *map(to.lanes, to.arguments[4:])),
            )

        return types.void(values, types.intp, types.uint64, types.uint64, types.int32, types.int32), code

    return change


def _sum(to, old, by):
    return to.builder.add(old, by)


def _by(to, old, by):
    return by


#: ``add_where(sums, offset, mask, value)``: adds the value in the lanes of the mask.
add_where = _with_one(_sum)
#: ``set_where(values, offset, mask, value)``: puts the value into the lanes of the mask.
set_where = _with_one(_by)
#: ``add_either(sums, offset, mask, chosen, value, otherwise)``: adds `value` in the lanes of the mask that are also
#: chosen, and the other number in the rest of them.
add_either = _with_either(_sum)
#: ``set_either(values, offset, mask, chosen, value, otherwise)``: puts one of two numbers there in the same way.
set_either = _with_either(_by)


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


def _for_all(to, array, do):
    """Code that does something with 64 elements of an array of int32 after the other."""
    build = to.builder
    with cgutils.for_range(build, build.udiv(to.array(array).nitems, ir.Constant(_INT64, LANES))) as loop:
        do(to.load(to.pointer(array, build.mul(loop.index, ir.Constant(_INT64, LANES))), _INT32))


def _zeros(element):
    return ir.Constant(_vector(element), [0] * LANES)


_BEGIN = ir.Constant(_INT64, 0)


@intrinsic
def divide(typingctx, values, limits, counts, last, following):
    """``divide(values, limits, counts, last, following)``: where the limit of each lane divides its values.

    Written are the number of values up to the limit, the largest of them, and the smallest value above it. `values` is
    a whole number of 64 lanes of int32, the others are one. Of no value the extremes are those of int32.
    """

    def code(*parts):
        to = _Code(*parts)
        build = to.builder
        smallest_int, largest_int = (to.lanes(ir.Constant(_INT32, value)) for value in (-(2**31), 2**31 - 1))
        limit = to.load(to.pointer(1, _BEGIN), _INT32)
        count, low, high = (
            cgutils.alloca_once_value(build, start) for start in (_zeros(_INT32), smallest_int, largest_int)
        )

        def compare(found):
            below = build.icmp_signed("<=", found, limit)
            build.store(build.sub(build.load(count), build.sext(below, _vector(_INT32))), count)
            for extreme, operator, here in (
                (low, ">", build.select(below, found, smallest_int)),
                (high, "<", build.select(below, largest_int, found)),
            ):
                known = build.load(extreme)
                build.store(build.select(build.icmp_signed(operator, here, known), here, known), extreme)

        _for_all(to, 0, compare)
        for number, result in ((2, count), (3, low), (4, high)):
            to.store(build.load(result), to.pointer(number, _BEGIN))
        return to.context.get_dummy_value()

    return types.void(values, limits, counts, last, following), code


@intrinsic
def add_powers(typingctx, values, sums, squares):
    """``add_powers(values, sums, squares)``: adds the values of a lane to its sum, their squares to another.

    `values` is a whole number of 64 lanes of int32 whose sum is in int32 too, `sums` and `squares` are one of int64.
    """

    def code(*parts):
        to = _Code(*parts)
        build = to.builder
        total, squared = (cgutils.alloca_once_value(build, _zeros(kind)) for kind in (_INT32, _INT64))

        def add(found):
            wide = build.sext(found, _vector(_INT64))
            build.store(build.add(build.load(total), found), total)
            build.store(build.add(build.load(squared), build.mul(wide, wide)), squared)

        _for_all(to, 0, add)
        for number, more in ((1, build.sext(build.load(total), _vector(_INT64))), (2, build.load(squared))):
            pointer = to.pointer(number, _BEGIN)
            to.store(build.add(to.load(pointer, _INT64), more), pointer)
        return to.context.get_dummy_value()

    return types.void(values, sums, squares), code
