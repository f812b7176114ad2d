"""The border between the caller's column types and those of the engine.

What the engine would change is turned into something that it keeps on the way in (a duration into the whole number of its
unit, an extension type into its storage), and what comes out goes back into the caller's own type. A type for which there is
no such way is refused (T211), by the column's name and the type's alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from jalousie.errors import ReleaseError, TableError, library_boundary

_HINT = "turn it into text, numbers or dates before"
_CATEGORIES = ("category", "categorical", "enum", "dictionary")
_ZONE = re.compile(r"(?:tz=|time_zone='|, )([A-Za-z][\w/+:-]*)")


class Own(Struct, frozen=True, eq=False):
    """The caller's own type of a column.

    kind     the type in the caller's library
    arrow    the Arrow type of the column as it came, where it came as Arrow
    order    the values of an ordered dictionary, or the names of an enum, in their order
    """

    kind: Any
    arrow: Any = None
    order: Any = None

    @property
    def said(self) -> str:
        """The type in words if the engine's own says less: categories, durations, time zones. The categories are not said."""
        text = str(self.kind)
        word = re.split(r"[(\[<]", text, maxsplit=1)[0].lower()
        if word in _CATEGORIES:
            return word
        if word in ("duration", "timedelta64"):
            return text
        zone = _ZONE.search(text) if word in ("datetime64", "timestamp", "datetime") else None
        return text if zone is not None and zone[1] != "UTC" else ""

    @property
    def ordered(self) -> bool:
        return self.order is not None

    @property
    def is_duration(self) -> bool:
        """Whether the column is a duration, which is a whole number inside."""
        return self.said.startswith(("Duration", "duration", "timedelta"))

    def kept_in(self, form: str) -> bool:
        """Whether a column goes back into this type in a file of that format, or in a data frame (no format)."""
        return not form or (form == "arrow" and not self.ordered)


def refused(name: str, kind: str) -> TableError:
    return TableError("T211", f'column "{name}" has type {kind}, which is not supported', hint=_HINT)


def enter(table: Any, *, written: bool = False) -> Any:
    """An Arrow table as the engine keeps it. Raises T211 for a type that it would change or does not know, unless the
    table was `written` by the engine itself.
    """
    import pyarrow as pa

    changed = {}
    for field in table.schema:
        if not written and not _kept(field.type):
            raise refused(field.name, _said(field.type))
        inner = _inner(field.type)
        if inner != field.type:
            changed[field.name] = inner
    if not changed:
        return table
    columns = []
    for name in table.column_names:
        column = table[name]
        if name in changed:
            stored = [
                (chunk.storage if isinstance(column.type, pa.BaseExtensionType) else chunk).cast(changed[name])
                for chunk in column.chunks
            ]
            column = pa.chunked_array(stored, changed[name])
        columns.append(column)
    return pa.table(columns, names=table.column_names)


def arrow_own(table: Any) -> dict[str, Own]:
    """The types of an Arrow table's columns."""
    import pyarrow as pa

    own = {}
    for field in table.schema:
        order = None
        if pa.types.is_dictionary(field.type) and field.type.ordered:
            parts = [chunk.dictionary for chunk in table[field.name].chunks]
            order = pa.concat_arrays(parts).unique() if parts else None
        own[field.name] = Own(field.type, field.type, order)
    return own


def _kept(kind: Any, inside: bool = False) -> bool:
    """Whether a type survives the engine, given `enter` and `leave`. Inside lists and structs these two do nothing."""
    from pyarrow import types

    if isinstance(kind, _extension()):
        return not inside and not kind.extension_name.startswith("pandas.") and _kept(kind.storage_type, True)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return not inside and not types.is_nested(kind.value_type) and _kept(kind.value_type, True)
    if types.is_map(kind):
        return _kept(kind.key_type, True) and _kept(kind.item_type, True)
    if types.is_struct(kind):
        return all(_kept(field.type, True) for field in kind)
    if types.is_list_view(kind) or types.is_large_list_view(kind) or types.is_union(kind):
        return False
    if types.is_nested(kind):
        return _kept(kind.value_type, True)
    if types.is_duration(kind):
        return not inside
    return not (types.is_float16(kind) or types.is_decimal256(kind) or types.is_interval(kind))


def _extension() -> Any:
    import pyarrow as pa

    return pa.BaseExtensionType


def _inner(kind: Any) -> Any:
    """The type in which the engine has a column of type `kind`, where that is not the engine's own choice."""
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return kind.storage_type
    return pa.int64() if pa.types.is_duration(kind) else kind


def _said(kind: Any) -> str:
    """A type in words. (An extension type's own may hold anything.)"""
    return str(kind.extension_name) if isinstance(kind, _extension()) else str(kind)


# -- out


