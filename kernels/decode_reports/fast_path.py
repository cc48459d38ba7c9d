"""The fast path: reports that look like an earlier one are decoded without parsing them.

A device reports the same components with the same fields every second; only the numbers change.
Once the layout of a report is learned, other reports of its length are compared with it as one
array of machine words. Where all tags, lengths, enums and types are the same, the numbers stand at
the same places, and numpy takes them out of all these reports at once. Everything else (another
layout, an unknown field, a name that is not ASCII, a number out of range) is left to the parser,
which knows every case and says what is wrong.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kernels.decode_reports.report_layout import ReadingPlaces, ReportLayout, learn_layout
from kernels.decode_reports.samples import Samples
from kernels.decode_reports.validate import (
    is_no_time,
    is_out_of_bounds,
    is_sound,
    mark_dark,
    reference_time_ns,
)

#: How many layouts are kept; the least recently used one goes first.
MAX_LAYOUTS = 256
#: How many layouts are learned from reports that are decoded together.
_LEARNED_AT_ONCE = 4
#: After so many unusual reports of one length, no more reports of that length are tried.
_REFUSED = 8

_WORD_BYTES = 8
_FIXED64_BYTES = 8


class FastPath:
    """Decodes reports by the layouts of earlier ones."""

    def __init__(self) -> None:
        self._by_length: dict[int, list[ReportLayout]] = {}
        self._refused: dict[int, int] = {}
        self._used: dict[int, int] = {}  # when it was used last, by id() of the layout
        self._clock = 0
        self._learnable = 0

    def __len__(self) -> int:
        """Number of layouts that are known."""
        return sum(map(len, self._by_length.values()))

    def take(
        self,
        payloads: Sequence[bytes],
        order: NDArray[np.int64],
        record_time_ns: NDArray[np.int64] | None,
    ) -> tuple[list[Samples], NDArray[np.int64]]:
        """Decodes the reports whose layout is known, and learns some of the others.

        Args:
            payloads: serialized PmReports.
            order: (len(payloads),) order of arrival.
            record_time_ns: (len(payloads),) timestamps of the records, see `reference_time_ns`.

        Returns:
            The samples of what could be decoded, layout by layout; and the numbers of the
            payloads that are left, ascending.
        """
        self._clock += 1
        self._learnable = _LEARNED_AT_ONCE
        by_length: dict[int, list[int]] = {}
        for number, payload in enumerate(payloads):
            by_length.setdefault(len(payload), []).append(number)
        decoded: list[Samples] = []
        left: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        for length, numbers in by_length.items():
            rest = np.array(numbers)
            padding = bytes(-length % _WORD_BYTES)
            data = padding.join([payloads[number] for number in numbers]) + padding
            reports = np.frombuffer(data, np.uint8).reshape(len(numbers), -1)
            known = list(self._by_length.get(length, ()))
            while len(rest):
                layout = known.pop(0) if known else self._learn(length, payloads[rest[0]])
                if layout is None:
                    break
                fits = ((reports.view(np.uint64) & layout.mask) == layout.structure).all(axis=1)
                if not fits.any():
                    continue
                self._used[id(layout)] = self._clock
                here, those = (rest, reports) if fits.all() else (rest[fits], reports[fits])
                times = None if record_time_ns is None else record_time_ns[here]
                samples, sound = _decode(layout, those, order[here], times)
                if samples is not None:
                    decoded.append(samples)
                left.append(here[~sound])
                rest, reports = rest[~fits], reports[~fits]
            left.append(rest)
        return decoded, np.sort(np.concatenate(left))

    def _learn(self, length: int, payload: bytes) -> ReportLayout | None:
        if self._learnable == 0 or self._refused.get(length, 0) >= _REFUSED:
            return None
        self._learnable -= 1
        layout = learn_layout(payload)
        if layout is None:
            self._refused[length] = self._refused.get(length, 0) + 1
            return None
        self._by_length.setdefault(length, []).append(layout)
        self._used[id(layout)] = self._clock
        if len(self._used) > MAX_LAYOUTS:
            oldest = min(self._used, key=self._used.__getitem__)
            del self._used[oldest]
            for layouts in self._by_length.values():
                layouts[:] = [one for one in layouts if id(one) != oldest]
        return layout


def _decode(
    layout: ReportLayout,
    reports: NDArray[np.uint8],
    order: NDArray[np.int64],
    record_time_ns: NDArray[np.int64] | None,
) -> tuple[Samples | None, NDArray[np.bool_]]:
    """Takes the numbers out of R reports of one layout.

    Returns:
        The samples of the sound ones, None if there are none; and (R,) bool, which ones are.
    """
    names = reports[:, layout.name]
    nodes = np.ascontiguousarray(reports[:, slice(*layout.node_id)])
    sound = ~((names >= 0x80).any(axis=1) | (nodes >= 0x80).any(axis=1))
    collect_ns = _varints(reports, layout.collect_time)
    sound &= ~is_no_time(collect_ns)
    sample_ns = _varints(reports, layout.sample_time)
    sample_ns = np.where(sample_ns == 0, collect_ns[:, None], sample_ns)
    reference_ns = reference_time_ns(collect_ns, record_time_ns)
    sound &= ~is_out_of_bounds(sample_ns, reference_ns[:, None]).any(axis=1)
    readings: dict[int, NDArray[np.float64]] = {}
    for pm_type, where in layout.readings.items():
        values = _doubles(reports, where)
        sound &= is_sound(pm_type, values).all(axis=1)
        values[:, where.dark] = -np.inf
        mark_dark(pm_type, values)
        readings[pm_type] = values
    if not sound.any():
        return None, sound
    picked = slice(None) if sound.all() else sound
    components = len(layout.name_length)
    number = int(sound.sum())
    return Samples(
        node_id=_texts(nodes[picked]),
        names=_texts(names[picked]),
        count=np.full(number, components),
        order=order[picked],
        sequence=_varints(reports[picked], layout.sequence).view(np.uint64),
        name_length=np.tile(layout.name_length, number),
        sample_time_ns=sample_ns[picked].ravel(),
        state=np.tile(layout.state, number),
        readings={
            pm_type: _spread(values[picked], layout.readings[pm_type].component, components)
            for pm_type, values in readings.items()
        },
    ), sound


def _varints(reports: NDArray[np.uint8], positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the numbers at positions (..., bytes) of R reports, as (R, ...) int64."""
    number = np.zeros((len(reports), *positions.shape[:-1]), np.int64)
    for place in range(positions.shape[-1]):
        part = reports[:, positions[..., place]] & np.uint8(0x7F)
        number |= part.astype(np.int64) << 7 * place
    return number


