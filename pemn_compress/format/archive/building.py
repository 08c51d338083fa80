"""Records and payloads of an archive, tensor by tensor: what `writer` puts together."""

import math
from dataclasses import replace

import numpy as np

from pemn_compress.errors import ArchiveError
from pemn_compress.format import codecs
from pemn_compress.format.archive import choosing, filling, places, planes, records, values
from pemn_compress.format.archive.contents import (
    AliasTensor,
    ConstantTensor,
    Content,
    DenseTensor,
    MaskedTensor,
    Plane,
    Prototype,
    QuantizedTensor,
    SparseTensor,
)
from pemn_compress.format.archive.manifest import check_scale
from pemn_compress.format.archive.values import Array, Mask
from pemn_compress.format.bits import pack_fields

_HALF = 4  # bits of an integer that shares a byte


class Builder:
    """Records, payloads and digests of the tensors added so far."""

    def __init__(
        self,
        prototype: Prototype | None,
        codec: str,
        *,
        tensor_digests: bool,
        compress: bool,
        predict: bool,
    ) -> None:
        self._prototype = prototype.filled() if prototype else None
        self._prototype_record = prototype.record() if prototype else None
        self._codec, self._with_digests, self._compress = codec, tensor_digests, compress
        self._predict = predict
        self._by_name: dict[str, records.TensorRecord] = {}
        self.masks: list[bytes] = []
        self.planes: list[bytes] = []
        self.digests: dict[str, bytes] = {}
        self._dense: dict[str, bytes] = {}

    def add(self, content: Content) -> None:
        """Add one tensor. Raises ArchiveError."""
        name = content.name
        if isinstance(content, AliasTensor):
            target = self._by_name.get(content.of)
            if target is None:
                raise ArchiveError(
                    f"tensor {name!r}: expected an earlier tensor, got {content.of!r}"
                )
            shape, dtype, digest = target.shape, target.dtype, self.digests[content.of]
            record = records.TensorRecord(name, shape, dtype, records.Alias(content.of))
        else:
            record, array = self._record(content)
            digest = values.tensor_sha256(record.dtype, array)
            if self._with_digests:
                record = replace(record, sha256=digest.hex())
        if name in self._by_name:
            raise ArchiveError(f"tensor {name!r}: expected a unique name, got two")
        self.digests[name] = digest
        self._by_name[name] = record

    @property
    def tensors(self) -> tuple[records.TensorRecord, ...]:
        """The records, in the order of their tensors."""
        return tuple(self._by_name.values())

    def dense_section(self, compact: bool) -> bytes:
        """Return the stored payloads where the layout puts them."""
        starts, size = places.dense_layout(self.tensors, compact)
        section = bytearray(size)
        for name, start in starts.items():
            section[start : start + len(self._dense[name])] = self._dense[name]
        return bytes(section)

    def _record(self, content: Content) -> tuple[records.TensorRecord, Array]:
        match content:
            case MaskedTensor():
                return self._masked(content)
            case ConstantTensor(name, dtype, value, mask, negative):
                plane, changed = self._plane(Plane(records.SIGN, negative), mask)
                needed = plane is None or not _is_whole(mask)
                positions = self._positions(name, mask) if needed else None
                constant = records.Constant(bytes(values.tensor_bytes(value)).hex(), plane)
                record = records.TensorRecord(name, mask.shape, dtype, constant, positions)
                array = filling.constant(constant, dtype, mask.shape, mask, changed)
                return record, array
            case DenseTensor(name, dtype, array, narrow):
                return self._stored(name, dtype, array.shape, array, narrow, None), array
            case SparseTensor(name, dtype, mask, kept, narrow):
                record = self._stored(name, dtype, mask.shape, kept, narrow, mask)
                return record, values.spread(kept, mask)
            case QuantizedTensor(name, dtype, integers, scale, mask, bits):
                check_scale(scale, integers.shape, f"tensor {name!r}")
                flat = integers.reshape(-1) if mask is None else integers[mask]
                record = self._quantized(content, flat, scale, mask, bits)
                assert isinstance(record.values, records.Stored)

                def take(start: int, stop: int) -> Array:
                    return flat[start:stop]

                held = record.values
                return record, filling.stored(take, held, record.shape, dtype, mask)
        raise ArchiveError(f"{content!r} is no content of an archive")

    def _masked(self, content: MaskedTensor) -> tuple[records.TensorRecord, Array]:
        name, mask = content.name, content.mask
        check_scale(content.scale, mask.shape, f"tensor {name!r}")
        if self._prototype is None:
            raise ArchiveError(f"tensor {name!r}: expected a prototype to fill it, got none")
        free = _free(content, self._prototype)
        listed = mask.reshape(-1) if free is None else mask.reshape(-1) & free
        plane, changed = self._plane(content.plane, listed)
        positions = None
        if not _is_whole(mask) or (plane is None and free is not None):
            positions = self._positions(name, mask, free, content.first_scores)
        fill = records.FromPrototype(content.offset, content.scale, content.signs, plane)
        frozen = content.frozen
        record = records.TensorRecord(
            name, mask.shape, content.dtype, fill, positions, frozen=frozen
        )
        array = filling.masked(
            self._prototype, fill, mask, content.dtype, changed, self._prototype_record
        )
        return record, array

    def _plane(
        self, content: Plane | None, mask: Mask
    ) -> tuple[records.Plane | None, planes.Departures | None]:
        if content is None:
            return None, None
        selected = np.flatnonzero(mask).astype(np.uint64)
        kept = content.numbers.reshape(-1)[selected]
        encoded = planes.encode(content.kind, content.stream, kept, selected, self._codec)
        if encoded is None:
            return None, None
        record, payload = encoded
        self.planes.append(payload)
        return record, planes.decode(payload, record, mask.reshape(-1), mask.size)

    def _positions(
        self,
        name: str,
        mask: Mask,
        free: Mask | None = None,
        first_scores: tuple[int, int] | None = None,
    ) -> records.Positions:
        _check_not_empty(name, mask)
        coded, ones, predictor = mask if free is None else mask.reshape(-1)[free], 0, None
        used, payload = codecs.encode(self._codec, coded)
        if first_scores is not None and self._predict:
            ones = int(np.count_nonzero(coded))
            guess = records.Predictor(ones, 0, *first_scores)
            flips = coded ^ choosing.predicted(guess, free, mask.size).reshape(coded.shape)
            tried, smaller = codecs.encode(self._codec, flips)
            if len(smaller) + values.LEAST_SAVED <= len(payload):
                used, payload = tried, smaller
                predictor = replace(guess, flips=int(np.count_nonzero(flips)))
        self.masks.append(payload)
        return records.Positions(used, int(np.count_nonzero(mask)), len(payload), predictor)

    def _quantized(
        self,
        content: QuantizedTensor,
        kept: Array,
        scale: records.Scale,
        mask: Mask | None,
        bits: int,
    ) -> records.TensorRecord:
        name, shape, dtype = content.name, content.integers.shape, content.dtype
        low, high = (-8, 7) if bits == _HALF else (-128, 127)
        if bits not in (_HALF, 8) or kept.dtype != np.int8:
            raise ArchiveError(f"tensor {name!r}: expected int8 in 4 or 8 bits, got {bits} bits")
        if kept.size and not low <= int(kept.min()) <= int(kept.max()) <= high:
            raise ArchiveError(f"tensor {name!r}: expected integers from {low} to {high}")
        if bits == _HALF:
            kept = np.frombuffer(pack_fields(kept.view(np.uint8), bits), np.uint8)
        held = records.INT4 if bits == _HALF else "i8"
        return self._stored(name, dtype, shape, kept, None, mask, (held, scale))

    def _stored(
        self,
        name: str,
        dtype: str,
        shape: tuple[int, ...],
        array: Array,
        narrow: str | None,
        mask: Mask | None,
        scaled: tuple[str, records.Scale] | None = None,
    ) -> records.TensorRecord:
        """Store an array as it is, or `scaled`: in another dtype, with a scale."""
        positions = None if mask is None else self._positions(name, mask)
        if positions is None:
            _check_not_empty(name, array)
        held, scale = (dtype, None) if scaled is None else scaled
        count = math.prod(shape) if positions is None else positions.ones
        expected = records.stored_size(held, count)
        if array.nbytes != expected:
            raise ArchiveError(
                f"tensor {name!r}: expected {expected} stored bytes, got {array.nbytes}"
            )
        bits = values.constant_bits(array) if array.size and scale is None else None
        if bits is not None:
            return records.TensorRecord(name, shape, dtype, records.Constant(bits), positions)
        payload, held, coding = values.pack_stored(array, held, narrow, compress=self._compress)
        self._dense[name] = payload
        kept = records.Stored(len(payload), held, coding, scale)
        return records.TensorRecord(name, shape, dtype, kept, positions)


