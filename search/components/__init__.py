"""The Haystack components of a search; what flows between them stands in `search.flow`.

Their ``__init__`` takes only JSON values, so that a pipeline is data; what they work on they get in
``warm_up`` from the registry, by the memory's name.
"""
