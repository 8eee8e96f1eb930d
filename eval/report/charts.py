"""The plots of a report, as Vega-Lite specifications made with Altair."""

from __future__ import annotations  # Altair is an extra: its types are for the type checker

from collections.abc import Mapping, Sequence
from typing import Any

from memory.errors import NotInstalled

_WIDTH = 560


def recall_curve(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Recall by depth, one line a system."""
    alt = library()
    rows = [
        {"system": record["pipeline"], "depth": int(depth), "recall": value}
        for record in records
        for depth, value in record["recall"].items()
    ]
    depth = alt.X("depth:Q", scale=alt.Scale(type="log"), title="documents looked at")
    recall = alt.Y(
        "recall:Q", scale=alt.Scale(domain=[0, 1]), title="share of the relevant that is among them"
    )
    return _spec(
        alt.Chart(alt.Data(values=rows))
        .mark_line(point=True)
        .encode(depth, recall, color="system:N", tooltip=["system:N", "depth:Q", "recall:Q"])
    )


def slice_bars(records: Sequence[Mapping[str, Any]], measure: str) -> dict[str, Any]:
    """One measure by slice, one bar a system."""
    alt = library()
    rows = [
        {
            "slice": f"{dimension}={value} ({part['queries']})",
            "system": record["pipeline"],
            "value": part["measures"][measure],
        }
        for record in records
        for dimension, values in record["slices"].items()
        for value, part in values.items()
    ]
    return _spec(
        alt.Chart(alt.Data(values=rows))
        .mark_bar()
        .encode(
            alt.X("value:Q", title=measure),
            alt.Y("slice:N", title=None),
            yOffset="system:N",
            color="system:N",
            tooltip=["slice:N", "system:N", alt.Tooltip("value:Q", format=".4f")],
        )
    )


def per_query(
    baseline: Mapping[str, Any], other: Mapping[str, Any], measure: str, texts: Mapping[str, str]
) -> dict[str, Any]:
    """The difference of every query, largest gain first."""
    alt = library()
    before, after = baseline["values"][measure], other["values"][measure]
    moved = sorted(before, key=lambda query: (before[query] - after[query], query))
    rows = [
        {
            "place": place,
            "query": texts.get(query, query),
            "difference": round(after[query] - before[query], 6),
        }
        for place, query in enumerate(moved)
    ]
    better = alt.condition("datum.difference < 0", alt.value("#b3261e"), alt.value("#1e7d46"))
    return _spec(
        alt.Chart(alt.Data(values=rows))
        .mark_bar()
        .encode(
            alt.X("place:O", axis=None, title="queries"),
            alt.Y("difference:Q", title=f"difference in {measure}"),
            color=better,
            tooltip=["query:N", "difference:Q"],
        )
    )


def latency_bars(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """p50 and p95 of each system that was timed."""
    alt = library()
    rows = [
        {"system": record["pipeline"], "percentile": name, "ms": record["latency_ms"][name]}
        for record in records
        if record.get("latency_ms")
        for name in ("p50", "p95")
    ]
    return _spec(
        alt.Chart(alt.Data(values=rows))
        .mark_bar()
        .encode(
            alt.X("ms:Q", title="milliseconds"),
            alt.Y("system:N", title=None),
            yOffset="percentile:N",
            color="percentile:N",
            tooltip=["system:N", "percentile:N", "ms:Q"],
        )
    )


def trend(history: Sequence[Mapping[str, Any]], measure: str) -> dict[str, Any]:
    """One measure over time, one line a system."""
    alt = library()
    rows = [
        {"at": record["at"], "system": record["pipeline"], "value": record["measures"][measure]}
        for record in history
        if measure in record["measures"]
    ]
    return _spec(
        alt.Chart(alt.Data(values=rows))
        .mark_line(point=True)
        .encode(
            alt.X("at:T", title=None),
            alt.Y("value:Q", title=measure, scale=alt.Scale(zero=False)),
            color="system:N",
            tooltip=["at:T", "system:N", alt.Tooltip("value:Q", format=".4f")],
        )
    )


def script(version: str) -> str:
    """The JavaScript that draws the plots: Vega, Vega-Lite and Vega-Embed in one text, nothing to be fetched.

    :param version: of Vega-Lite, as in ``v6.4.1``.
    :raises NotInstalled: where vl-convert-python is not there.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise _missing("vl-convert-python") from error
    number = ".".join(version.removeprefix("v").split(".")[:2])
    return str(vl_convert.javascript_bundle(vl_version=number))  # type: ignore[call-arg]  # its stub forgets a default


def library() -> Any:
    """The package altair, imported at the first use.

    :raises NotInstalled: where it is not there.
    """
    try:
        import altair
    except ImportError as error:
        raise _missing("altair") from error
    return altair


def _missing(package: str) -> NotInstalled:
    return NotInstalled(f"A report needs the package {package}.", hint='Run: pip install "mneme[eval]".')


def _spec(chart: Any) -> dict[str, Any]:
    spec: dict[str, Any] = chart.properties(width=_WIDTH).to_dict()
    return spec
