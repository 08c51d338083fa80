"""An open archive: its payloads, read when they are asked for.

Every section's digest is checked before one byte of it is used; a tensor that has a digest of its
own can be read alone.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from difflib import get_close_matches

import numpy as np

from pemn_compress.errors import ArchiveError
from pemn_compress.format import prng
from pemn_compress.format.archive import choosing, filling, layout, places, planes, records, values
from pemn_compress.format.archive.payloads import ArchiveFile, Sections
from pemn_compress.format.archive.planes import Departures
from pemn_compress.format.archive.values import F32, Array, Mask
from pemn_compress.format.bits import Part, Payload

_THREADS = min(4, os.cpu_count() or 1)
_Fixed = tuple[F32, records.FromPrototype]  # a vector, and where in it a tensor's values are
_PARALLEL_FROM = 1 << 22  # restored bytes: below, threads cost more than they save


class Archive:
    """An open archive.

    `manifest` is what it says about itself; `version` the format's, `manifest_bytes` the stored
    manifest's size, `section_offsets` where the sections start.
    """

    def __init__(
        self,
        file: ArchiveFile,
        manifest: records.Manifest,
        *,
        version: tuple[int, int],
        manifest_bytes: int,
        section_offsets: dict[str, int],
        limits: layout.Limits,
    ) -> None:
        self.manifest, self.version = manifest, version
        self.manifest_bytes, self.section_offsets = manifest_bytes, section_offsets
        self._file, self.limits = file, limits
        self._sections = Sections(file, manifest, section_offsets, limits)
        self._prototype: F32 | None = None
        self._records = {t.name: t for t in manifest.tensors}
        self._places = places.payload_places(manifest)

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name in self._records

    def __repr__(self) -> str:
        return f"<Archive {self.name!r}: {len(self._records)} tensors, {self.size} bytes>"

    @property
    def name(self) -> str:
        """What messages call the archive."""
        return self._file.name

    @name.setter
    def name(self, name: str) -> None:
        self._file.name = name

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self._file.size

    def content(self) -> bytes:
        """Return the bytes of the whole file, which is in memory from then on: it is read once."""
        self._file.keep()
        return bytes(self._file.read(0, self.size, "file"))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def map_file(self) -> None:
        """Map the file into memory; sections are then parts of it rather than copies."""
        self._file.map()

    def unchanged(self) -> None:
        """Raise ArchiveError where the file has another size than when it was opened."""
        self._file.check_unchanged()

    def section(self, name: str) -> bytes | memoryview:
        """Return a section's payload, its digest checked. Raises ArchiveError."""
        return self._sections.whole(name)[:]

    def check_sections(self) -> None:
        """Compare the digests of all sections, unknown ones included. Raises ArchiveError."""
        for name in self.section_offsets:
            self._sections.whole(name)

    def prototype(self) -> F32:
        """Return the prototype's values, regenerated or read: float32 of shape (length,)."""
        record = self.manifest.prototype
        if record is None:
            raise ArchiveError(f"{self.name}: holds no prototype")
        if self._prototype is None:
            if record.seed is None or record.transform is None:
                vector = np.frombuffer(self.section(records.PROTOTYPE), "<f4")
            else:
                generate = prng.TRANSFORMS[record.transform]
                vector = generate(record.seed, record.stream, record.length)
            if record.shuffle is not None:
                vector = values.shuffled(vector, record.shuffle)
            self._prototype = vector
        return self._prototype

    def mask(self, name: str) -> Mask:
        """Return the mask of one tensor, bool in the tensor's shape. Raises ArchiveError."""
        record = self._record(name)
        if record.positions is None:
            if record.is_masked:
                return np.ones(record.shape, np.bool_)
            raise ArchiveError(f"{self.name}: tensor {name!r} has no mask")
        if records.MASKS in self._sections:
            self._sections.whole(records.MASKS)  # a tensor's digest says nothing of its mask alone
        return self._mask(record, record.positions, self._free(record))

    def departures(self, name: str) -> Departures | None:
        """Return what the plane of one tensor changes, None where it has none."""
        record = self._record(name)
        mask = None if record.positions is None else self.mask(name)
        if record.plane is None:
            return None
        if records.PLANES in self._sections:
            self._sections.whole(records.PLANES)  # as for masks
        return self._departures(record, record.plane, mask, self._free(record))

    def tensor(self, name: str) -> Array:
        """Return one restored tensor (bf16 as its 16-bit patterns). Raises ArchiveError."""
        record = self._record(name)
        if isinstance(record.values, records.Alias):
            return self.tensor(record.values.of)
        return self._restore(record) if record.sha256 is None else self._checked(record)[0]

    def tensors(self) -> Iterator[tuple[records.TensorRecord, Array]]:
        """Yield every record with its restored tensor, in the state dict's order."""
        for record in self.manifest.tensors:
            yield record, self.tensor(record.name)

    def source(self) -> str | None:
        """Return the model file's source that travels in the archive, or None."""
        if records.SOURCE not in self._sections:
            return None
        return self._sections.text(records.SOURCE)

    def checked_tensors(self) -> Iterator[tuple[records.TensorRecord, Array]]:
        """Yield every record that is no alias with its restored tensor, holding no more than one.

        Raises ArchiveError, at the end where only the restored digest differs.
        """
        self._check_tensor_sections()
        digests: dict[str, bytes] = {}
        for record in self.manifest.tensors:
            if not isinstance(record.values, records.Alias):
                array, digests[record.name] = self._checked(record)
                yield record, array
        self._check_restored(digests)

    def restored(self) -> dict[str, Array]:
        """Restore every tensor, check the restored digest, and return them by name, in order.

        Raises ArchiveError when the digest differs from the manifest's.
        """
        arrays: dict[str, Array] = {}
        digests: dict[str, bytes] = {}
        for together in self._each_group(keep=True):
            for name, (array, digest) in together.items():
                assert array is not None
                arrays[name], digests[name] = array, digest
        self._check_restored(digests)
        for tensor in self.manifest.tensors:
            if isinstance(tensor.values, records.Alias):  # the same array, in no further memory
                arrays[tensor.name] = arrays[tensor.values.of]
        return {tensor.name: arrays[tensor.name] for tensor in self.manifest.tensors}

    def check_restored(self) -> None:
        """Restore every tensor, one after the other, and check the restored digest.

        Raises ArchiveError.
        """
        digests: dict[str, bytes] = {}
        for together in self._each_group(keep=False):
            digests |= {name: digest for name, (_, digest) in together.items()}
        self._check_restored(digests)

    def _each_group(self, *, keep: bool) -> Iterator[dict[str, tuple[Array | None, bytes]]]:
        """Yield all tensors but aliases with their digests, several at a time; arrays if kept."""
        self._check_tensor_sections()
        groups = places.by_prototype_part(self.manifest)
        if groups is None or self._prototype is not None:
            self.prototype()
            own = (t for t in self.manifest.tensors if not isinstance(t.values, records.Alias))
            groups = [[tensor] for tensor in own]

        def work(group: Sequence[records.TensorRecord]) -> dict[str, tuple[Array | None, bytes]]:
            part, first, found = None, group[0], {}
            if len(group) > 1 and isinstance(first.values, records.FromPrototype):
                part, _ = self._values_of(first.values, first.numel, None)
            for tensor in group:
                array, digest = self._checked(tensor, part)
                found[tensor.name] = array if keep else None, digest
            return found

        if self.manifest.restored_bytes <= _PARALLEL_FROM or len(groups) == 1:
            yield from map(work, groups)
            return
        # most of the time goes into digests and numpy, which let other threads work
        with ThreadPoolExecutor(_THREADS) as pool:
            yield from pool.map(work, groups)

    def _check_tensor_sections(self) -> None:
        """Read what tensors are made of, also where they have digests: gaps have none."""
        for name in (records.MASKS, records.PLANES, records.DENSE, records.PROTOTYPE):
            if name in self._sections:
                self._sections.whole(name)

    def _check_restored(self, own: Mapping[str, bytes]) -> None:
        named = {t.name: t.values for t in self.manifest.tensors}
        digests = {n: own[v.of if isinstance(v, records.Alias) else n] for n, v in named.items()}
        expected, found = self.manifest.restored_sha256, values.restored_sha256(digests)
        if found != expected:
            raise ArchiveError(
                f"{self.name}: restored tensors: expected SHA-256 {expected}, got {found}"
            )

    def _checked(
        self, record: records.TensorRecord, part: F32 | None = None
    ) -> tuple[Array, bytes]:
        array = self._restore(record, part)
        digest = values.tensor_sha256(record.dtype, array)
        if record.sha256 not in (None, digest.hex()):
            raise ArchiveError(
                f"{self.name}: tensor {record.name!r}: expected SHA-256 {record.sha256}, "
                f"got {digest.hex()}"
            )
        return array, digest

    def _restore(self, record: records.TensorRecord, part: F32 | None = None) -> Array:
        positions, shape, dtype = record.positions, record.shape, record.dtype
        fixed = None
        if isinstance(record.values, records.FromPrototype):
            fixed = self._values_of(record.values, record.numel, part)
        free = self._free(record, fixed)
        mask = None if positions is None else self._mask(record, positions, free)
        changed = None
        if record.plane is not None:
            changed = self._departures(record, record.plane, mask, free)
        match record.values:
            case records.FromPrototype():
                kept = np.broadcast_to(np.True_, shape) if mask is None else mask
                assert fixed is not None
                try:
                    return filling.masked(*fixed, kept, dtype, changed, self.manifest.prototype)
                except ArchiveError as error:
                    raise self._refusal(records.PLANES, record, error) from None
            case records.Constant() as constant:
                return filling.constant(constant, dtype, shape, mask, changed)
            case records.Stored() as held:
                payload = self._payload(record, records.DENSE)
                try:
                    take = filling.elements(payload, held, record.selected)
                    return filling.stored(take, held, shape, dtype, mask)
                except ArchiveError as error:
                    raise self._refusal(records.DENSE, record, error) from None
            case records.Alias(of):
                return self.tensor(of)

    def _values_of(self, fill: records.FromPrototype, count: int, part: F32 | None) -> _Fixed:
        """Return a vector and where in it a tensor's values are: no more of it than is needed."""
        record = self.manifest.prototype
        assert record is not None
        if part is None:
            fits = fill.offset + count <= record.length and record.shuffle is None
            if self._prototype is not None or record.seed is None or not fits:
                return self.prototype(), fill
            generate = prng.TRANSFORMS[record.transform or ""]
            part = generate(record.seed, record.stream, count, fill.offset)
        return part, replace(fill, offset=0)

    def _free(self, record: records.TensorRecord, fixed: _Fixed | None = None) -> Mask | None:
        """Return which elements of a tensor are not frozen, flat; None for all of them."""
        frozen, fill = record.frozen, record.values
        if frozen is None or not isinstance(fill, records.FromPrototype):
            return None
        vector, fill = fixed or self._values_of(fill, record.numel, None)
        return ~choosing.frozen_elements(frozen, record.numel, vector, fill.offset)

    def _mask(
        self, record: records.TensorRecord, positions: records.Positions, free: Mask | None
    ) -> Mask:
        payload = self._payload(record, records.MASKS)
        try:
            return choosing.decode_mask(payload, record, positions, free)
        except ArchiveError as error:
            raise self._refusal(records.MASKS, record, error) from None

    def _departures(
        self,
        record: records.TensorRecord,
        plane: records.Plane,
        mask: Mask | None,
        free: Mask | None,
    ) -> Departures:
        payload = self._payload(record, records.PLANES)
        flat = None if mask is None else mask.reshape(-1)
        if free is not None:
            flat = free if flat is None else flat & free
        try:
            return planes.decode(payload, plane, flat, record.numel)
        except ArchiveError as error:
            raise self._refusal(records.PLANES, record, error) from None

    def _payload(self, record: records.TensorRecord, section: str) -> Payload:
        """Return a tensor's part of a section; alone where it has a digest of its own to check."""
        start, stop = self._places[section][record.name]
        if start == stop:  # a mask without ones: the section may not even be there
            return b""
        if record.sha256 is not None and not self._sections.is_checked(section):
            return self._sections.unchecked(section, start, stop, f"tensor {record.name!r}")
        return Part(self._sections.whole(section), start, stop)

    def _record(self, name: str) -> records.TensorRecord:
        if name in self._records:
            return self._records[name]
        near = get_close_matches(str(name), self._records, 3)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "inspect lists them"
        raise ArchiveError(f"{self.name}: no tensor {name!r}; {hint}")

    def _refusal(
        self, section: str, record: records.TensorRecord, error: ArchiveError
    ) -> ArchiveError:
        """Return an error that says in which archive and where in it."""
        where = f"tensor {record.name!r}"
        if section != records.DENSE:  # where values are is found as well by the tensor's name
            where = f"section {section!r}, {where}"
            if section in self.section_offsets:  # not where all masks claim to have no bytes
                start, _ = self._places[section][record.name]
                where += f" (offset {self.section_offsets[section] + start})"
        return ArchiveError(f"{self.name}: {where}: {error}")
