"""Where payloads lie within their sections, as their records say; and which belong together."""

from collections.abc import Iterable

from pemn_compress.format.archive.layout import aligned
from pemn_compress.format.archive.records import (
    ALIGNED_FROM,
    DENSE,
    MASKS,
    PLANES,
    RAW,
    Alias,
    FromPrototype,
    Manifest,
    Stored,
    TensorRecord,
)


def dense_layout(
    tensors: Iterable[TensorRecord], compact: bool = False
) -> tuple[dict[str, int], int]:
    """Return where every stored payload starts in the dense section, and the section's size.

    Payloads follow each other in the order of the records. A large raw one is aligned, so that it
    can be used where it lies; the bytes in between are zero. In the `compact` form nothing is.
    """
    starts, end = {}, 0
    for tensor in tensors:
        values = tensor.values
        if isinstance(values, Stored):
            if values.coding == RAW and values.size >= ALIGNED_FROM:
                end = aligned(end, compact)
            starts[tensor.name] = end
            end += values.size
    return starts, end


def payload_places(manifest: Manifest) -> dict[str, dict[str, tuple[int, int]]]:
    """Return the places of payloads: section -> tensor -> (start, stop) within the section."""
    tensors = manifest.tensors
    masks: dict[str, tuple[int, int]] = {}
    planes: dict[str, tuple[int, int]] = {}
    dense: dict[str, tuple[int, int]] = {}
    starts, _ = dense_layout(tensors, manifest.compact)
    mask_end = plane_end = 0
    for tensor in tensors:
        if tensor.positions:
            masks[tensor.name] = mask_end, mask_end + tensor.positions.size
            mask_end += tensor.positions.size
        if tensor.plane:
            planes[tensor.name] = plane_end, plane_end + tensor.plane.size
            plane_end += tensor.plane.size
        if isinstance(tensor.values, Stored):
            start = starts[tensor.name]
            dense[tensor.name] = start, start + tensor.values.size
    return {MASKS: masks, PLANES: planes, DENSE: dense}


def most_bytes(manifest: Manifest, section: str) -> int | None:
    """Return more bytes than the tensors' payloads in a section can have; None for other sections.

    Codecs need at most 9 bytes for each bit of a mask (csr: a pointer of 8 bytes and an index) and
    few more; a plane's numbers have at most 48 bits.
    """
    if section == MASKS:
        return sum(9 * t.numel + 16 for t in manifest.tensors if t.positions)
    if section == PLANES:
        return sum(15 * t.selected + 16 for t in manifest.tensors if t.plane)
    return dense_layout(manifest.tensors, manifest.compact)[1] if section == DENSE else None


def by_prototype_part(manifest: Manifest) -> list[list[TensorRecord]] | None:
    """Return all tensors but aliases, together where they take the same part of the prototype.

    None where the prototype is needed as a whole: where it is stored, shuffled or repeated, or
    where tensors take parts that overlap. Else (strategies mask and one-layer) whoever makes the
    parts one by one makes every value once, and never holds them all. The largest tensors come
    first: the memory that one needed for a while then has room for the next one.
    """
    prototype = manifest.prototype
    groups: dict[object, list[TensorRecord]] = {}
    reached = 0
    own = [tensor for tensor in manifest.tensors if not isinstance(tensor.values, Alias)]
    own.sort(key=lambda tensor: -tensor.numel)
    if prototype is None:
        return [[tensor] for tensor in own]
    for tensor in own:
        key: object = tensor.name
        if isinstance(tensor.values, FromPrototype):
            key = (tensor.values.offset, tensor.numel)
            reached += 0 if key in groups else tensor.numel
            if tensor.values.offset + tensor.numel > prototype.length:
                return None
        groups.setdefault(key, []).append(tensor)
    if not reached:
        return list(groups.values())
    whole = prototype.seed is None or prototype.shuffle or reached > prototype.length
    return None if whole else list(groups.values())