def leave(table: Any, own: Mapping[str, Own]) -> Any:
    """An Arrow table with the caller's own Arrow types in place of the engine's. Of categories it has those alone that it
    shows: others may be of rows that were suppressed. Raises R500.
    """
    import pyarrow as pa

    columns, names = [], table.column_names
    for name in names:
        column = table[name]
        kind = own[name].arrow if name in own else None
        if kind is not None and kind != column.type:
            values = _shown(column, own[name].order) if pa.types.is_dictionary(kind) else None
            column = pa.chunked_array([_as_own(name, chunk, kind, values) for chunk in column.chunks], kind)
        columns.append(column)
    return pa.table(columns, names=names)


def _shown(column: Any, order: Any) -> Any:
    """The values of a dictionary: those that occur, in the caller's order."""
    import pyarrow.compute as pc

    found = column.unique().drop_null()
    if order is None or not pc.all(pc.is_in(found, value_set=order)).as_py():
        return found
    return order.filter(pc.is_in(order, value_set=found))


def leave_batches(schema: Any, batches: Iterable[Any], own: Mapping[str, Own]) -> tuple[Any, Iterator[Any]]:
    """`leave` for rows that stream by: the schema, and the batches. Dictionaries grow from batch to batch, so those that are
    ordered become their values.
    """
    import pyarrow as pa

    kinds = {name: kind for name, kind in _arrow_kinds(own).items() if not own[name].ordered}
    schema = pa.schema([pa.field(field.name, kinds.get(field.name, field.type)) for field in schema])

    def changed() -> Iterator[Any]:
        known: dict[str, Any] = {}
        for batch in batches:
            columns = []
            for field, column in zip(schema, batch.columns, strict=True):
                if pa.types.is_dictionary(field.type) and column.type != field.type:
                    known[field.name] = _grown(known.get(field.name), column)
                columns.append(_as_own(field.name, column, field.type, known.get(field.name)))
            yield pa.record_batch(columns, schema=schema)

    return schema, changed()


def _arrow_kinds(own: Mapping[str, Own]) -> dict[str, Any]:
    kinds = {name: one.arrow for name, one in own.items() if one.arrow is not None}
    polars = {name: one.kind for name, one in own.items() if type(one.kind).__module__.startswith("polars")}
    if polars:
        import polars as pl

        kinds |= {field.name: field.type for field in pl.DataFrame(schema=polars).to_arrow().schema}
    return kinds


def _grown(known: Any, column: Any) -> Any:
    import pyarrow as pa

    found = column.unique().drop_null()
    return found if known is None else pa.concat_arrays([known, found]).unique()


def _as_own(name: str, array: Any, kind: Any, values: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if array.type == kind:
        return array
    with library_boundary(
        ReleaseError,
        "R500",
        f'column "{name}" cannot be given back as {_said(kind)}',
        hint="turn it into another type before",
    ):
        if isinstance(kind, pa.BaseExtensionType):
            return pa.ExtensionArray.from_storage(kind, array.cast(kind.storage_type))
        if pa.types.is_dictionary(kind):
            codes = pc.index_in(array, value_set=values).cast(kind.index_type)
            return pa.DictionaryArray.from_arrays(codes, values.cast(kind.value_type), ordered=kind.ordered)
        if pa.types.is_run_end_encoded(kind):
            return pc.run_end_encode(array.cast(kind.value_type), run_end_type=kind.run_end_type)
        return array.cast(kind)


def to_pandas(table: Any, objects: Iterable[str] = ()) -> Any:
    """An Arrow table as a pandas frame, without a detour over floats where a null is beside a whole number or a boolean.

    Such columns get pandas' nullable types, or stay Python objects where they are named in `objects`.
    """
    import pandas as pd
    import pyarrow as pa

    def exact(field: Any) -> bool:
        whole = pa.types.is_integer(field.type) or pa.types.is_boolean(field.type)
        return bool(whole and table[field.name].null_count)

    apart = [field.name for field in table.schema if exact(field)]
    if not apart:
        return table.to_pandas()
    # the others together, since they share memory
    frame = table.drop_columns(apart).to_pandas() if len(apart) < table.num_columns else None
    frame = pd.DataFrame(index=pd.RangeIndex(table.num_rows)) if frame is None else frame
    for place, name in enumerate(table.column_names):
        if name in apart:
            column = table[name]
            as_objects = name in set(objects)
            series = column.to_pandas(
                integer_object_nulls=as_objects, types_mapper=None if as_objects else _nullable().get
            )
            frame.insert(place, name, series)
    return frame


def _nullable() -> dict[Any, Any]:
    import pandas as pd
    import pyarrow as pa

    sizes = (8, 16, 32, 64)
    kinds = {getattr(pa, f"int{bits}")(): getattr(pd, f"Int{bits}Dtype")() for bits in sizes}
    kinds |= {getattr(pa, f"uint{bits}")(): getattr(pd, f"UInt{bits}Dtype")() for bits in sizes}
    return {**kinds, pa.bool_(): pd.BooleanDtype()}