def _doubles(reports: NDArray[np.uint8], where: ReadingPlaces) -> NDArray[np.float64]:
    """Returns (R, k) float64; 0 where there is no light."""
    position = where.position
    steps = np.unique(np.diff(position))
    if len(steps) == 1 and not where.dark.any():  # evenly spaced: one strided view holds them all
        spaced: NDArray[np.float64] = np.ndarray(
            (len(reports), len(position)),
            "<f8",
            reports.data,
            int(position[0]),
            (reports.strides[0], int(steps[0])),
        )
        return spaced.copy()
    taken = reports[:, (position[:, None] + np.arange(_FIXED64_BYTES)).ravel()]
    values = np.ascontiguousarray(taken).view("<f8")
    values[:, where.dark] = 0.0
    return values


def _texts(rows: NDArray[np.uint8]) -> list[bytes]:
    """Returns R times bytes, each row of an array of bytes."""
    width = rows.shape[1]
    data = rows.tobytes()
    return [data[at : at + width] for at in range(0, len(data), width)]


def _spread(
    values: NDArray[np.float64], component: NDArray[np.int64], components: int
) -> NDArray[np.float64]:
    """Returns (R * components,) float64, NaN for components that have no such reading."""
    if len(component) == components:
        return values.ravel()
    wide = np.full((len(values), components), np.nan)
    wide[:, component] = values
    return wide.ravel()