def _free(content: MaskedTensor, fixed: values.F32) -> Mask | None:
    """Return which elements are not frozen, and refuse contents that say anything of others."""
    frozen, mask, plane = content.frozen, content.mask, content.plane
    if frozen is None:
        return None
    where = f"tensor {content.name!r}: frozen"
    if not 0 < frozen.count < mask.size:
        raise ArchiveError(f"{where}: expected 1 to {mask.size - 1} elements, got {frozen.count}")
    chosen = choosing.frozen_elements(frozen, mask.size, fixed, content.offset)
    if not mask.reshape(-1)[chosen].all():
        raise ArchiveError(f"{where}: expected all of them to be kept, got others")
    if plane is not None:
        numbers = plane.numbers.reshape(-1)[chosen]
        own = np.flatnonzero(chosen) if plane.kind == records.FROM_SOURCE else 0
        if (numbers != own).any():
            raise ArchiveError(f"{where}: expected values as the seed has them, got others")
    return ~chosen


def _is_whole(mask: Mask) -> bool:
    """Tell whether all elements are selected, and there is one: nothing need say so."""
    return bool(mask.size and mask.all())


def _check_not_empty(name: str, array: Array) -> None:
    if not array.size:
        raise ArchiveError(
            f"tensor {name!r}: expected dimensions of at least 1, got shape {array.shape}"
        )
